#!/usr/bin/env python3
"""Writes nifti.txt: small NIfTI files and what nibabel makes of them, cut into slices (needs numpy and nibabel).

    make_nifti.py [FOLDER]

Lines `file NAME BASE64` hold a file; lines `frames NAME AXIS RULE NUMBERS WIDTH HEIGHT CHANNELS SAMPLE SPACING SHA256` what is expected of it. With a
FOLDER of NIfTI files also writes nifti-corpus.txt, with the same lines about those. Slices are cut from nibabel's closest canonical array, whose
axes ascend to the right, to the front and to the head: every slice is turned so that front or head is at its top, front or right at its left."""
import base64
import gzip
import hashlib
import io
import pathlib
import sys

import nibabel
import numpy as np

HERE = pathlib.Path(__file__).parent
AXES = ["axial", "coronal", "sagittal"]
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
RGBA = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])
SAMPLES = {"u1": 1, "u2": 2, "u4": 3, "i1": 4, "i2": 5, "i4": 6, "f4": 7, "f8": 8}
MILLIMETRES = {0: 1, 1: 1000, 2: 1, 3: 0.001}


def load(data):
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    kind = nibabel.Nifti2Image if data[4:6] == b"n+" else nibabel.Nifti1Image
    return kind.from_stream(io.BytesIO(data))


def slices(data, axis):
    """The slices of all volumes, and the distance of their rows and columns."""
    image = load(data)
    array = np.asanyarray(image.dataobj.get_unscaled())
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    while array.ndim < 3:
        array = array[..., None]
    has_place = image.header["sform_code"] > 0 or image.header["qform_code"] > 0
    orientation = nibabel.io_orientation(image.affine) if has_place else np.array([[0, 1], [1, 1], [2, 1]])
    zooms = np.array(list(image.header["pixdim"][1:4]), float) * MILLIMETRES[int(image.header["xyzt_units"]) & 7]
    zooms = zooms[[int(np.flatnonzero(orientation[:, 0] == world)[0]) for world in range(3)]]
    array = nibabel.apply_orientation(array, orientation)
    volumes = [array] if array.ndim == 3 else [array[..., time] for time in range(array.shape[3])]
    cuts = {
        "axial": (2, lambda v, n: v[::-1, ::-1, n].T, zooms[[1, 0]]),
        "coronal": (1, lambda v, n: v[::-1, n, ::-1].T, zooms[[2, 0]]),
        "sagittal": (0, lambda v, n: v[n, ::-1, ::-1].T, zooms[[2, 1]]),
    }
    along, cut, spacing = cuts[axis]
    return [cut(volume, number) for volume in volumes for number in range(volume.shape[along])], spacing, len(volumes)


def expected(name, data, axis, rule="all"):
    frames, spacing, volumes = slices(data, axis)
    count = len(frames) // volumes
    if rule == "middle":
        numbers = [volumes // 2 * count + count // 2]
    else:
        numbers = range(0, len(frames), 1 if rule == "all" else int(rule))
    frames = [frames[number] for number in numbers]
    kind = frames[0].dtype
    channels = len(kind) if kind.names else 1
    sample = 1 if kind.names else SAMPLES[kind.str[1:]]
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(frame).tobytes() for frame in frames)).hexdigest()
    height, width = frames[0].shape
    distances = ",".join(f"{value:.9g}" for value in spacing)
    return f"frames {name} {axis} {rule} {len(frames)} {width} {height} {channels} {sample} {distances} {digest}"


def volume(random, shape, kind):
    kind = np.dtype(kind)
    count = int(np.prod(shape))
    if count > 1000:  # every voxel another than its neighbours, but small in the fixture
        return (np.arange(count) % 251).astype(kind).reshape(shape, order="F")
    if kind.kind == "f":
        return random.normal(size=count).astype(kind).reshape(shape, order="F")
    return np.frombuffer(random.bytes(count * kind.itemsize), kind).reshape(shape, order="F")


