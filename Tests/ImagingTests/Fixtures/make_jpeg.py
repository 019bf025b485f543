"""Writes jpeg.txt: small JPEG files of every kind that is read, and of some that are not, with the SHA-256 of the samples Pillow gives.

    pip install pillow imagecodecs && apt-get install libjpeg-turbo-progs && python make_jpeg.py > jpeg.txt

A line: name width height channels orientation, the file in base64, SHA-256 of the samples after orientation (and after CMYK has become
RGB), as Pillow gives them; `-` and zeroes where the file is not to be read. Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0), imagecodecs 2026.3.6 and the programs of
libjpeg-turbo 2.1.5. Pillow writes EXIF in big-endian order; one block is written by hand in the other.
"""
import base64
import hashlib
import io
import subprocess

import imagecodecs
import numpy as np
from PIL import Image, ImageOps

y, x = np.mgrid[0:29, 0:37]
gray = (128 + 90 * np.sin(x / 5) * np.cos(y / 7) + (x * 7 + y * 13) % 17).astype(np.uint8)
rgb = np.stack([gray, np.roll(gray, 9, 1), (x * 4 + y * 3).astype(np.uint8)], -1)
cmyk = np.concatenate([rgb, (y * 8).astype(np.uint8)[..., None]], -1)


def sha(samples):
    return hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest()


def line(name, file, read=True):
    fields = [0, 0, 0, 0]
    digest = "-"
    if read:
        picture = Image.open(io.BytesIO(file))
        orientation = picture.getexif().get(274, 1)
        picture = ImageOps.exif_transpose(picture)
        if picture.mode == "CMYK":
            picture = picture.convert("RGB")
        samples = np.asarray(picture)
        height, width, channels = samples.shape if samples.ndim == 3 else (*samples.shape, 1)
        fields, digest = [width, height, channels, orientation], sha(samples)
    print(name, *fields, base64.b64encode(file).decode(), digest)
    return file


def pillow(samples, mode=None, **settings):
    file = io.BytesIO()
    Image.fromarray(samples, mode).save(file, "JPEG", **settings)
    return file.getvalue()


def tool(*command, file):
    return subprocess.run(command, input=file, capture_output=True, check=True).stdout


def pnm(samples):
    kind = b"P6" if samples.ndim == 3 else b"P5"
    return kind + b" %d %d 255\n" % (samples.shape[1], samples.shape[0]) + samples.tobytes()


line("gray", pillow(gray, quality=90))
line("gray-progressive", pillow(gray, quality=90, progressive=True))
line("gray-1x1", pillow(gray[:1, :1]))
for sampling in "444", "422", "420", "440", "411":
    file = imagecodecs.jpeg8_encode(rgb, level=85, subsampling=sampling)
    line(f"rgb-{sampling}", file)
    line(f"rgb-{sampling}-progressive", tool("jpegtran", "-progressive", file=file))
line("rgb-stored-as-rgb", pillow(rgb, quality=90, keep_rgb=True))
line("rgb-restarts", pillow(rgb, quality=90, restart_marker_blocks=2))
line("rgb-arithmetic", tool("jpegtran", "-arithmetic", file=pillow(rgb, quality=90)))
line("rgb-arithmetic-progressive", tool("jpegtran", "-arithmetic", "-progressive", file=pillow(rgb, quality=90)))
with open("/tmp/one-by-one.scans", "w") as script:
    script.write("0;\n1;\n2;\n")
line("rgb-scans-of-one-component", tool("cjpeg", "-quality", "90", "-scans", "/tmp/one-by-one.scans", file=pnm(rgb)))
line("cmyk", pillow(cmyk, "CMYK", quality=90))
line("ycck", imagecodecs.jpeg8_encode(cmyk, level=90, colorspace="CMYK", outcolorspace="YCCK", subsampling="444"))
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[274] = orientation
    line(f"exif-{orientation}", pillow(rgb[:19], quality=90, exif=exif))
exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x04\0\0\0abc\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
line("exif-6-little-endian", pillow(gray[:19], quality=90, exif=exif))
line("extraneous", pillow(gray, quality=90)[:-2] + b"\1\2\3\4\xff\xd9")
line("after-the-end", pillow(gray, quality=90) + b"what follows the end")
with open("/tmp/spectral.scans", "w") as script:
    script.write("0: 0-0, 0, 0;\n0: 1-63, 0, 0;\n")
line("two-scans", tool("cjpeg", "-grayscale", "-scans", "/tmp/spectral.scans", file=pnm(gray)))

line("12-bit", imagecodecs.jpeg8_encode(gray.astype(np.uint16) * 16, level=90, bitspersample=12), read=False)
line("lossless", imagecodecs.jpeg8_encode(gray, lossless=True, predictor=1), read=False)
