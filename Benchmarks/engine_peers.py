#!/usr/bin/env python3
"""Nightread's engine beside ONNX Runtime and OpenVINO, in turn on the same machine.

    Benchmarks/engine_peers.py [--variants b0 b4 b7 lite0 v2-s] [--pairs 5] [--seconds 3] [--nightread .build/release/nightread]

Of each peer the best of its settings counts (found in a first round), and of the peers the best one in each pair. Absolute figures
drift on shared machines: the ratio of each pair is what to look at.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import time

import numpy as np
import onnxruntime
import openvino

from efficientnet_onnx import RESOLUTION, build

THREADS = os.cpu_count()


class Peer:
    """One engine with one setting; the session is made once."""

    def __init__(self, engine, precision, batch, model, resolution):
        self.engine, self.precision, self.batch = engine, precision, batch
        picture = np.random.default_rng(0).standard_normal((batch, 3, resolution, resolution), dtype=np.float32)
        if engine == "onnxruntime":
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = THREADS
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            self.submit, self.wait = lambda: session.run(None, {"x": picture}), lambda: None
        else:
            core = openvino.Core()
            read = core.read_model(model)
            read.reshape([batch, 3, resolution, resolution])
            compiled = core.compile_model(read, "CPU", {
                "INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": str(THREADS), "INFERENCE_NUM_THREADS": THREADS})
            queue = openvino.AsyncInferQueue(compiled, 2 * THREADS)
            self.submit, self.wait = lambda: queue.start_async({0: picture}), queue.wait_all

    def rate(self, seconds):
        """Images per second."""
        for _ in range(2 * THREADS):
            self.submit()
        self.wait()
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            self.submit()
            count += 1
        self.wait()
        return count * self.batch / (time.perf_counter() - start)


def ours(program, variant, precision, seconds):
    """Images per second; None where this program or machine does not have the precision."""
    out = subprocess.run([program, "bench", "--variant", variant, "--precision", precision, "--threads", str(THREADS),
                          "--seconds", str(seconds), "--json"], capture_output=True, text=True)
    if out.returncode != 0:
        return None
    result = json.loads(out.stdout)
    return result["images_per_second"] if result["precision"] == precision else None


def processor():
    with open("/proc/cpuinfo") as file:
        lines = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    flags = lines.get("flags", "").split()
    level = "AVX-512 BF16" if "avx512_bf16" in flags else "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "neither AVX2 nor AVX-512"
    return f"{lines.get('model name', platform.processor())} (family {lines.get('cpu family')}, model {lines.get('model')}; {level}), {THREADS} cores"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=["b0", "b4", "b7", "lite0", "v2-s"], choices=RESOLUTION)
    parser.add_argument("--precisions", nargs="+", default=["f32", "bf16"], choices=["f32", "bf16"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--nightread", default=".build/release/nightread")
    options = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d')}, {processor()}; {options.pairs} pairs of {options.seconds} s; "
          f"ONNX Runtime {onnxruntime.__version__}, OpenVINO {openvino.__version__.split('-')[0]}", flush=True)
    print("| variant | precision | nightread images/s | best peer images/s | ratio: median (lowest … highest) | best peer |")
    print("|---|---|---|---|---|---|", flush=True)
    for variant in options.variants:
        model = build(variant).SerializeToString()
        for precision in options.precisions:
            if ours(options.nightread, variant, precision, 0.2) is None:
                print(f"| {variant} | {precision} | not on this machine | | | |", flush=True)
                continue
            peers = [Peer("openvino", precision, batch, model, RESOLUTION[variant]) for batch in (1, 8)]
            if precision == "f32":
                peers += [Peer("onnxruntime", precision, batch, model, RESOLUTION[variant]) for batch in (1, 8)]
            first = sorted(((peer.rate(options.seconds), index) for index, peer in enumerate(peers)), reverse=True)
            # The best setting of each engine.
            kept = {}
            for _, index in first:
                kept.setdefault(peers[index].engine, peers[index])
            rows = []
            for _ in range(options.pairs):
                mine = ours(options.nightread, variant, precision, options.seconds)
                best = max((peer.rate(options.seconds), f"{peer.engine} batch {peer.batch}") for peer in kept.values())
                rows.append((mine, best))
            ratios = sorted(mine / best[0] for mine, best in rows)
            names = sorted({best[1] for _, best in rows})
            print(f"| {variant} | {precision} | {statistics.median(mine for mine, _ in rows):.1f} | "
                  f"{statistics.median(best[0] for _, best in rows):.1f} | {statistics.median(ratios):.2f} "
                  f"({ratios[0]:.2f} … {ratios[-1]:.2f}) | {', '.join(names)} |", flush=True)


if __name__ == "__main__":
    main()
