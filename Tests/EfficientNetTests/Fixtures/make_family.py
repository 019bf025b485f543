#!/usr/bin/env python3
"""Writes family_7.json and heads_7.json: timm's outputs for the weights and the image of SeededWeights.swift, seed 7, at 97 × 61 pixels, in double
precision; and B0 with other heads at 64 × 64.

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
# Heads of B0: whether the map is flattened, in [H, W, C] order, and the hidden layers.
HEADS = {"flatten-linear": (True, []), "mlp of 20, 12": (False, [20, 12]), "flatten-mlp of 9, 12, 20": (True, [9, 12, 20])}
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


def image(height=HEIGHT, width=WIDTH):
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    noise = uniform("image", 3 * height * width).reshape(3, height, width)
    planes = [0.5 + 0.3 * np.sin(x / (7 + c) + SEED) * np.cos(y / (11 + c)) + 0.15 * noise[c] for c in range(3)]
    values = np.clip(planes, 0, 1).astype(np.float32)
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    return ((values - mean[:, None, None]) / std[:, None, None]).astype(np.float64)[None]


def seeded(model, gain):
    model.load_state_dict({key: torch.from_numpy(weights(key, tuple(value.shape), gain)) if value.dim() else value
                           for key, value in model.state_dict().items()})
    return model


def golden(logits):
    return {"std": logits.std(), "argmax": int(logits.argmax()),
            "logits_first16": [round(float(value), 7) for value in logits[:16]],
            "logits_sum": logits.sum(), "logits_l2": float(np.sqrt((logits**2).sum()))}


def heads():
    result = {}
    for padding in ("symmetric", "same"):
        model = seeded(timm.create_model("tf_efficientnet_b0" if padding == "same" else "efficientnet_b0").double().eval(), 6.0)
        with torch.no_grad():
            features = model.forward_features(torch.from_numpy(image(64, 64)))
        for name, (flattens, hidden) in HEADS.items():
            x = features.permute(0, 2, 3, 1).flatten(1) if flattens else features.mean((2, 3))
            layers = [f"head{index + 1 if index else ''}" for index in range(len(hidden))] + ["classifier"]
            for layer, outputs in zip(layers, hidden + [5]):
                matrix = torch.from_numpy(weights(f"{layer}.weight", (outputs, x.shape[1]), 6.0))
                x = torch.nn.functional.linear(x, matrix, torch.from_numpy(weights(f"{layer}.bias", (outputs,), 6.0)))
                if layer != "classifier":
                    x = torch.relu(x)
            result[f"{padding}/{name}"] = golden(x[0].numpy())
    return result


def main():
    result = {}
    for variant, gain in GAIN.items():
        prefix = "lite" if variant.startswith("lite") else "v2-"
        name = NAME[prefix].format(variant.removeprefix("v2-"))
        for padding in ("symmetric", "same"):
            options = {} if padding == "same" else {"pad_type": "", "bn_eps": 1e-5}
            model = timm.create_model(name, **options).double().eval()
            with torch.no_grad():
                logits = seeded(model, gain)(torch.from_numpy(image()))[0].numpy()
            result[f"{variant}/{padding}/seed7/97x61"] = golden(logits)
    for name, found in (("family_7.json", result), ("heads_7.json", heads())):
        pathlib.Path(__file__).with_name(name).write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
