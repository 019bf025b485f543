"""The table source × variant: weights saved by their own frameworks, imported by nightread, and both run on the same input.

usage: python3 make_sources.py NIGHTREAD FOLDER [--frameworks timm,torchvision,transformers,efficientnet_pytorch,keras,keras-heads,keras2,keras2-heads] [--variants b0,…]

Weights are random, with batch norms that are not the identity, for every source that is installed (torch, timm, torchvision, transformers,
efficientnet_pytorch; keras with a backend; tf_keras, which is Keras 2). Prints the largest difference of a logit over the standard deviation of the logits, which must
stay under 2e-4, and ends with 1 where one does not. Nothing of it stays but the table.
"""
import argparse
import importlib
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
RESOLUTION = {"b0": 224, "b1": 240, "b2": 260, "b3": 300, "b4": 380, "b5": 456, "b6": 528, "b7": 600,
              "lite0": 224, "lite1": 240, "lite2": 260, "lite3": 280, "lite4": 300,
              "v2-b0": 224, "v2-b1": 240, "v2-b2": 260, "v2-b3": 300, "v2-s": 384, "v2-m": 480, "v2-l": 480}
BOUND = 2e-4
# Of the random weights: deep networks of larger ones go to infinity, or are so sensitive that two sums in another order differ.
GAIN = {"v2-b0": 5, "v2-b1": 4.75, "v2-b2": 4.5, "v2-b3": 4.25, "v2-s": 3.75, "v2-m": 3.45, "v2-l": 3}


def waves(side):
    """[3, side, side], 0…255: smooth waves and noise."""
    y, x = np.mgrid[0:side, 0:side]
    noise = np.random.default_rng(1).uniform(-40, 40, (3, side, side))
    picture = np.stack([128 + 80 * np.sin(x / (7 + c)) * np.cos(y / (11 + c)) for c in range(3)]) + noise
    return np.clip(picture, 0, 255).astype(np.float32)


def save(path, tensors):
    header, offset = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            file.write(np.ascontiguousarray(value).tobytes())


class Table:
    def __init__(self, program, folder):
        self.program, self.folder, self.worst = program, pathlib.Path(folder), 0.0
        self.folder.mkdir(parents=True, exist_ok=True)

    def nightread(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"nightread {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout

    def row(self, source, variant, file, prepare, expected, *options, head=None, of=lambda logits: logits):
        """Imports `file` and compares its logits for `prepare(manifest)`, an input [3, R, R], with those expected."""
        package = self.folder / "package"
        subprocess.run(["rm", "-rf", package], check=True)
        self.nightread("import", file, "--output", package, *options)
        manifest = json.loads((package / "model.json").read_text())
        assert manifest["variant"] == variant, (manifest["variant"], variant)
        save(self.folder / "input.safetensors", {"input": prepare(manifest)[None]})
        found = np.array(json.loads(self.nightread(
            "logits", "--weights", package / "weights.safetensors", "--variant", variant, "--convention", manifest["padding"],
            "--batch-norm-epsilon", repr(manifest["batch_norm_epsilon"]), "--input", self.folder / "input.safetensors",
            "--json"))["logits"][0])
        assert head is None or (manifest["head"]["kind"], manifest["activation"]) == head, (manifest["head"], manifest["activation"])
        found = of(found)
        error = float(np.abs(found - expected).max() / expected.std())
        self.worst = max(self.worst, error)
        print(f"{source:38} {variant:6} {manifest['padding']:9} {manifest['batch_norm_epsilon']:<7} {error:.1e} × std"
              f"{'' if error <= BOUND else '  OVER THE BOUND'}", flush=True)
        subprocess.run(["rm", "-rf", package, file], check=True)


def normalised(side):
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return ((waves(side) / 255 - mean[:, None, None]) / std[:, None, None]).astype(np.float32)


def shake(model, seed, variant):
    """Random weights of a size that keeps logits finite and dependent on the picture."""
    import torch

    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            noise = 2 * torch.rand(value.shape, generator=random) - 1
            if value.dim() > 1:
                value.copy_(noise * (GAIN.get(variant, 5) / value[0].numel()) ** 0.5)
            elif name.endswith("running_var"):
                value.copy_(1 + 0.4 * noise)
            elif name.endswith("weight"):
                value.copy_(1 + 0.2 * noise)
            else:
                value.copy_(0.1 * noise)
    return model.eval()


def torch_logits(model, side):
    import torch

    with torch.no_grad():
        result = model(torch.from_numpy(normalised(side))[None])
    return (result.logits if hasattr(result, "logits") else result)[0].numpy()


def timm_rows(table, variants):
    import timm
    import torch
    from safetensors.torch import save_file

    for variant in variants:
        number = variant.replace("v2-", "")
        name = (f"tf_efficientnetv2_{number}" if variant.startswith("v2") else f"tf_efficientnet_{variant}")
        side = RESOLUTION[variant]
        for port in (False, True) if variant[0] == "b" else (True,):
            model = shake(timm.create_model(name if port else name[3:], num_classes=1000), 1, variant)
            expected = torch_logits(model, side)
            options = ["--convention", "same"] if port else []
            file = table.folder / "weights.safetensors"
            save_file(model.state_dict(), file)
            table.row("timm safetensors", variant, file, lambda m: normalised(side), expected, *options)
            file = table.folder / "weights.pth"
            torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}}, file)
            table.row("timm .pth in a checkpoint", variant, file, lambda m: normalised(side), expected, *options)
        torch.save(model.state_dict(), file, _use_new_zipfile_serialization=False)
        table.row("timm .pth, older format", variant, file, lambda m: normalised(side), expected, "--convention", "same")


