#!/usr/bin/env python3
"""Draws a folder of scan-like files for whole-night measurements.

    Benchmarks/make_scans.py FOLDER COUNT [SEED]

A third each: 2048² gray PNG of 16 bits, 2048² gray TIFF of 16 bits (deflate, predictor), 1024² colour JPEG. Smooth shapes with the noise
of a detector, so that they compress about as radiographs do.
"""
import pathlib
import sys

import numpy as np
from PIL import Image


def shapes(random, side):
    """Values in 0…1."""
    axis = np.linspace(0, 1, side, dtype=np.float32)
    picture = np.zeros((side, side), np.float32)
    for _ in range(10):
        x, y, width, weight = random.uniform(0, 1), random.uniform(0, 1), random.uniform(0.05, 0.4), random.uniform(-1, 1)
        picture += weight * np.exp(-((axis - y) ** 2) / (2 * width**2))[:, None] * np.exp(-((axis - x) ** 2) / (2 * width**2))[None]
    return (picture - picture.min()) / np.ptp(picture)


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        random = np.random.default_rng([seed, number])
        name = folder / f"scan-{number:05d}"
        if number % 3 == 2:
            gray = shapes(random, 1024)
            colour = np.stack([gray, gray**1.2, gray**0.8], -1) * 235 + random.normal(0, 2.5, (1024, 1024, 3))
            Image.fromarray(colour.clip(0, 255).astype(np.uint8)).save(f"{name}.jpg", quality=92)
        else:
            gray = shapes(random, 2048) * 50000 + 5000 + random.normal(0, 90, (2048, 2048))
            image = Image.fromarray(gray.clip(0, 65535).astype(np.uint16))
            if number % 3 == 0:
                image.save(f"{name}.png")
            else:
                image.save(f"{name}.tif", compression="tiff_adobe_deflate", tiffinfo={317: 2})


if __name__ == "__main__":
    main()
