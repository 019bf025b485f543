"""Writes decoders.tsv: the SHA-256 of the samples of every frame of the PNG, TIFF and JPEG corpora, by other programs than ours.

    pip install pillow pypng tifffile imagecodecs && python make_decoders.py ../../../../shared/data/decoders > decoders.tsv

PNG: pypng, which gives every stored sample, palettes expanded; the column says `pillow` where Pillow gives the same. TIFF: tifffile for the
samples as they are stored, Pillow for what it turns to colours (palettes, CMYK, YCbCr); the column again says `pillow` where Pillow gives
the same. JPEG: Pillow, with EXIF orientation applied and CMYK made RGB. Orientation is applied everywhere, alpha stays, min-is-white samples
stay as stored (flag 1; flag 2: alpha, flag 4: lossy). Files of which nobody has an opinion, or the two have different ones, are named on
the error output and left out. Made with Pillow 13.0, pypng 0.20220715, tifffile 2026.3.3, imagecodecs 2026.3.6.
"""
import hashlib
import pathlib
import sys
import warnings

import numpy as np
import png
import tifffile
from PIL import Image, ImageOps, ImageSequence

warnings.simplefilter("ignore")
ROOT = pathlib.Path(sys.argv[1])
MIN_IS_WHITE, ALPHA, LOSSY = 1, 2, 4
KINDS = {"uint8": "u8", "uint16": "u16", "uint32": "u32", "int8": "i8", "int16": "i16", "int32": "i32", "float32": "f32", "float64": "f64"}


def digest(samples):
    return hashlib.sha256(np.ascontiguousarray(samples, samples.dtype.newbyteorder("<")).tobytes()).hexdigest()


def row(path, frame, samples, bits, flags, witness):
    shape = samples.shape if samples.ndim == 3 else (*samples.shape, 1)
    print(path.relative_to(ROOT), frame, "x".join(map(str, shape)), KINDS[samples.dtype.name], bits, flags, digest(samples), witness, sep="\t")


def frames_of_pillow(path, turn=True):
    """What Pillow gives for each frame, as far as it has the stored samples at all; turned as EXIF says, but for PNG."""
    try:
        with Image.open(path) as image:
            frames = []
            for frame in ImageSequence.Iterator(image):
                frame = frame.copy()
                if frame.mode == "P":
                    frame = frame.convert("RGBA" if "transparency" in frame.info else "RGB")
                if frame.mode == "CMYK":
                    frame = frame.convert("RGB")
                frames.append(np.asarray(ImageOps.exif_transpose(frame) if turn else frame))
            return frames
    except Exception:
        return []


