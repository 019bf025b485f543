#!/usr/bin/env python3
"""Writes training_VARIANT.json: what PyTorch and timm compute in double precision for three steps of AdamW.

    python3 make_training.py        (needs numpy, torch and timm)

Weights and images are SeededWeights' of seed 3: the weights of the variant's network with 10 labels, six images a batch, the i-th of step s with
seed 100 s + i, normalised with ImageNet's mean and standard deviation (also where the variant has others). SAME padding, epsilon 1e-3, batch norm's
momentum 0.01, no dropout, no drop-connect; cross-entropy with label smoothing 0.1; AdamW, rate 1e-3, decay 0.05 of matrices and kernels alone.

Two things keep rounding from deciding what is compared. AdamW's epsilon is 1e-4: a projection's bias has no effect behind the next batch norm, its
gradient is 0 but for rounding, and Adam would divide that by itself. And where activations are ReLU6, batch norm's biases are 3 more: of millions
of values some lie so near a kink that rounding chooses the slope, but hundreds of times fewer three deviations away from 0 and 6.

A tensor's numbers are its norm and its products with two vectors of signs, made of the same formula: an error of a tensor shows in
them with its own length.
"""
import json
import os

import numpy as np
import timm
import torch

SEED, BATCH, SIDE, LABELS, STEPS = 3, 6, 96, 10, 3
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def uniform(name, seed, count):
    base = 0xCBF29CE484222325
    for byte in name.encode():
        base = ((base ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    start = (base + seed * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        x = np.uint64(start) + np.arange(count, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(40)).astype(np.float64) / float(1 << 23) - 1


def weight(name, shape, shift):
    values = uniform(name, SEED, int(np.prod(shape))).reshape(shape)
    if len(shape) > 1:
        values = values * np.sqrt(6.0 / np.prod(shape[1:]))
    elif name.endswith("running_var"):
        values = 1 + 0.4 * values
    elif name.endswith(".weight"):
        values = 1 + 0.2 * values
    else:
        values = 0.1 * values + (shift if "bn" in name and name.endswith(".bias") else 0)
    return values.astype(np.float32)


def image(seed):
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    noise = uniform("image", seed, 3 * SIDE * SIDE).reshape(3, SIDE, SIDE)
    planes = []
    for c in range(3):
        wave = 0.5 + 0.3 * np.sin(x / (7 + c) + seed) * np.cos(y / (11 + c)) + 0.15 * noise[c]
        planes.append((np.clip(wave, 0, 1).astype(np.float32) - np.float32(MEAN[c])) / np.float32(STD[c]))
    return np.stack(planes)


def numbers(name, tensor):
    values = tensor.detach().numpy().astype(np.float64).reshape(-1)
    row = [float(np.linalg.norm(values))]
    for k in range(2):
        signs = np.where(uniform(f"{name}/signs{k}", SEED, values.size) < 0, -1.0, 1.0)
        row.append(float(values @ signs))
    return [float(f"{value:.9g}") for value in row]


def run(variant, model_name, shift):
    model = timm.create_model(model_name, num_classes=LABELS, drop_rate=0, drop_path_rate=0)
    state = {
        name: torch.from_numpy(weight(name, tuple(value.shape), shift))
        for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")
    }
    model.load_state_dict(state, strict=False)
    model = model.double().train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.eps == 1e-3
            module.momentum = 0.01
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}], lr=1e-3, eps=1e-4)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    result = {"losses": [], "gradients": {}, "statistics": {}, "weights": {}}
    for step in range(STEPS):
        images = torch.from_numpy(np.stack([image(100 * step + i) for i in range(BATCH)])).double()
        targets = torch.tensor([(3 * i + step) % LABELS for i in range(BATCH)])
        optimizer.zero_grad()
        logits = model(images)
        loss = criterion(logits, targets)
        loss.backward()
        result["losses"].append(float(f"{loss.item():.12g}"))
        if step == 0:
            result["logits"] = [float(f"{value:.9g}") for value in logits.detach().reshape(-1).tolist()]
            for name, parameter in model.named_parameters():
                result["gradients"][name] = numbers(name, parameter.grad)
            for name, value in model.named_buffers():
                if not name.endswith("num_batches_tracked"):
                    result["statistics"][name] = numbers(name, value)
        optimizer.step()
    for name, value in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            result["weights"][name] = numbers(name, value)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, f"training_{variant}.json"), "w") as file:
        json.dump(result, file, separators=(",", ":"))
    print(variant, result["losses"])


if __name__ == "__main__":
    torch.manual_seed(0)
    run("b0", "tf_efficientnet_b0", 0)
    run("lite0", "tf_efficientnet_lite0", 3)
