#!/usr/bin/env python3
"""Writes jpeg_scaled.txt: JPEG files, what Pillow's draft mode decodes of them at a fraction of their size, and what its resize makes of
exactly the part that the file's pixels cover. Needs Pillow 13 and numpy:  python3 make_jpeg_scaled.py > jpeg_scaled.txt

Lines: name width height reduction fit crop_pct resolution, the file, SHA-256 of the reduced samples, the prepared picture of 8 bits.
"""
import base64
import hashlib
import io

import numpy as np
from PIL import Image, ImageOps


def picture(width, height, channels):
    y, x = np.mgrid[0:height, 0:width]
    c = np.arange(channels)[:, None, None]
    values = 128 + 60 * np.sin(x / 17 + c) + 50 * np.cos(y / 23 - c) + (x // 40 + y // 30) % 2 * 12
    return Image.fromarray(values.clip(0, 255).astype(np.uint8).transpose(1, 2, 0).squeeze())


def prepared(reduced, width, height, reduction, fit, crop, side, orientation):
    # Pixels that the last stored column or row stands for beyond the file's are at the left or the top where that was turned round.
    left = reduced.width - width / reduction if orientation in (2, 3, 6, 7) else 0
    top = reduced.height - height / reduction if orientation in (3, 4, 7, 8) else 0
    box = (left, top, left + width / reduction, top + height / reduction)
    if fit == "squash":
        return reduced.resize((side, side), Image.BICUBIC, box=box)
    if fit == "pad":
        scale = side / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        result = Image.new(reduced.mode, (side, side))
        result.paste(reduced.resize(size, Image.BICUBIC, box=box), (round((side - size[0]) / 2), round((side - size[1]) / 2)))
        return result
    shorter = int(side / crop)
    longer = int(shorter * max(width, height) / min(width, height))
    size = (shorter, longer) if width <= height else (longer, shorter)
    left, top = round((size[0] - side) / 2), round((size[1] - side) / 2)
    return reduced.resize(size, Image.BICUBIC, box=box).crop((left, top, left + side, top + side))


CASES = [
    # name, width, height, channels, reduction, fit, crop, resolution, options of the encoder, orientation
    ("half", 131, 197, 3, 2, "squash", 1, 32, {"subsampling": "4:2:0"}, 1),
    ("half-444", 129, 128, 3, 2, "crop", 0.875, 28, {"subsampling": "4:4:4"}, 1),
    ("quarter-gray", 259, 301, 1, 4, "crop", 0.875, 28, {}, 1),
    ("quarter-progressive", 267, 257, 3, 4, "squash", 1, 32, {"progressive": True, "subsampling": "4:2:2"}, 1),
    ("eighth", 515, 601, 3, 8, "pad", 1, 37, {"subsampling": "4:2:0"}, 1),
    ("eighth-turned", 519, 533, 3, 8, "crop", 1, 32, {"subsampling": "4:2:0"}, 6),
    ("quarter-upside-down", 257, 259, 1, 4, "squash", 1, 32, {}, 3),
    ("quarter-turned-back", 257, 258, 1, 4, "squash", 1, 32, {}, 8),
    ("half-transposed", 67, 65, 1, 2, "squash", 1, 16, {}, 5),
]

for name, width, height, channels, reduction, fit, crop, side, options, orientation in CASES:
    exif = Image.Exif()
    if orientation != 1:
        exif[274] = orientation
    out = io.BytesIO()
    picture(width, height, channels).save(out, "JPEG", quality=80, exif=exif, **options)
    image = Image.open(io.BytesIO(out.getvalue()))
    image.draft(None, (width // reduction, height // reduction))
    assert image.size == (-(-width // reduction), -(-height // reduction)), image.size
    reduced = ImageOps.exif_transpose(image)
    if orientation >= 5:
        width, height = height, width
    result = prepared(reduced, width, height, reduction, fit, crop, side, orientation)
    print(name, width, height, reduction, fit, crop, side, base64.b64encode(out.getvalue()).decode(),
          hashlib.sha256(reduced.tobytes()).hexdigest(), base64.b64encode(result.tobytes()).decode())