def file(array, axes="RAS", zooms=(1, 1, 1), turned=0.0, form="sform", version=1, endian="<", units=2):
    affine = np.eye(4)
    directions = nibabel.orientations.ornt_transform(nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(axes))
    affine[:3, :3] = 0
    for world, (storage, sign) in enumerate(directions):
        affine[world, int(storage)] = sign * zooms[int(storage)]
    cosine, sine = np.cos(turned), np.sin(turned)
    affine[:3, :3] = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ affine[:3, :3]
    affine[:3, 3] = [-10, 5, 20]
    kinds = {1: (nibabel.Nifti1Image, nibabel.Nifti1Header), 2: (nibabel.Nifti2Image, nibabel.Nifti2Header)}
    image = kinds[version][0](array, affine, kinds[version][1](endianness=endian))
    image.set_data_dtype(array.dtype)
    image.header["xyzt_units"] = units
    image.set_sform(affine if form == "sform" else None, 1 if form == "sform" else 0)
    image.set_qform(affine if form == "qform" else None, 1 if form == "qform" else 0)
    image.header["pixdim"][1:4] = zooms
    return image.to_bytes()


def files():
    random = np.random.default_rng(19)
    made = {}
    for kind in ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8", RGB, RGBA]:
        name = {RGB: "rgb", RGBA: "rgba"}.get(kind, kind)
        made[name] = file(volume(random, (5, 4, 3), kind))
        made[f"{name}-big"] = file(volume(random, (4, 3, 5), kind), "SLP", endian=">", version=2)
    for axes in ["LAS", "LPS", "RPI", "ASR", "SAR", "PIR", "IRP", "AIL", "SRA"]:
        # Past the squares and tiles that voxels are turned in: 16, 8 and 64 bytes.
        made[axes.lower()] = file(volume(random, (21, 18, 19), "u1"), axes, zooms=(1, 2, 3))
        made[f"{axes.lower()}-i2"] = file(volume(random, (9, 35, 10), "i2"), axes, form="qform", zooms=(1.5, 0.5, 2))
    # Several tiles along each axis, turned about and backwards.
    for axes in ["ASR", "PIL", "SLP"]:
        made[f"{axes.lower()}-wide"] = file(volume(random, (70, 67, 66), "u1"), axes)
    made["turned"] = file(volume(random, (6, 7, 5), "i2"), "LPS", turned=0.6)
    made["no-form"] = file(volume(random, (3, 4, 5), "i2"), form="none", zooms=(2, 3, 4))
    made["metres"] = file(volume(random, (3, 4, 5), "i2"), zooms=(0.001, 0.002, 0.003), units=1)
    made["microns"] = file(volume(random, (3, 4, 5), "i2"), zooms=(100, 200, 300), units=3)
    made["time"] = file(volume(random, (3, 4, 5, 4), "i2"), "LAS")
    made["two"] = file(volume(random, (6, 5, 4), "f4"), "LPI", version=2)
    return {name: gzip.compress(data, mtime=0) for name, data in made.items()}


def main():
    lines = []
    for name, data in files().items():
        lines.append(f"file {name} {base64.b64encode(data).decode()}")
        for axis in AXES:
            lines.append(expected(name, data, axis))
    data = files()["time"]
    lines += [expected("time", data, axis, rule) for axis in AXES for rule in ["middle", "3", "7"]]
    (HERE / "nifti.txt").write_text("\n".join(lines) + "\n")
    if len(sys.argv) > 1:
        lines = []
        for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
            if path.name.endswith((".nii", ".nii.gz")) and np.ndim(load(path.read_bytes()).dataobj) <= 4:
                lines += [expected(path.name, path.read_bytes(), axis) for axis in AXES]
        (HERE / "nifti-corpus.txt").write_text("\n".join(lines) + "\n")


main()
