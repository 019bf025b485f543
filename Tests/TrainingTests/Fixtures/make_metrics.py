"""Writes metrics.json: what scikit-learn and SciPy make of fixed predictions.

    python make_metrics.py   # scikit-learn 1.9, SciPy 1.17

The predictions are in the file, so that the tests compute from the same numbers.
"""
import json, pathlib
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax, expit
from scipy.spatial.distance import mahalanobis
from sklearn import metrics
from sklearn.covariance import LedoitWolf

random = np.random.default_rng(20)
MASK = (1 << 64) - 1


def mix(value):
    x = (value + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def uniform(seed, stream, position):
    """SplitMix64's finaliser over seed, stream and position, as Draws.swift has it."""
    mixed = mix((seed + mix((stream + 0x9E3779B97F4A7C15) & MASK) + position * 0x9E3779B97F4A7C15) & MASK)
    return (mixed >> 11) / (1 << 53)


def interval(patients, resamples, seed, statistic):
    """Percentile bootstrap over patients in order of their first scan; None is a patient of its own."""
    units = {}
    for index, patient in enumerate(patients):
        units.setdefault(patient if patient is not None else ("scan", index), []).append(index)
    units = list(units.values())
    values = []
    for resample in range(resamples):
        weights = np.zeros(len(patients))
        for position in range(len(units)):
            for index in units[int(uniform(seed, resample, position) * len(units))]:
                weights[index] += 1
        value = statistic(weights)
        if value is not None:
            values.append(value)
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]


def auc(truths, scores, weights=None):
    kept = np.ones(len(truths), bool) if weights is None else weights > 0
    if len(set(truths[kept])) < 2:
        return None
    return float(metrics.roc_auc_score(truths[kept], scores[kept], sample_weight=None if weights is None else weights[kept]))


def between(thresholds, place):
    """Halfway from a threshold of roc_curve to the next lower one."""
    return float((thresholds[place] + thresholds[min(place + 1, len(thresholds) - 1)]) / 2)


def youden(truths, scores):
    fpr, tpr, thresholds = metrics.roc_curve(truths, scores, drop_intermediate=False)
    gain = np.round(tpr - fpr, 12)
    return between(thresholds, 1 + np.argmax(gain[1:]))


def sensitivity(truths, scores, target):
    fpr, tpr, thresholds = metrics.roc_curve(truths, scores, drop_intermediate=False)
    return between(thresholds, np.argmax(tpr >= target - 1e-9))


def reliability(probability, right):
    edges = np.linspace(0, 1, 16)
    error, bins = 0.0, []
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (probability > low) & (probability <= high)
        count = int(inside.sum())
        confidence = float(probability[inside].mean()) if count else 0.0
        accuracy = float(right[inside].mean()) if count else 0.0
        bins.append([count, confidence, accuracy])
        error += count / len(probability) * abs(accuracy - confidence)
    return {"error": error, "bins": bins}


def multiclass():
    count, labels = 90, 3
    truths = random.integers(0, labels, count)
    # Rounded to quarters, so that there are equal scores; twice as sure as it should be.
    logits = np.round(4 * (random.normal(size=(count, labels)) + 1.2 * np.eye(labels)[truths]) * 2) / 4
    patients = [None if i % 10 == 9 else f"p{i // 3}" for i in range(count)]
    probabilities = softmax(logits, axis=1)
    call = np.argmax(probabilities, axis=1)
    fitted = minimize_scalar(
        lambda t: -log_softmax(logits / np.exp(t), axis=1)[np.arange(count), truths].mean(),
        bracket=(-1, 1), tol=1e-14)
    out = {
        "logits": logits.tolist(), "truths": [[int(t)] for t in truths], "patients": patients,
        "accuracy": float(metrics.accuracy_score(truths, call)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(truths, call)),
        "confusion": metrics.confusion_matrix(truths, call).tolist(),
        "log_loss": float(metrics.log_loss(truths, probabilities)),
        "temperature": float(np.exp(fitted.x)), "log_loss_fitted": float(fitted.fun),
        "calibration": reliability(probabilities.max(axis=1), call == truths),
        "accuracy_interval": interval(
            patients, 200, 7, lambda w: float(np.average(call == truths, weights=w))),
        "labels": [],
    }
    for label in range(labels):
        yes, scores = (truths == label).astype(int), probabilities[:, label]
        fpr, tpr, _ = metrics.roc_curve(yes, scores, drop_intermediate=False)
        precision, recall, _ = metrics.precision_recall_curve(yes, scores)
        out["labels"].append({
            "auc": auc(yes, scores), "average_precision": float(metrics.average_precision_score(yes, scores)),
            "roc": np.stack([fpr, tpr], 1).tolist(),
            "precision_recall": np.stack([recall, precision], 1)[::-1].tolist(),
            "youden": youden(yes, scores), "sensitivity_090": sensitivity(yes, scores, 0.9),
            "auc_interval": interval(patients, 200, 7, lambda w: auc(yes, scores, w)),
        })
    return out


def multilabel():
    count, labels = 80, 2
    truths = (random.random((count, labels)) < [0.3, 0.5]).astype(int)
    logits = np.round(8 * (random.normal(size=(count, labels)) * 2 + 2.5 * truths - 1.5)) / 8
    probabilities = expit(logits)
    call = (probabilities >= [0.4, 0.5]).astype(int)

    def loss(t):
        z = logits / np.exp(t)
        return float((np.logaddexp(0, z) - truths * z).mean())

    fitted = minimize_scalar(loss, bracket=(-1, 1), tol=1e-14)
    return {
        "logits": logits.tolist(), "truths": [[int(i) for i in np.flatnonzero(row)] for row in truths],
        "threshold_of_first": 0.4, "accuracy": float(metrics.accuracy_score(truths, call)),
        "auc": [auc(truths[:, i], probabilities[:, i]) for i in range(labels)],
        "sensitivity": [float(metrics.recall_score(truths[:, i], call[:, i])) for i in range(labels)],
        "specificity": [float(metrics.recall_score(1 - truths[:, i], 1 - call[:, i])) for i in range(labels)],
        "log_loss": loss(0.0), "temperature": float(np.exp(fitted.x)),
        "calibration": reliability(probabilities.ravel(), truths.ravel() == 1),
    }


def features():
    count, size = 24, 33
    basis = random.normal(size=(size, size)) / 4
    groups = np.arange(count) % 3
    centers = random.normal(size=(3, size))
    rows = (centers[groups] + random.normal(size=(count, size)) @ basis).astype(np.float32)
    others = (centers[random.integers(0, 3, 20)] + random.normal(size=(20, size)) @ basis).astype(np.float32)
    means = np.stack([rows[groups == g].astype(float).mean(0) for g in range(3)])
    fit = LedoitWolf(assume_centered=True).fit(rows.astype(float) - means[groups])
    inverse = np.linalg.inv(fit.covariance_)
    distances = [min(mahalanobis(row, mean, inverse) for mean in means) for row in others.astype(float)]
    return {
        "rows": rows.tolist(), "groups": groups.tolist(), "others": others.tolist(),
        "shrinkage": float(fit.shrinkage_), "covariance": fit.covariance_.tolist(), "distances": distances,
    }


path = pathlib.Path(__file__).parent / "metrics.json"
path.write_text(json.dumps({"multiclass": multiclass(), "multilabel": multilabel(), "features": features()}) + "\n")
