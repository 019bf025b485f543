#!/usr/bin/env python3
"""Writes rules.json: what PyTorch's losses, optimisers and schedules compute, in double precision.

    python3 make_rules.py        (needs numpy, torch and, through make_training.py, timm)

Numbers that go in are SeededWeights.uniform of seed 9.
"""
import json
import os

import torch

from make_training import uniform

SEED = 9


def values(name, *shape):
    count = 1
    for extent in shape:
        count *= extent
    return torch.from_numpy(uniform(name, SEED, count)).reshape(*shape).double()


def rounded(tensor):
    return [float(f"{value:.10g}") for value in tensor.detach().reshape(-1).tolist()]


def losses():
    result = {}
    logits = (4 * values("logits", 6, 5)).float().double()
    classes = torch.tensor([(3 * i + 1) % 5 for i in range(6)])
    multi = (values("labels", 6, 5) > 0).double()
    weights = (1 + 0.5 * values("weights", 5)).float().double()
    cases = {
        "softmax": (torch.nn.CrossEntropyLoss(), classes),
        "softmax smoothed": (torch.nn.CrossEntropyLoss(label_smoothing=0.1), classes),
        "softmax weighted": (torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=0.2), classes),
        "sigmoid": (torch.nn.BCEWithLogitsLoss(), multi),
        "sigmoid smoothed": (torch.nn.BCEWithLogitsLoss(), multi * 0.9 + 0.05),
        "sigmoid weighted": (torch.nn.BCEWithLogitsLoss(pos_weight=weights), multi),
    }
    for name, (criterion, targets) in cases.items():
        x = logits.clone().requires_grad_()
        loss = criterion(x, targets)
        loss.backward()
        result[name] = {"loss": float(f"{loss.item():.10g}"), "gradient": rounded(x.grad)}
    return result


def optimizers():
    """A matrix [5, 56] and a vector [5]; decay takes the matrix alone. Five steps, gradients of a formula."""
    makers = {
        "adamW": lambda groups: torch.optim.AdamW(groups, lr=0.01, betas=(0.8, 0.95), eps=1e-6),
        "adam": lambda groups: torch.optim.Adam(groups, lr=0.01),
        "sgd": lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.9),
    }
    result = {}
    for name, make in makers.items():
        for limit in (None, 2.0):
            matrix = values("matrix", 5, 56).requires_grad_()
            vector = values("vector", 5).requires_grad_()
            optimizer = make([{"params": [matrix], "weight_decay": 0.1}, {"params": [vector], "weight_decay": 0.0}])
            norms = []
            for step in range(5):
                matrix.grad = values(f"matrix {step}", 5, 56)
                vector.grad = values(f"vector {step}", 5)
                if limit is not None:
                    norms.append(float(torch.nn.utils.clip_grad_norm_([matrix, vector], limit)))
                optimizer.step()
            key = name if limit is None else f"{name} clipped"
            result[key] = {"matrix": rounded(matrix), "vector": rounded(vector), "norms": norms}
    return result


def schedules():
    def run(make, steps):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
        schedule, rates = make(optimizer), []
        for _ in range(steps):
            rates.append(float(f"{optimizer.param_groups[0]['lr']:.10g}"))
            optimizer.step()
            schedule.step()
        return rates

    lr = torch.optim.lr_scheduler
    return {
        "one cycle": run(lambda o: lr.OneCycleLR(o, max_lr=0.3, total_steps=21), 20),
        "one cycle, odd": run(lambda o: lr.OneCycleLR(o, max_lr=0.3, total_steps=13), 12),
        "cosine": run(lambda o: lr.CosineAnnealingLR(o, T_max=9, eta_min=0.03), 10),
        "warm-up and cosine": run(
            lambda o: lr.SequentialLR(
                o, [lr.LinearLR(o, start_factor=0.25, end_factor=1, total_iters=3), lr.CosineAnnealingLR(o, T_max=8)], [4]),
            12),
    }


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "rules.json"), "w") as file:
        json.dump({"losses": losses(), "optimizers": optimizers(), "schedules": schedules()}, file, separators=(",", ":"))
