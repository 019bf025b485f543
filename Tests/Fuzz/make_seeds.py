#!/usr/bin/env python3
"""Writes Seeds/: small files of every kind that the decoders read, and tensors, drawn here (needs numpy, Pillow, tifffile, imagecodecs, pydicom, nibabel, torch).

The seeds are committed, so that fuzzing needs none of these. Run it again where a decoder learns something
new. Seeds/model are the demo models' manifests and Seeds/pipeline pipeline files written by hand."""
import io
import pathlib

import nibabel
import numpy as np
import pydicom
import tifffile
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate

ROOT = pathlib.Path(__file__).parent / "Seeds"
RANDOM = np.random.default_rng(8)


def write(kind, name, data):
    folder = ROOT / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def picture(kind, name, array, mode=None, **options):
    out = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array, mode) if mode else Image.fromarray(array)
    image.save(out, kind.upper(), **options)
    write(kind, name, out.getvalue())


def ramp(height, width, top, kind):
    return np.linspace(0, top, height * width).reshape(height, width).astype(kind)


def png():
    gray, deep = ramp(9, 11, 255, np.uint8), ramp(9, 11, 65535, np.uint16)
    colour = np.stack([gray, gray[::-1], gray[:, ::-1]], 2)
    picture("png", "gray8.png", gray)
    picture("png", "gray16.png", deep)
    picture("png", "rgb.png", colour)
    picture("png", "rgba.png", np.dstack([colour, gray]))
    picture("png", "gray-alpha.png", Image.merge("LA", [Image.fromarray(gray)] * 2))
    picture("png", "bits1.png", Image.fromarray(gray).convert("1"))
    palette = Image.fromarray(colour).quantize(5)
    picture("png", "palette.png", palette, transparency=2)


def tiff():
    gray, deep = ramp(9, 11, 255, np.uint8), ramp(9, 11, 65535, np.uint16)
    colour = np.stack([gray, gray[::-1], gray[:, ::-1]], 2)
    for name, array, options in [
        ("gray8", gray, {}), ("gray16", deep, {}), ("big-endian", deep, {"byteorder": ">"}),
        ("min-is-white", gray, {"photometric": "miniswhite"}), ("float32", deep.astype(np.float32), {}),
        ("float64-predictor", deep.astype(np.float64), {"compression": "zlib", "predictor": 3}),
        ("int16", deep.astype(np.int32).astype(np.int16), {}), ("rgb", colour, {"photometric": "rgb"}),
        ("lzw", deep, {"compression": "lzw", "predictor": 2}), ("packbits", gray, {"compression": "packbits"}),
        ("deflate", colour, {"compression": "zlib", "photometric": "rgb", "predictor": 2}),
        ("tiles", np.tile(gray, (2, 2)), {"tile": (16, 16)}), ("planes", colour.transpose(2, 0, 1), {"photometric": "rgb", "planarconfig": "separate"}),
        ("jpeg", np.tile(colour, (2, 2, 1)), {"compression": "jpeg", "photometric": "ycbcr"}), ("pages", np.stack([gray, gray]), {"photometric": "minisblack"}),
        ("strips", gray, {"rowsperstrip": 2}), ("bigtiff", gray, {"bigtiff": True}),
    ]:
        out = io.BytesIO()
        tifffile.imwrite(out, array, metadata=None, **options)
        write("tiff", name + ".tif", out.getvalue())
    for compression in ["group3", "group4"]:
        picture("tiff", compression + ".tif", Image.fromarray(gray).convert("1"), compression=compression)
    picture("tiff", "palette.tif", Image.fromarray(colour).quantize(5))
    picture("tiff", "cmyk.tif", Image.fromarray(colour).convert("CMYK"))


def jpeg():
    gray = ramp(17, 19, 255, np.uint8)
    colour = np.stack([gray, gray[::-1], gray[:, ::-1]], 2)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture("jpeg", "gray.jpg", gray)
    picture("jpeg", "colour.jpg", colour)
    picture("jpeg", "progressive.jpg", colour, progressive=True)
    picture("jpeg", "subsampled.jpg", colour, subsampling="4:2:0", restart_marker_blocks=1)
    picture("jpeg", "turned.jpg", colour, exif=exif.tobytes())
    picture("jpeg", "cmyk.jpg", Image.fromarray(colour).convert("CMYK"))


