"""Writes dicom.txt: small DICOM files of every transfer syntax, depth and colour model, with the samples a reader must give.

    pip install pydicom pillow numpy imagecodecs && python make_dicom.py > dicom.txt

A line: name frames width height channels sample bits flags, the file in base64, the samples comma-separated. Of lossless files the samples
are those that went in; of lossy ones what imagecodecs (libjpeg-turbo, CharLS, OpenJPEG) decodes, YBR turned to RGB by pydicom. Nothing here
has been decoded by Nightread. Made with pydicom 3.0.2, imagecodecs 2026.3.6.
"""
import base64
import io
import zlib

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import convert_color_space

SYNTAX = "1.2.840.10008.1.2"
SAMPLES = {"u1": 1, "u2": 2, "u4": 3, "i1": 4, "i2": 5, "i4": 6, "f4": 7, "f8": 8}
random = np.random.default_rng(8)


def smooth(height, width, channels=1, top=255, kind="u1"):
    y, x = np.mgrid[:height, :width]
    planes = [(x * (7 + c) + y * (5 - c) + 3 * c) * top // (12 * width + 12 * height) for c in range(channels)]
    return np.stack(planes, -1).astype(kind) if channels > 1 else planes[0].astype(kind)


def data_set(array, stored=None, photometric=None, frames=1, **more):
    one = array[0] if frames > 1 else array
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3.4"
    ds.Rows, ds.Columns = one.shape[:2]
    ds.SamplesPerPixel = 1 if one.ndim == 2 else one.shape[2]
    ds.PhotometricInterpretation = photometric or ("MONOCHROME2" if one.ndim == 2 else "RGB")
    if array.dtype.kind in "ui":
        ds.BitsAllocated = array.dtype.itemsize * 8
        ds.BitsStored = stored or ds.BitsAllocated
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(array.dtype.kind == "i")
    if ds.SamplesPerPixel > 1:
        ds.PlanarConfiguration = 0
    if frames > 1:
        ds.NumberOfFrames = frames
    for name, value in more.items():
        setattr(ds, name, value)
    return ds


def line(name, ds, syntax, expected, bits=None, flags=0, frames=1, preamble=True):
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = SYNTAX + syntax
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    file = io.BytesIO()
    if syntax == ".8.1":  # pydicom 3.0.2 does not know it; another of its length takes its place for a while
        ds.file_meta.TransferSyntaxUID = SYNTAX + ".4.50"
    implicit, little = syntax == "", syntax != ".2"
    if preamble:
        pydicom.dcmwrite(file, ds, enforce_file_format=True)
    else:
        del ds.file_meta
        pydicom.dcmwrite(file, ds, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    written = file.getvalue()
    if syntax == ".8.1":
        written = written.replace(b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.8.1\0")
    one = expected[0] if frames > 1 else expected
    channels = 1 if one.ndim == 2 else one.shape[2]
    kind = SAMPLES[expected.dtype.str[1:]]
    bits = bits or ds.get("BitsStored") or expected.dtype.itemsize * 8
    print(name, frames, one.shape[1], one.shape[0], channels, kind, bits, flags, base64.b64encode(written).decode(),
          ",".join(map(str, expected.reshape(-1).tolist())))


def native(name, array, syntax=".1", stored=None, frames=1, planar=False, flags=0, preamble=True, expected=None, **more):
    ds = data_set(array, stored, frames=frames, **more)
    if planar:
        ds.PlanarConfiguration = 1
        array = np.moveaxis(array, -1, -3)
    stored_array = array if expected is None else array
    order = ">" if syntax == ".2" else "<"
    data = np.ascontiguousarray(stored_array.astype(stored_array.dtype.newbyteorder(order))).tobytes()
    data += b"\0" * (len(data) % 2)
    if array.dtype.kind == "f":
        if array.dtype.itemsize == 4:
            ds.FloatPixelData = data
        else:
            ds.DoubleFloatPixelData = data
        ds.BitsAllocated = array.dtype.itemsize * 8
    else:
        ds.PixelData = data
        word = array.dtype.itemsize > 1 or syntax == ""
        ds["PixelData"].VR = "OW" if word else "OB"
    want = array if expected is None else expected
    line(name, ds, syntax, np.moveaxis(want, -3, -1) if planar else want, flags=flags, frames=frames, preamble=preamble)


def packed(name, frames):
    bits = random.integers(0, 2, (frames, 5, 7)).astype("u1")
    ds = data_set(bits if frames > 1 else bits[0], frames=frames)
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    data = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB"
    line(name, ds, ".1", bits if frames > 1 else bits[0], bits=1, frames=frames)


def encapsulated(name, syntax, array, streams, stored=None, frames=1, flags=0, table=True, fragments=1, expected=None, **more):
    ds = data_set(array, stored, frames=frames, **more)
    ds.PixelData = encapsulate(streams, fragments_per_frame=fragments, has_bot=table)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    line(name, ds, syntax, array if expected is None else expected, flags=flags, frames=frames)


def rle(name, array, frames=1, **more):
    ds = data_set(array, frames=frames, **more)
    ds.PixelData = array.tobytes() + b"\0" * (array.nbytes % 2)
    ds["PixelData"].VR = "OW"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = SYNTAX + ".1"
    ds.compress(SYNTAX + ".5", generate_instance_uid=False)
    line(name, ds, ".5", array, frames=frames)


gray8, rgb8 = smooth(6, 7), smooth(6, 8, 3)
gray12 = smooth(6, 7, top=4095, kind="u2")
gray16 = random.integers(0, 65536, (5, 6)).astype("u2")
signed16 = random.integers(-32768, 32768, (5, 6)).astype("i2")
native("implicit", gray16, "")
native("implicit-bare", gray16, "", preamble=False)
native("explicit-bare", gray16, ".1", preamble=False)
native("big-endian-bare", gray16, ".2", preamble=False)
for syntax, name in (("", "implicit"), (".1", "explicit"), (".2", "big-endian"), (".1.99", "deflated")):
    native(f"{name}-u8", gray8, syntax)
    native(f"{name}-i8", (gray8.astype("i2") - 128).astype("i1"), syntax)
    native(f"{name}-u12", gray12, syntax, stored=12)
    native(f"{name}-i16", signed16, syntax)
    native(f"{name}-u32", random.integers(0, 2**32, (3, 4)).astype("u4"), syntax)
    native(f"{name}-i32", random.integers(-2**31, 2**31, (3, 4)).astype("i4"), syntax)
    native(f"{name}-rgb", rgb8, syntax)
    native(f"{name}-rgb-planar", rgb8, syntax, planar=True)
    native(f"{name}-rgb16-frames", random.integers(0, 65536, (3, 2, 3, 3)).astype("u2"), syntax, frames=3)
    native(f"{name}-rgb-planar-frames", random.integers(0, 256, (3, 3, 5, 3)).astype("u1"), syntax, frames=3, planar=True)
native("float", random.normal(size=(4, 5)).astype("f4"))
native("double", random.normal(size=(4, 5)).astype("f8"))
native("double-big-endian", random.normal(size=(4, 5)).astype("f8"), ".2")
native("monochrome1", gray12, stored=12, photometric="MONOCHROME1", flags=1)
# Bits above the stored ones hold an overlay; signed samples repeat their sign beyond it.
native("overlay-in-high-bits", gray12 | 0xa000, stored=12, expected=gray12)
native("overlay-in-high-bits-signed", ((gray12.astype("i2") - 2048) & 0xfff | 0x1000).astype("i2"), stored=12, expected=gray12.astype("i2") - 2048)
native("high-bit-15", gray12 << 4, stored=12, HighBit=15, expected=gray12)
native("ybr-full", convert_color_space(rgb8, "RGB", "YBR_FULL"), photometric="YBR_FULL",
       expected=convert_color_space(convert_color_space(rgb8, "RGB", "YBR_FULL"), "YBR_FULL", "RGB"))
packed("bits", 1)
packed("bits-frames", 3)
ybr = convert_color_space(rgb8, "RGB", "YBR_FULL")
halved = np.stack([ybr[:, 0::2, 0], ybr[:, 1::2, 0], ybr[:, 0::2, 1], ybr[:, 0::2, 2]], -1)
ds = data_set(rgb8, photometric="YBR_FULL_422")
ds.PixelData = halved.tobytes()
ds["PixelData"].VR = "OB"
wide = np.repeat(halved[:, :, 2:], 2, axis=1)
line("ybr-full-422", ds, ".1", convert_color_space(np.concatenate([ybr[:, :, :1], wide], -1), "YBR_FULL", "RGB"))

rle("rle-u8", gray8)
rle("rle-i16", signed16)
rle("rle-rgb", rgb8)
rle("rle-rgb16-frames", random.integers(0, 65536, (2, 3, 4, 3)).astype("u2"), frames=2)
frames8 = np.stack([gray8, gray8[::-1], 255 - gray8])
for table in (True, False):
    encapsulated(f"jpeg-ls-frames-{'table' if table else 'bare'}", ".4.80", frames8, [imagecodecs.jpegls_encode(f) for f in frames8], frames=3, table=table)
    encapsulated(f"jpeg-ls-fragments-{'table' if table else 'bare'}", ".4.80", frames8, [imagecodecs.jpegls_encode(f) for f in frames8], frames=3,
                 table=table, fragments=2)
encapsulated("jpeg-ls-u16", ".4.80", gray16, [imagecodecs.jpegls_encode(gray16)])
encapsulated("jpeg-ls-i16", ".4.80", signed16, [imagecodecs.jpegls_encode(signed16.view("u2"))])
encapsulated("jpeg-ls-rgb", ".4.80", rgb8, [imagecodecs.jpegls_encode(rgb8)])
near = imagecodecs.jpegls_encode(gray8, level=3)
encapsulated("jpeg-ls-near", ".4.81", gray8, [near], flags=4, expected=imagecodecs.jpegls_decode(near))
for name, array in (("u8", gray8), ("u16", gray16), ("rgb", rgb8)):
    encapsulated(f"jpeg2000-{name}", ".4.90", array, [imagecodecs.jpeg2k_encode(array, level=0, reversible=True, codecformat="j2k")],
                 photometric="YBR_RCT" if name == "rgb" else None)
lossy = imagecodecs.jpeg2k_encode(smooth(32, 32), level=30, codecformat="j2k")
encapsulated("jpeg2000-lossy", ".4.91", smooth(32, 32), [lossy], flags=4, expected=imagecodecs.jpeg2k_decode(lossy))
encapsulated("jpeg2000-frames", ".4.90", frames8, [imagecodecs.jpeg2k_encode(f, level=0, reversible=True, codecformat="j2k") for f in frames8], frames=3)
encapsulated("jpeg2000-jp2", ".4.90", gray8, [imagecodecs.jpeg2k_encode(gray8, level=0, reversible=True, codecformat="jp2")])
lossless = imagecodecs.jpeg_encode(gray8, lossless=True, predictor=1)
encapsulated("jpeg-lossless-u8", ".4.70", gray8, [lossless])
for predictor in (1, 4, 7):
    encapsulated(f"jpeg-lossless-u16-p{predictor}", ".4.57", gray16, [imagecodecs.jpeg_encode(gray16, lossless=True, predictor=predictor, bitspersample=16)])
encapsulated("jpeg-lossless-u12", ".4.70", gray12, [imagecodecs.jpeg_encode(gray12, lossless=True, predictor=1, bitspersample=12)], stored=12)
twelve = imagecodecs.jpeg_encode(gray12, level=95, bitspersample=12)
encapsulated("jpeg-12", ".4.51", gray12, [twelve], stored=12, flags=4, expected=imagecodecs.jpeg_decode(twelve))
eight = imagecodecs.jpeg_encode(gray8, level=90)
encapsulated("jpeg-gray", ".4.50", gray8, [eight], flags=4, expected=imagecodecs.jpeg_decode(eight))
colour = imagecodecs.jpeg_encode(rgb8, level=90, subsampling="444")
as_ybr = imagecodecs.jpeg_decode(colour, colorspace="YCBCR", outcolorspace="YCBCR")
encapsulated("jpeg-ybr", ".4.50", rgb8, [colour], flags=4, photometric="YBR_FULL_422", expected=convert_color_space(as_ybr, "YBR_FULL", "RGB"))
deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
stream = deflate.compress(gray12.tobytes()) + deflate.flush()
encapsulated("deflated-frame", ".8.1", gray12, [stream + b"\0" * (len(stream) % 2)], stored=12)
