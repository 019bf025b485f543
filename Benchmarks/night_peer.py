#!/usr/bin/env python3
"""The script that people would write instead: Pillow in a pool of processes, OpenVINO on all cores, results into SQLite.

    Benchmarks/night_peer.py FOLDER VARIANT [f32|bf16]      prints one JSON object: scans, seconds, scans_per_second, mebibytes
"""
import concurrent.futures
import json
import os
import pathlib
import resource
import sqlite3
import sys
import tempfile
import time

import numpy as np
from PIL import Image

from efficientnet_onnx import RESOLUTION, build

MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
STD = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]


def prepared(job):
    path, side = job
    image = Image.open(path)
    if image.mode.startswith("I"):
        gray = Image.fromarray(np.asarray(image, np.float32) / 65535).resize((side, side), Image.BICUBIC)
        planes = np.repeat(np.asarray(gray)[None], 3, 0)
    else:
        planes = np.asarray(image.convert("RGB").resize((side, side), Image.BICUBIC), np.float32).transpose(2, 0, 1) / 255
    return path, (planes - MEAN) / STD


def main():
    import openvino

    folder, variant = pathlib.Path(sys.argv[1]), sys.argv[2]
    precision = sys.argv[3] if len(sys.argv) > 3 else "f32"
    side, cores = RESOLUTION[variant], os.cpu_count()
    core = openvino.Core()
    model = core.read_model(build(variant).SerializeToString())
    model.reshape([1, 3, side, side])
    compiled = core.compile_model(model, "CPU", {
        "INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": str(cores), "INFERENCE_NUM_THREADS": cores})
    queue, rows = openvino.AsyncInferQueue(compiled, 2 * cores), []
    queue.set_callback(lambda request, path: rows.append((str(path), int(request.get_output_tensor().data[0].argmax()))))
    files = sorted(path for path in folder.iterdir() if path.is_file())
    with concurrent.futures.ProcessPoolExecutor(cores) as pool, tempfile.TemporaryDirectory() as place:
        list(pool.map(prepared, [(path, side) for path in files[: 2 * cores]]))
        start = time.perf_counter()
        for path, planes in pool.map(prepared, [(path, side) for path in files], chunksize=4):
            queue.start_async({0: planes[None]}, path)
        queue.wait_all()
        store = sqlite3.connect(f"{place}/results.sqlite")
        store.execute("CREATE TABLE results (path TEXT, label INTEGER)")
        store.executemany("INSERT INTO results VALUES (?, ?)", rows)
        store.commit()
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + cores * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"scans": len(rows), "seconds": seconds, "scans_per_second": len(rows) / seconds, "mebibytes": used / 1024}))


if __name__ == "__main__":
    main()