def dicom_file(array, syntax, photometric="MONOCHROME2", bits=None, encoded=None, frames=1, **elements):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = "1.2.3"
    data = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3.4"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.PatientID, data.Modality = "1.2.3.1", "1.2.3.2", "P1", "CR"
    shape = array.shape[1:] if frames > 1 else array.shape
    data.Rows, data.Columns = shape[:2]
    data.SamplesPerPixel = shape[2] if len(shape) == 3 else 1
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    if frames > 1:
        data.NumberOfFrames = frames
    data.PhotometricInterpretation = photometric
    data.BitsAllocated = array.dtype.itemsize * 8
    data.BitsStored = bits or data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(array.dtype.kind == "i")
    for name, value in elements.items():
        setattr(data, name, value)
    if encoded is not None:
        data.PixelData = encapsulate(encoded)
        data["PixelData"].VR = "OB"
        data["PixelData"].is_undefined_length = True
    else:
        big = syntax == pydicom.uid.ExplicitVRBigEndian
        data.PixelData = array.astype(array.dtype.newbyteorder(">" if big else "<")).tobytes()
        data["PixelData"].VR = "OW" if array.dtype.itemsize > 1 else "OB"
    out = io.BytesIO()
    implicit, little = syntax == pydicom.uid.ImplicitVRLittleEndian, syntax != pydicom.uid.ExplicitVRBigEndian
    pydicom.dcmwrite(out, data, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return out.getvalue()


def rle(array):
    planes = [array.tobytes()] if array.dtype.itemsize == 1 else [(array >> 8).astype(np.uint8).tobytes(), (array & 255).astype(np.uint8).tobytes()]
    segments = []
    for plane in planes:
        packed = b"".join(bytes([len(plane[i:i + 128]) - 1]) + plane[i:i + 128] for i in range(0, len(plane), 128))
        segments.append(packed + bytes(len(packed) % 2))
    offsets = [64 + sum(map(len, segments[:i])) for i in range(len(segments))]
    header = np.array([len(segments)] + offsets + [0] * (15 - len(offsets)), "<u4").tobytes()
    return header + b"".join(segments)


def dicom():
    import imagecodecs

    uid = pydicom.uid
    deep, byte = ramp(8, 10, 4095, np.uint16), ramp(8, 10, 255, np.uint8)
    colour = np.stack([byte, byte[::-1], byte[:, ::-1]], 2)
    voi = {"WindowCenter": ["600", "40"], "WindowWidth": ["1500", "400"], "RescaleSlope": "1", "RescaleIntercept": "-1024"}
    files = {
        "explicit": dicom_file(deep, uid.ExplicitVRLittleEndian, bits=12, **voi),
        "implicit": dicom_file(deep, uid.ImplicitVRLittleEndian, "MONOCHROME1", bits=12),
        "big-endian": dicom_file(deep, uid.ExplicitVRBigEndian, bits=12),
        "signed": dicom_file(deep.astype(np.int16), uid.ExplicitVRLittleEndian),
        "frames": dicom_file(np.stack([byte] * 3), uid.ExplicitVRLittleEndian, frames=3),
        "rgb": dicom_file(colour, uid.ExplicitVRLittleEndian, "RGB"),
        "rle": dicom_file(deep, uid.RLELossless, bits=12, encoded=[rle(deep)]),
        "jpeg": dicom_file(byte, uid.JPEGBaseline8Bit, encoded=[imagecodecs.jpeg8_encode(byte)]),
        "jpeg-lossless": dicom_file(deep, uid.JPEGLosslessSV1, encoded=[imagecodecs.ljpeg_encode(deep, bitspersample=16)]),
        "jpeg-ls": dicom_file(deep, uid.JPEGLSLossless, encoded=[imagecodecs.jpegls_encode(deep)]),
        "jpeg2000": dicom_file(deep, uid.JPEG2000Lossless, encoded=[imagecodecs.jpeg2k_encode(deep, level=0, codecformat="j2k")]),
    }
    for name, data in files.items():
        write("dicom", name + ".dcm", data)
    write("dicom", "deflated.dcm", deflated(files["explicit"]))
    write("dicom", "no-preamble.dcm", files["explicit"][132:])


def deflated(explicit):
    data = pydicom.dcmread(io.BytesIO(explicit))
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    out = io.BytesIO()
    pydicom.dcmwrite(out, data, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return out.getvalue()


def nifti():
    volume = ramp(4, 5 * 3, 1000, np.int16).reshape(4, 5, 3)
    affine = np.array([[-1, 0, 0, 3], [0, 0, 2, 1], [0, 1, 0, 2], [0, 0, 0, 1.0]])
    for name, kind, array in [
        ("int16.nii", nibabel.Nifti1Image, volume), ("float32.nii", nibabel.Nifti1Image, volume.astype(np.float32)),
        ("uint8.nii", nibabel.Nifti1Image, (volume % 256).astype(np.uint8)), ("two.nii", nibabel.Nifti2Image, volume),
        ("time.nii.gz", nibabel.Nifti1Image, np.stack([volume, volume], 3)),
    ]:
        image = kind(array, affine)
        image.header.set_slope_inter(2, -5)
        data = image.to_bytes()
        if name.endswith(".gz"):
            import gzip

            data = gzip.compress(data, mtime=0)
        write("nifti", name, data)
    swapped = nibabel.Nifti1Image(volume, affine, nibabel.Nifti1Header(endianness=">"))
    write("nifti", "big-endian.nii", swapped.to_bytes())


def safetensors():
    import json
    import struct

    def file(entries, data, **more):
        header = json.dumps({**more, **entries}).encode()
        return struct.pack("<Q", len(header)) + header + data

    write("safetensors", "f32", file({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}, struct.pack("<4f", 1, 2, 3, 4)))
    write("safetensors", "half", file({
        "a": {"dtype": "F16", "shape": [3], "data_offsets": [0, 6]}, "b": {"dtype": "BF16", "shape": [1, 1], "data_offsets": [6, 8]},
        "none": {"dtype": "F32", "shape": [0, 5], "data_offsets": [8, 8]}}, bytes(range(8)), __metadata__={"format": "pt"}))
    write("safetensors", "bytes", file({"x": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}, "n": {"dtype": "I64", "shape": [], "data_offsets": [4, 12]}}, bytes(12)))


def weights():
    """PyTorch's files where torch is installed, HDF5 of the container tests, a Keras model in words."""
    import json
    import zipfile

    fixtures = ROOT.parent.parent / "ConversionTests" / "Fixtures"
    for name in ("keras2.h5", "keras3.h5"):
        write("container", name, (fixtures / name).read_bytes())
    try:
        import torch
    except ImportError:
        print("no torch: its seeds stay as they are")
        return
    table = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2).half(), "turned": torch.arange(6.0).reshape(2, 3).t()}
    for name, value in [("dict.pth", table), ("checkpoint.pth", {"epoch": 3, "lr": 0.5, "state_dict": table, "names": ("a", [1, None])})]:
        out = io.BytesIO()
        torch.save(value, out)
        write("container", name, out.getvalue())
        archive = zipfile.ZipFile(out)
        (pickle,) = [entry for entry in archive.namelist() if entry.endswith("data.pkl")]
        write("pickle", name + ".pkl", archive.read(pickle))
        out = io.BytesIO()
        torch.save(value, out, _use_new_zipfile_serialization=False)
        write("container", "legacy-" + name, out.getvalue())
    out = io.BytesIO()
    torch.save(table, out, pickle_protocol=4)
    write("pickle", "protocol4.pkl", zipfile.ZipFile(out).read([e for e in zipfile.ZipFile(out).namelist() if e.endswith("data.pkl")][0]))

    def layer(kind, name, **settings):
        return {"class_name": kind, "module": "keras.layers", "config": {"name": name, **settings}}

    network = {"class_name": "Functional", "config": {"name": "efficientnetb0", "layers": [
        layer("InputLayer", "input", batch_shape=[None, 224, 224, 3]), layer("Rescaling", "rescaling", scale=1 / 255, offset=0),
        layer("Normalization", "normalization", mean=[0.5, 0.5, 0.5], variance=[0.25, 0.25, 0.25]),
        layer("Conv2D", "stem_conv", activation="linear"), layer("BatchNormalization", "stem_bn", epsilon=0.001),
        {**layer("Activation", "top_activation", activation="swish"),
         "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["stem_bn", 0, 0]}}]}]}]}}
    model = {"class_name": "Sequential", "config": {"name": "sequential", "layers": [
        network, layer("Flatten", "flatten"), layer("Dense", "dense", activation="relu"), layer("Dropout", "dropout"),
        layer("Dense", "dense_1", activation={"class_name": "function", "config": "softmax"})]}}
    write("keras", "tutorial.json", json.dumps(model).encode())


for make in [png, tiff, jpeg, dicom, nifti, safetensors, weights]:
    make()
