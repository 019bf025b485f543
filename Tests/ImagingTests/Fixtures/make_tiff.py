"""Writes tiff.txt: small TIFF files of every compression and layout that the tests' own writer does not make, with the samples that
went in.

    pip install tifffile imagecodecs pillow && python make_tiff.py > tiff.txt

A line: name width height channels type, how far a sample may be off (JPEG), the file in base64, the samples, comma-separated.
Made with tifffile 2026.3.3, imagecodecs 2026.3.6 and Pillow 13.0.0.
"""
import base64
import io

import numpy as np
import tifffile
from PIL import Image


def line(name, samples, file, tolerance=0):
    height, width, channels = samples.shape if samples.ndim == 3 else (*samples.shape, 1)
    print(name, width, height, channels, samples.dtype, tolerance, base64.b64encode(file).decode(),
          ",".join(str(v) for v in samples.ravel().tolist()))


def write(samples, **settings):
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=settings.pop("bigtiff", False), byteorder=settings.pop("byteorder", "<")) as writer:
        writer.write(samples, metadata=None, **settings)
    return file.getvalue()


y, x = np.mgrid[0:13, 0:19]
gray8 = (x * 13 + y * 7 + x * y).astype(np.uint8)
gray16 = (x * 3001 + y * 701 + x * y).astype(np.uint16)
floats = ((x - 9.5) * (y + 0.25)).astype(np.float32)
rgb = np.stack([gray8, gray8[::-1], gray8[:, ::-1]], -1)
flat = np.stack([60 + 4 * x + 3 * y, 200 - 5 * x, 90 + 6 * y], -1).astype(np.uint8)
bits = (x * y % 3 == 0)

for order in "<", ">":
    for compression in "lzw", "adobe_deflate", "deflate", "packbits":
        line(f"gray16-{compression}{order}", gray16, write(gray16, compression=compression, byteorder=order, rowsperstrip=5))
    line(f"gray16-lzw-predictor{order}", gray16, write(gray16, compression="lzw", predictor=2, byteorder=order))
    line(f"float-deflate-predictor{order}", floats, write(floats, compression="adobe_deflate", predictor=3, byteorder=order))
line("rgb-lzw-predictor", rgb, write(rgb, compression="lzw", predictor=2, photometric="rgb"))
line("rgb-planes-deflate", rgb, write(np.moveaxis(rgb, -1, 0), compression="adobe_deflate", photometric="rgb", planarconfig="separate"))
line("rgb-tiles-deflate", rgb, write(rgb, compression="adobe_deflate", photometric="rgb", tile=(16, 16)))
for compression in "zstd", "lzma":
    line(f"gray16-{compression}", gray16, write(gray16, compression=compression, rowsperstrip=5))
    line(f"rgb-{compression}-predictor", rgb, write(rgb, compression=compression, predictor=2, photometric="rgb"))
line("rgb-webp", rgb, write(rgb, compression="webp", compressionargs={"lossless": True}, photometric="rgb"))
line("gray16-tiles-big", gray16, write(gray16, bigtiff=True, tile=(16, 16)))
line("gray8-jpeg", flat[:, :, 0], write(flat[:, :, 0], compression="jpeg", compressionargs={"level": 100}), 3)
file = io.BytesIO()
Image.fromarray(flat).save(file, "TIFF", compression="jpeg", quality=100)
line("rgb-jpeg", flat, file.getvalue(), 5)
for compression in "group3", "group4", "tiff_ccitt":
    file = io.BytesIO()
    Image.fromarray(bits).save(file, "TIFF", compression=compression)
    line(f"bits-{compression}", bits.astype(np.uint8), file.getvalue())
