"""Writes pillow.txt: what Pillow and timm make of pictures that both this script and the tests compute from a formula.

    pip install 'torch==2.13.0+cpu' timm pillow numpy && python make_pillow.py > pillow.txt

A line: width height channels fit interpolation resolution crop_pct step, then the expected 8-bit output at every `step`-th row and
column, [rows, columns, channels], in base64. Made with Pillow 13.0 and timm 1.0.31.
"""
import base64
import sys

import numpy as np
from PIL import Image, ImageOps
from timm.data import create_transform

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FILTERS = {"bicubic": Image.BICUBIC, "bilinear": Image.BILINEAR}


def picture(width, height, channels):
    """Ramps, fine texture and hard edges; PictureFormula in the tests is the same."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    value = x * 37 // 16 + y * 91 // 16 + x * y % 53 * 2 + c * 67 + (x // 16 + y // 16) % 2 * 128
    return (value % 256).astype(np.uint8)


def expected(width, height, channels, fit, interpolation, side, crop):
    pixels = picture(width, height, channels)
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    if fit == "squash":
        return np.asarray(image.resize((side, side), FILTERS[interpolation]))
    if fit == "pad":
        return np.asarray(ImageOps.pad(image, (side, side), FILTERS[interpolation], color=0))
    transform = create_transform((3, side, side), is_training=False, interpolation=interpolation, mean=MEAN, std=STD, crop_pct=crop)
    tensor = transform(image.convert("RGB")).numpy().transpose(1, 2, 0)
    output = np.rint((tensor * STD + MEAN) * 255).astype(np.uint8)
    return output[:, :, 0] if channels == 1 else output


CASES = [
    (100, 80, 1, "squash", "bicubic", 24, 1, 1),
    (100, 80, 1, "squash", "bilinear", 24, 1, 1),
    (37, 53, 3, "squash", "bicubic", 24, 1, 1),
    (9, 7, 1, "squash", "bicubic", 32, 1, 1),
    (9, 7, 3, "squash", "bilinear", 24, 1, 1),
    (33, 33, 1, "squash", "bicubic", 33, 1, 1),
    (500, 333, 1, "squash", "bicubic", 31, 1, 1),
    (100, 80, 1, "crop", "bicubic", 24, 0.875, 1),
    (81, 100, 3, "crop", "bicubic", 24, 0.875, 1),
    (80, 101, 1, "crop", "bilinear", 24, 0.882, 1),
    (300, 7, 1, "crop", "bicubic", 24, 0.904, 1),
    (1, 50, 1, "crop", "bicubic", 16, 0.875, 1),
    (50, 1, 1, "crop", "bilinear", 16, 0.89, 1),
    (3, 3000, 1, "crop", "bicubic", 16, 0.875, 1),
    (3000, 3, 1, "squash", "bicubic", 16, 1, 1),
    (100, 80, 1, "pad", "bicubic", 24, 1, 1),
    (37, 53, 3, "pad", "bilinear", 24, 1, 1),
    (300, 7, 1, "pad", "bicubic", 25, 1, 1),
    (640, 517, 1, "crop", "bicubic", 224, 0.875, 9),
    (517, 640, 3, "crop", "bicubic", 240, 0.882, 13),
    (640, 480, 1, "crop", "bicubic", 260, 0.890, 9),
    (240, 290, 1, "crop", "bicubic", 300, 0.904, 9),
]

for case in CASES:
    *settings, step = case
    output = expected(*settings)[::step, ::step]
    print(*case, base64.b64encode(np.ascontiguousarray(output).tobytes()).decode())
print(len(CASES), "cases", file=sys.stderr)
