#!/usr/bin/env python3
"""Decodes the same files with Nightread and with pydicom, Pillow and nibabel, and prints both speeds and their ratio.

    Benchmarks/decode_peers.py --nightread .build/release/nightread --seconds 10 FOLDER…

Nightread decodes every file in a sandboxed process of its own, as in a run (or several, --decoder-scans); the others in this one. Both open the file each time and
make all of its samples. Only files that both decode are compared, each by the median of its times; rounds of the two alternate, so
that a machine that becomes slower meanwhile does so for both. The last column leaves out what the process and its sandbox take, the same
for every file: of small files that is nearly everything.
"""
import argparse
import collections
import gzip
import io
import json
import pathlib
import statistics
import subprocess
import time
import warnings

import nibabel
import numpy as np
import pydicom
from PIL import Image

warnings.simplefilter("ignore")
Image.MAX_IMAGE_PIXELS = None


def with_pillow(path):
    with Image.open(path) as image:
        size = 0
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            size += np.asarray(image).nbytes
        return size


def with_pydicom(path):
    return pydicom.dcmread(path, force=True).pixel_array.nbytes


def with_nibabel(path):
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    kind = nibabel.Nifti2Image if data[4:7] in (b"n+2", b"ni2") else nibabel.Nifti1Image
    return np.asanyarray(kind.from_stream(io.BytesIO(data)).dataobj.get_unscaled()).nbytes


PEERS = {"PNG": ("Pillow", with_pillow), "TIFF": ("Pillow", with_pillow), "JPEG": ("Pillow", with_pillow),
         "DICOM": ("pydicom", with_pydicom), "NIfTI": ("nibabel", with_nibabel)}


def format_of(path):
    with path.open("rb") as file:
        head = file.read(352)
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[128:132] == b"DICM":
        return "DICOM"
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[344:347] in (b"n+1",) or head[4:7] in (b"n+2",) or head[:2] == b"\x1f\x8b":
        return "NIfTI"
    return None


def ours(program, paths, seconds, scans):
    """What the program says of them."""
    out = subprocess.run([program, "bench", "--json", "--seconds", str(seconds), "--decoder-scans", str(scans), "--decode",
                          *map(str, paths)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=pathlib.Path)
    parser.add_argument("--nightread", default=".build/release/nightread")
    parser.add_argument("--seconds", type=float, default=10, help="for each format and program")
    parser.add_argument("--decoder-scans", type=int, default=1, help="as limits.decoder_scans in a pipeline file")
    options = parser.parse_args()
    groups = collections.defaultdict(list)
    for path in options.paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and (kind := format_of(file)):
                groups[kind].append(file)
    print("format  files      MB  nightread ms/file  MB/s   peer        ms/file   MB/s  times as fast  isolation  without it")
    for kind, files in groups.items():
        name, decode = PEERS[kind]
        both = []
        refused = set(ours(options.nightread, files, 0.001, 1)["not_decoded"])
        for file in files:
            if str(file) in refused:
                continue
            try:
                both.append((file, decode(file)))
            except Exception:
                continue
        if not both:
            continue
        rounds, times, own = 4, [[] for _ in both], []
        for _ in range(rounds):
            own.append(ours(options.nightread, [file for file, _ in both], options.seconds / rounds, options.decoder_scans)["formats"][0])
            end = time.perf_counter() + options.seconds / rounds
            while True:
                for (file, _), taken in zip(both, times):
                    start = time.perf_counter()
                    decode(file)
                    taken.append(time.perf_counter() - start)
                if time.perf_counter() >= end:
                    break
        peer = sum(map(statistics.median, times))
        seconds = statistics.median(row["seconds"] for row in own)
        megabytes, count = own[0]["megabytes"], len(both)
        share = statistics.median(row["isolation_share"] for row in own)
        print(f"{kind:6} {count:6} {megabytes:7.1f} {1e3 * seconds / count:18.2f} {megabytes / seconds:5.0f}   {name:8}"
              f" {1e3 * peer / count:10.2f} {megabytes / peer:6.0f} {peer / seconds:14.2f} {100 * share:8.1f} %"
              f" {peer / max(seconds * (1 - share), 1e-9):11.2f}")


if __name__ == "__main__":
    main()