def torchvision_rows(table, variants):
    import torch
    import torchvision

    for variant in variants:
        if variant.startswith("lite") or variant.startswith("v2-b"):
            continue
        name = "efficientnet_" + variant.replace("-", "_")
        side = RESOLUTION[variant]
        model = shake(getattr(torchvision.models, name)(weights=None), 2, variant)
        file = table.folder / "weights.pth"
        torch.save(model.state_dict(), file)
        table.row("torchvision .pth", variant, file, lambda m: normalised(side), torch_logits(model, side))


def transformers_rows(table, variants):
    from safetensors.torch import save_file
    from transformers import EfficientNetConfig, EfficientNetForImageClassification

    settings = {"b0": (1.0, 1.0, 1280, []), "b3": (1.2, 1.4, 1536, [5, 18]), "b7": (2.0, 3.1, 2560, [18])}
    for variant in variants:
        if variant not in settings:
            continue
        width, depth, hidden, padding = settings[variant]
        side = RESOLUTION[variant]
        config = EfficientNetConfig(
            image_size=side, width_coefficient=width, depth_coefficient=depth, hidden_dim=hidden, depthwise_padding=padding,
            num_labels=1000)
        model = shake(EfficientNetForImageClassification(config), 3, variant)
        file = table.folder / "model.safetensors"
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, file)
        table.row("transformers safetensors", variant, file, lambda m: normalised(side), torch_logits(model, side))


def efficientnet_pytorch_rows(table, variants):
    import torch
    from efficientnet_pytorch import EfficientNet

    for variant in variants:
        if variant[0] != "b":
            continue
        side = RESOLUTION[variant]
        model = shake(EfficientNet.from_name(f"efficientnet-{variant}", image_size=side), 4, variant)
        file = table.folder / "weights.pth"
        torch.save(model.state_dict(), file, _use_new_zipfile_serialization=False)
        table.row("efficientnet_pytorch .pth, older format", variant, file, lambda m: normalised(side), torch_logits(model, side))


