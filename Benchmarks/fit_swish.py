"""The table of Sources/CKernels/swish_table.h: swish in 32 pieces of the second degree, and how far each is off.

python3 Benchmarks/fit_swish.py    (needs numpy)
"""

import numpy as np

# Piece k lies around k / 2, the first one around -8, the last one around 7.5. Two to the left, B7's logits are off by twice as
# much: above the last piece swish becomes x, and a share of a large value is much.
WIDTH, FIRST, PIECES = 0.5, -16, 32


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def fit(k):
    """The coefficients of 1, x and x² whose largest relative error is least, by Lawson's iteration, and that error."""
    x = np.linspace((k - 0.5) * WIDTH, (k + 0.5) * WIDTH, 400)
    y = x * sigmoid(x)
    powers = np.stack([np.ones_like(x), x, x * x], 1)
    if k == 0:
        powers[:, 0] = 0  # swish(0) is 0, so that small values keep their relative accuracy
    weights = np.ones_like(x) / len(x)
    for _ in range(1000):
        scale = np.sqrt(weights) / np.abs(y)
        coefficients = np.linalg.lstsq(powers * scale[:, None], y * scale, rcond=None)[0]
        errors = np.abs(powers @ coefficients - y) / np.abs(y)
        weights *= errors
        weights /= weights.sum()
    return coefficients, errors.max()


def end(k, edge, limit):
    """x times a line that leads from sigmoid(edge) to the limit at the piece's middle, where x is clamped: there it is exact,
    for which the slope has few bits."""
    fraction, exponent = np.frexp((limit - sigmoid(edge)) / (k * WIDTH - edge))
    slope = np.ldexp(np.round(fraction * 4096) / 4096, exponent)
    return np.array([0, limit - k * WIDTH * slope, slope])


pieces = {}
for k in range(FIRST + 1, FIRST + PIECES - 1):
    pieces[k], error = fit(k)
    print(f"// {k / 2:5}: {error:.1e}")
pieces[FIRST] = end(FIRST, (FIRST + 0.5) * WIDTH, 0)
pieces[FIRST + PIECES - 1] = end(FIRST + PIECES - 1, (FIRST + PIECES - 1.5) * WIDTH, 1)
order = [k if k < FIRST + PIECES else k - PIECES for k in range(PIECES)]
for power in range(3):
    numbers = [f"{pieces[k][power]:#.9g}f" for k in order]
    print("    {" + ",\n     ".join(", ".join(numbers[i : i + 8]) for i in range(0, PIECES, 8)) + "},")
