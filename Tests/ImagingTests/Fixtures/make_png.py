"""Writes png.txt: small PNG files of every colour type, depth and interlacing, with the samples they were made from.

    pip install pypng && python make_png.py > png.txt

A line: name width height channels bits alpha(0/1), the file in base64, the samples a reader must give, comma-separated. The samples are
those given to the encoder (palette entries for palette files), so nothing here has been decoded by anyone. Made with pypng 0.20220715.0.
"""
import base64
import io

import png

PALETTE = [(10 * i, 255 - i, i * i % 256) for i in range(16)]
CLEAR = [(*entry, 255 - 9 * i) for i, entry in enumerate(PALETTE)]


def line(name, width, height, channels, bits, has_alpha, rows, expected, **writer):
    file = io.BytesIO()
    png.Writer(width, height, **writer).write(file, rows)
    print(name, width, height, channels, bits, int(has_alpha), base64.b64encode(file.getvalue()).decode(), ",".join(map(str, expected)))


for interlace in (False, True):
    suffix = "-interlaced" if interlace else ""
    for bits in (1, 2, 4, 8, 16):
        for greyscale, alpha in ((True, False), (True, True), (False, False), (False, True)):
            if bits < 8 and (alpha or not greyscale):
                continue
            channels = (1 if greyscale else 3) + alpha
            width, height = 11, 9
            rows = [[(x * 7919 + y * 104729 + 13) % 2**bits for x in range(width * channels)] for y in range(height)]
            name = ("gray" if greyscale else "rgb") + ("-alpha" if alpha else "") + f"-{bits}{suffix}"
            line(name, width, height, channels, bits, alpha, rows, sum(rows, []),
                 greyscale=greyscale, alpha=alpha, bitdepth=bits, interlace=interlace)
    for bits in (1, 2, 4, 8):
        for table in (PALETTE, CLEAR):
            table = table[:2**bits]
            rows = [[(x * 5 + y * 3) % len(table) for x in range(7)] for y in range(6)]
            expected = [v for row in rows for index in row for v in table[index]]
            name = f"palette-{bits}{'-clear' if table[0] == CLEAR[0] else ''}{suffix}"
            line(name, 7, 6, len(table[0]), 8, len(table[0]) == 4, rows, expected, palette=table, bitdepth=bits, interlace=interlace)