def shake_keras(layers, random, variant):
    """Random weights for every layer, nested models' too; Keras' scale of the input is left positive."""
    for layer in layers:
        if hasattr(layer, "layers"):
            shake_keras(layer.layers, random, variant)
            continue
        values = layer.get_weights()
        for index, value in enumerate(values):
            path = getattr(layer.weights[index], "path", layer.weights[index].name).removesuffix(":0")
            noise = random.uniform(-1, 1, value.shape)
            if path.endswith("variance"):
                values[index] = (0.25 if "normalization" in path and "bn" not in path else 1) * (1 + 0.4 * noise)
            elif path.endswith("count"):
                continue
            elif value.ndim > 1:
                fan = value[..., 0].size if "dwconv" not in path else value[..., 0, 0].size
                values[index] = noise * (GAIN.get(variant, 5) / fan) ** 0.5
            elif path.endswith("gamma"):
                values[index] = 1 + 0.2 * noise
            else:
                values[index] = 0.1 * noise
        layer.set_weights(values)
        if hasattr(layer, "finalize_state"):  # Normalization computes with copies of its variables
            layer.finalize_state()


def keras_input(side, picture):
    """What the package's preprocessing makes of the picture whose pixels the Keras model gets."""

    def prepare(manifest):
        settings = manifest["preprocessing"]
        mean, std = np.array(settings["mean"]), np.array(settings["std"])
        assert settings["fit"] == "squash" and settings["resolution"] == side, settings
        return ((picture / 255 - mean[:, None, None]) / std[:, None, None]).astype(np.float32)

    return prepare


def keras_rows(table, variants, module="keras"):
    keras = importlib.import_module(module)
    program = "Keras" if module == "keras" else "Keras 2"
    for variant in variants:
        if variant.startswith("lite"):
            continue
        random = np.random.default_rng(5)  # anew, so that a variant's numbers do not depend on the others asked for
        name = "EfficientNet" + variant.upper().replace("-", "")
        side = RESOLUTION[variant]
        model = getattr(keras.applications, name)(weights=None, classifier_activation=None, input_shape=(side, side, 3))
        shake_keras(model.layers, random, variant)
        picture = waves(side)
        expected = np.array(model(picture.transpose(1, 2, 0)[None], training=False))[0]
        for file in ("model.keras", "model.h5"):
            model.save(table.folder / file)
            table.row(f"{program} {file.removeprefix('model')}", variant, table.folder / file, keras_input(side, picture), expected)
        # Keras 2 has an older form of weights too, for files that are just called .h5.
        for file in ["model.weights.h5"] + (["weights.h5"] if module != "keras" else []):
            model.save_weights(table.folder / file)
            table.row(f"{program} {file.removeprefix('model')}", variant, table.folder / file,
                      keras_input(side, picture), expected)


