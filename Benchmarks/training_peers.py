#!/usr/bin/env python3
"""Steps of a training beside PyTorch (channels-last) and Keras, in turn on the same machine.

    Benchmarks/training_peers.py [--variants b0] [--batch 16] [--pairs 3] [--seconds 10] [--nightread .build/release/nightread]

A step is the same everywhere: a batch of the variant's resolution forwards with drop-connect and dropout, label smoothing, 1000 labels, all
layers backwards, AdamW. Of Nightread the step also clips the gradients and keeps an average of the weights. Peers that are not installed
are left out. Absolute figures drift on shared machines: the ratio of each pair is what to look at, and beside it the ratio of processor time, which
other programs disturb less.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

THREADS = os.cpu_count()
RESOLUTION = {"b0": 224, "b1": 240, "b2": 260, "b3": 300, "b4": 380, "lite0": 224}
# Keras writes to the terminal before it can be told not to.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def torch_step(variant, batch):
    import timm
    import torch

    torch.set_num_threads(THREADS)
    name = f"tf_efficientnet_{variant}"
    model = timm.create_model(name, num_classes=1000, drop_rate=0.2, drop_path_rate=0.2)
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    side = RESOLUTION[variant]
    images = torch.randn(batch, 3, side, side).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (batch,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        criterion(model(images), labels).backward()
        optimizer.step()

    return step, f"PyTorch {torch.__version__}"


def keras_step(variant, batch):
    if not variant.startswith("b"):
        return None, "Keras has no Lite variants"
    import keras
    import numpy as np
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(THREADS)
    model = getattr(keras.applications, f"EfficientNet{variant.upper()}")(weights=None, classes=1000)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-4, weight_decay=0.01),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1))
    side = RESOLUTION[variant]
    images = np.random.default_rng(0).standard_normal((batch, side, side, 3), dtype=np.float32)
    labels = np.eye(1000, dtype=np.float32)[np.arange(batch) % 1000]
    return lambda: model.train_on_batch(images, labels), f"Keras {keras.__version__}, TensorFlow {tensorflow.__version__}"


def rate(step, batch, seconds):
    """Images per second, and processor milliseconds per image."""
    start, processor, steps = time.perf_counter(), time.process_time(), 0
    while steps == 0 or time.perf_counter() - start < seconds:
        step()
        steps += 1
    count = steps * batch
    return count / (time.perf_counter() - start), 1000 * (time.process_time() - processor) / count


def ours(program, variant, batch, seconds):
    out = subprocess.run(
        [program, "bench", "--train", "--variant", variant, "--batch", str(batch), "--threads", str(THREADS), "--seconds",
         str(seconds), "--json"], capture_output=True, text=True, check=True)
    result = json.loads(out.stdout)
    return result["images_per_second"], result["processor_milliseconds_per_image"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=["b0"], choices=RESOLUTION)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--nightread", default=".build/release/nightread")
    options = parser.parse_args()
    print("| variant | peer | nightread images/s | peer images/s | ratio: median (lowest … highest) | processor ms an image, ours and the peer's | ratio |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for variant in options.variants:
        for make in (torch_step, keras_step):
            try:
                step, name = make(variant, options.batch)
            except ImportError as error:
                print(f"| {variant} | not installed: {error.name} | | | | | |", flush=True)
                continue
            if step is None:
                print(f"| {variant} | {name} | | | | | |", flush=True)
                continue
            # The first steps allocate, and compile what is compiled.
            step()
            step()
            rows = []
            for _ in range(options.pairs):
                mine = ours(options.nightread, variant, options.batch, options.seconds)
                rows.append((mine, rate(step, options.batch, options.seconds)))
            ratios = sorted(mine[0] / peer[0] for mine, peer in rows)
            processor = [statistics.median(row[side][1] for row in rows) for side in (0, 1)]
            print(f"| {variant} | {name} | {statistics.median(mine[0] for mine, _ in rows):.1f} | "
                  f"{statistics.median(peer[0] for _, peer in rows):.1f} | {statistics.median(ratios):.2f} "
                  f"({ratios[0]:.2f} … {ratios[-1]:.2f}) | {processor[0]:.1f}, {processor[1]:.1f} | "
                  f"{processor[1] / processor[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