def same(left, right, bits=8, flags=0):
    """Whether Pillow gives the same; it stretches gray of 2 and 4 bits to 8, and turns min-is-white."""
    if left is None or right is None or left.size != right.size:
        return False
    left, right = left.reshape(-1).astype(np.float64), right.reshape(-1).astype(np.float64)
    if flags & MIN_IS_WHITE:
        left = 2**bits - 1 - left
    return (left == right).all() or (bits in (2, 4) and (left * (255 // (2**bits - 1)) == right).all())


def with_pypng(path):
    reader = png.Reader(filename=str(path))
    reader.preamble()
    if reader.color_type != 3:
        reader.trns = None  # one clear colour of gray or RGB is no alpha channel here
    width, height, rows, info = reader.read()
    bits = info["bitdepth"]
    if reader.color_type == 3:
        colours = np.array([tuple(entry) for entry in info["palette"]], np.uint8)
        indices = np.array([np.asarray(line, np.uint8) for line in rows])
        return colours[indices], 8, ALPHA if colours.shape[1] == 4 else 0
    samples = np.array([np.asarray(line, np.uint16 if bits > 8 else np.uint8) for line in rows]).reshape(height, width, info["planes"])
    return samples, bits, ALPHA if info["planes"] in (2, 4) else 0


def without_profile(inks, full):
    """Pillow's formula for CMYK (libImaging/Convert.c, cmyk2rgb), for 8 and 16 bits."""
    light = full - inks[..., 3:]
    product = inks[..., :3] * light + (full + 1) // 2
    shift = 8 if full == 255 else 16
    return np.clip(light - (((product >> shift) + product) >> shift), 0, full)


def turned(samples, orientation):
    samples = samples[:, ::-1] if orientation in (2, 3) else samples
    samples = samples[::-1] if orientation in (3, 4) else samples
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
        samples = samples[:, ::-1] if orientation in (6, 7) else samples
        samples = samples[::-1] if orientation in (7, 8) else samples
    return samples


def with_tifffile(path):
    """Every full page: samples, bits, flags; samples are None where they are not plain gray or RGB."""
    pages = []
    with tifffile.TiffFile(path) as file:
        for page in file.pages:
            if page.subfiletype & 5:
                continue
            photometric = int(page.photometric)
            flags = (MIN_IS_WHITE if photometric == 0 else 0) | (LOSSY if int(page.compression) in (6, 7) else 0)
            samples, bits = None, page.bitspersample
            if isinstance(bits, tuple):
                bits = bits[0]
            if photometric == 5 and not flags & LOSSY and bits in (8, 16):
                inks = np.asarray(page.asarray()).astype(np.int64)
                inks = np.moveaxis(inks, 0, -1) if int(page.planarconfig) == 2 else inks
                samples = without_profile(inks[..., :4], 2**bits - 1).astype(np.uint8 if bits == 8 else np.uint16)
            if photometric in (0, 1, 2) and not (photometric == 2 and flags & LOSSY):
                samples = np.asarray(page.asarray())
                if samples.ndim == 3 and int(page.planarconfig) == 2:
                    samples = np.moveaxis(samples, 0, -1)
                if samples.dtype == bool:
                    samples = samples.astype(np.uint8)
                if samples.dtype == np.float16:
                    samples = samples.astype(np.float32)
                extra = [int(value) for value in page.extrasamples]
                if extra and samples.ndim == 3:
                    kept = samples.shape[-1] - len(extra) + (1 if extra[0] in (1, 2) else 0)
                    flags |= ALPHA if extra[0] in (1, 2) else 0
                    samples = samples[..., :kept]
                samples = turned(samples, int(page.tags["Orientation"].value) if "Orientation" in page.tags else 1)
            pages.append((samples, bits, flags, int(page.compression) == 1 and int(page.predictor or 1) != 1))
    return pages


def main():
    print("# file\tframe\tshape [height, width, channels]\tsamples\tbits\tflags\tSHA-256 of the little-endian samples\tagrees with")
    for path in sorted(ROOT.glob("png/**/*.png")):
        if "fuzz_corpus" in path.parts:
            continue
        pillow = frames_of_pillow(path, turn=False)
        try:
            samples, bits, flags = with_pypng(path)
        except Exception as error:
            # An index beyond its palette, which Pillow takes for black.
            if pillow and isinstance(error, IndexError):
                row(path, 0, pillow[0], 8, 0, "pillow")
            else:
                print(f"{path}: {error}", file=sys.stderr)
            continue
        row(path, 0, samples, bits, flags, "pillow" if pillow and same(samples, pillow[0], bits) else "pypng")
    for path in sorted(ROOT.glob("tiff/**/*.tif*")):
        if "fuzz_images" in path.parts:
            continue
        pillow = frames_of_pillow(path)
        try:
            pages = with_tifffile(path)
        except Exception as error:
            print(f"{path}: {error}", file=sys.stderr)
            continue
        for number, (samples, bits, flags, ignored_predictor) in enumerate(pages):
            seen = pillow[number] if number < len(pillow) else None
            if ignored_predictor and seen is not None:
                # A predictor without a compression: tifffile applies it, libtiff and Pillow do not.
                samples = seen
            if bits == 24:
                print(f"{path}: 24 bits, of which readers have different opinions", file=sys.stderr)
            elif samples is not None and samples.dtype.name in KINDS:
                row(path, number, samples, bits, flags, "pillow" if same(samples, seen, bits, flags) else "tifffile")
            elif samples is None and seen is not None and seen.dtype == np.uint8 and bits <= 8:
                row(path, number, seen, 8, flags, "pillow")
            else:
                print(f"{path}: nobody", file=sys.stderr)
    for path in sorted(ROOT.glob("jpeg/**/*.jp*g")):
        if "crashtest" in path.parts:
            continue
        frames = frames_of_pillow(path)
        if frames:
            row(path, 0, frames[0], 8, LOSSY, "pillow")
        else:
            print(f"{path}: nobody", file=sys.stderr)


if __name__ == "__main__":
    main()