def keras_heads_rows(table, variants, module="keras"):
    """The heads that people write, over B0: nested or not, saved whole and as weights alone."""
    keras = importlib.import_module(module)
    layers = keras.layers
    program = "Keras" if module == "keras" else "Keras 2"
    random = np.random.default_rng(6)
    side = 160
    picture = waves(side)

    def base():
        return keras.applications.EfficientNetB0(weights=None, include_top=False, input_shape=(side, side, 3))

    def tutorial():
        return keras.Sequential([base(), layers.Flatten(), layers.Dense(256, activation="relu"), layers.Dropout(0.5),
                                 layers.Dense(10, activation="softmax")]), ("flatten-mlp", "softmax")

    def functional():
        network = base()
        last = layers.GlobalAveragePooling2D()(network.output)
        last = layers.Dropout(0.3)(layers.Dense(64, activation="relu")(last))
        return keras.Model(network.input, layers.Dense(7, activation="sigmoid")(last)), ("mlp", "sigmoid")

    def nested():
        image = layers.Input((side, side, 3))
        last = layers.RandomFlip()(image)
        last = layers.Rescaling(0.5, offset=3)(last)
        last = layers.GlobalAveragePooling2D()(base()(last))
        return keras.Model(image, layers.Softmax()(layers.Dense(5)(last))), ("linear", "softmax")

    def pooled():
        network = keras.applications.EfficientNetB0(weights=None, include_top=False, input_shape=(side, side, 3), pooling="avg")
        return keras.Sequential([network, layers.Dense(32), layers.ReLU(), layers.Dense(4, activation="sigmoid")]), ("mlp", "sigmoid")

    def flat():
        return keras.Sequential([base(), layers.Flatten(), layers.Dense(6, activation="softmax")]), ("flatten-linear", "softmax")

    def deep():
        network = base()
        last = layers.Flatten()(network.output)
        for units in (64, 64, 32):
            last = layers.Dropout(0.2)(layers.Dense(units, activation="relu")(last))
        return keras.Model(network.input, layers.Dense(5, activation="softmax")(last)), ("flatten-mlp", "softmax")

    def normed():
        network = base()
        last = layers.GlobalAveragePooling2D()(network.output)
        last = layers.BatchNormalization()(last)
        last = layers.Activation("relu")(layers.BatchNormalization(scale=False)(layers.Dense(128, use_bias=False)(last)))
        last = layers.Dropout(0.5)(layers.BatchNormalization(center=False, epsilon=1e-5)(last))
        last = layers.BatchNormalization()(layers.Dense(32, activation="relu")(last))
        return keras.Model(network.input, layers.Dense(4, activation="sigmoid")(last)), ("mlp", "sigmoid")

    def normed_map():
        return keras.Sequential([base(), layers.BatchNormalization(), layers.Flatten(), layers.BatchNormalization(),
                                 layers.Dense(5), layers.BatchNormalization(), layers.Softmax()]), ("flatten-linear", "softmax")

    for make in (tutorial, functional, nested, pooled, flat, deep, normed, normed_map):
        model, head = make()
        shake_keras(model.layers, random, "b0")
        outputs = np.array(model(picture.transpose(1, 2, 0)[None], training=False), dtype=np.float64)[0]
        if head[1] == "sigmoid":
            expected, of = np.log(outputs / (1 - outputs)), lambda logits: logits
        else:  # softmax keeps differences alone
            expected, of = np.log(outputs) - np.log(outputs).mean(), lambda logits: logits - logits.mean()
        files = ["model.keras", "model.h5"]
        if make in (tutorial, pooled, flat, deep):
            files += ["model.weights.h5"] + (["weights.h5"] if module != "keras" else [])
        for file in files:
            (model.save_weights if "weights" in file else model.save)(table.folder / file)
            if "weights" in file:  # whose tensors know nothing of the input's size and the last activation
                known = (head[0], "softmax")
                options = ["--preprocessing", f"resolution={side}"]
            else:
                known, options = head, []
            table.row(f"{program} {file.removeprefix('model')}, {make.__name__}: {head[0]}", "b0", table.folder / file, keras_input(side, picture),
                      expected, *options, head=known, of=of)


def main():
    rows = {"timm": timm_rows, "torchvision": torchvision_rows, "transformers": transformers_rows,
            "efficientnet_pytorch": efficientnet_pytorch_rows, "keras": keras_rows, "keras-heads": keras_heads_rows,
            "keras2": lambda *asked: keras_rows(*asked, "tf_keras"), "keras2-heads": lambda *asked: keras_heads_rows(*asked, "tf_keras")}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nightread")
    parser.add_argument("folder")
    parser.add_argument("--frameworks", default=",".join(rows))
    parser.add_argument("--variants", default="b0,b3,b7,lite0,v2-b0,v2-s")
    asked = parser.parse_args()
    table = Table(asked.nightread, asked.folder)
    for framework in asked.frameworks.split(","):
        rows[framework](table, asked.variants.split(","))
    print(f"largest error {table.worst:.1e} × std, bound {BOUND:.0e}")
    sys.exit(table.worst > BOUND)


if __name__ == "__main__":
    main()
