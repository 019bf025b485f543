#!/usr/bin/env python3
"""Writes family_7.json: timm's outputs for the weights and the image of SeededWeights.swift, seed 7, at 97 × 61 pixels, in double precision.

    python3 make_family.py        (needs numpy, torch and timm)
"""
import json
import pathlib

import numpy as np
import timm
import torch

SEED, HEIGHT, WIDTH = 7, 97, 61
# The range of the weights: keeps logits finite and dependent on the image.
GAIN = {"lite0": 6.0, "lite2": 6.0, "v2-b0": 5.0, "v2-b2": 4.5, "v2-s": 3.75, "v2-l": 3.3}
NAME = {"lite": "tf_efficientnet_{}", "v2-": "tf_efficientnetv2_{}"}


def splitmix64(x):
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def uniform(name, count):
    base = 0xCBF29CE484222325
    for byte in name.encode():
        base = ((base ^ byte) * 0x100000001B3) % 2**64
    base = (base + SEED * 0x9E3779B97F4A7C15) % 2**64
    with np.errstate(over="ignore"):
        bits = splitmix64(np.uint64(base) + np.arange(count, dtype=np.uint64))
    return (bits >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def weights(name, shape, gain):
    values = uniform(name, int(np.prod(shape))).reshape(shape)
    if len(shape) > 1:
        values *= np.sqrt(gain / np.prod(shape[1:]))
    elif name.endswith("running_var"):
        values = 1 + 0.4 * values
    elif name.endswith(".weight"):
        values = 1 + 0.2 * values
    else:
        values *= 0.1
    return values.astype(np.float32).astype(np.float64)


def image():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    noise = uniform("image", 3 * HEIGHT * WIDTH).reshape(3, HEIGHT, WIDTH)
    planes = [0.5 + 0.3 * np.sin(x / (7 + c) + SEED) * np.cos(y / (11 + c)) + 0.15 * noise[c] for c in range(3)]
    values = np.clip(planes, 0, 1).astype(np.float32)
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    return ((values - mean[:, None, None]) / std[:, None, None]).astype(np.float64)[None]


def main():
    result = {}
    for variant, gain in GAIN.items():
        prefix = "lite" if variant.startswith("lite") else "v2-"
        name = NAME[prefix].format(variant.removeprefix("v2-"))
        for padding in ("symmetric", "same"):
            options = {} if padding == "same" else {"pad_type": "", "bn_eps": 1e-5}
            model = timm.create_model(name, **options).double().eval()
            state = {key: torch.from_numpy(weights(key, tuple(value.shape), gain)) if value.dim() else value
                     for key, value in model.state_dict().items()}
            model.load_state_dict(state)
            with torch.no_grad():
                logits = model(torch.from_numpy(image()))[0].numpy()
            result[f"{variant}/{padding}/seed7/97x61"] = {
                "std": logits.std(), "argmax": int(logits.argmax()),
                "logits_first16": [round(float(value), 7) for value in logits[:16]],
                "logits_sum": logits.sum(), "logits_l2": float(np.sqrt((logits**2).sum()))}
    path = pathlib.Path(__file__).with_name("family_7.json")
    path.write_text(json.dumps(result, indent=0) + "\n")


if __name__ == "__main__":
    main()
