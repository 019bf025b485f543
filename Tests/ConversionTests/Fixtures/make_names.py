"""What each program calls the tensors of each variant, as digests: names.json.

usage: python3 make_names.py names.json   (adds what the programs that are installed here say)

A digest is the SHA-256 of the lines `name extent,extent,…` of all tensors but the head's, PyTorch's counts of batches and Keras'
normalisation of the input, sorted, each with a line feed.
"""
import hashlib
import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
B = [f"b{n}" for n in range(8)]
V2 = ["v2-b0", "v2-b1", "v2-b2", "v2-b3", "v2-s", "v2-m", "v2-l"]
LITE = [f"lite{n}" for n in range(5)]


def digest(shapes):
    lines = sorted(f"{name} {','.join(map(str, shape))}\n" for name, shape in shapes.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def torch_shapes(model, head):
    return {name: tuple(value.shape) for name, value in model.state_dict().items()
            if not name.endswith("num_batches_tracked") and not name.startswith(head)}


def timm_digests():
    import timm

    for variant in B + LITE + V2:
        name = "tf_efficientnet" + ("v2_" + variant[3:] if variant.startswith("v2") else "_" + variant)
        yield variant, torch_shapes(timm.create_model(name), "classifier")


def torchvision_digests():
    import torchvision

    for variant in B + V2[4:]:
        model = getattr(torchvision.models, "efficientnet_" + variant.replace("-", "_"))(weights=None)
        yield variant, torch_shapes(model, "classifier")


def transformers_digests():
    from transformers import EfficientNetConfig, EfficientNetForImageClassification

    scale = {"b0": (1.0, 1.0, 1280), "b1": (1.0, 1.1, 1280), "b2": (1.1, 1.2, 1408), "b3": (1.2, 1.4, 1536),
             "b4": (1.4, 1.8, 1792), "b5": (1.6, 2.2, 2048), "b6": (1.8, 2.6, 2304), "b7": (2.0, 3.1, 2560)}
    for variant, (width, depth, hidden) in scale.items():
        model = EfficientNetForImageClassification(
            EfficientNetConfig(width_coefficient=width, depth_coefficient=depth, hidden_dim=hidden))
        yield variant, {name.removeprefix("efficientnet."): shape for name, shape in torch_shapes(model, "classifier").items()}


def efficientnet_pytorch_digests():
    from efficientnet_pytorch import EfficientNet

    for variant in B:
        yield variant, torch_shapes(EfficientNet.from_name(f"efficientnet-{variant}"), "_fc")


def keras_digests():
    import keras

    for variant in B + V2:
        model = getattr(keras.applications, "EfficientNet" + variant.upper().replace("-", ""))(weights=None, include_top=False)
        # The depthwise convolutions of V2 are called dwconv2 there.
        yield variant, {weight.path.replace("_dwconv2/", "_dwconv/"): tuple(weight.shape)
                        for layer in model.layers for weight in layer.weights if not layer.name.startswith("normalization")}


def main():
    path = pathlib.Path(sys.argv[1])
    known = json.loads(path.read_text()) if path.exists() else {}
    for name, make in [("timm", timm_digests), ("torchvision", torchvision_digests), ("huggingFace", transformers_digests),
                       ("efficientNetPyTorch", efficientnet_pytorch_digests), ("keras", keras_digests)]:
        try:
            known[name] = {variant: digest(shapes) for variant, shapes in make()}
        except ImportError as error:
            print(f"{name}: {error}")
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
