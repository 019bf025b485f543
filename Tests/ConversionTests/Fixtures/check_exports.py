"""What a package becomes elsewhere: its ONNX model in ONNX Runtime, its torchvision weights in torchvision, its own weights in timm.

usage: python3 check_exports.py NIGHTREAD FOLDER [--variants b0,…]

Makes packages with random weights, exports them, and compares the logits of the other program with `nightread logits` for the same input.
Ends with 1 where one differs by more than 1e-4 of the logits' standard deviation.
"""
import argparse
import json
import pathlib
import sys

import numpy as np

from make_sources import RESOLUTION, Table, normalised, save, shake

BOUND = 1e-4


def main():
    import onnx
    import onnxruntime
    import timm
    import torch
    import torchvision
    from safetensors.torch import load_file, save_file

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nightread")
    parser.add_argument("folder")
    parser.add_argument("--variants", default="b0,b3,lite0,v2-b0,v2-s")
    asked = parser.parse_args()
    table = Table(asked.nightread, asked.folder)
    worst = 0.0

    def compare(what, variant, found, expected):
        nonlocal worst
        error = float(np.abs(found - expected).max() / expected.std())
        worst = max(worst, error)
        print(f"{what:42} {variant:6} {error:.1e} × std{'' if error <= BOUND else '  OVER THE BOUND'}", flush=True)

    for variant in asked.variants.split(","):
        side = RESOLUTION[variant]
        number = variant.replace("v2-", "")
        port = f"tf_efficientnetv2_{number}" if variant.startswith("v2") else f"tf_efficientnet_{variant}"
        for padding in ("same", "symmetric"):
            model = shake(timm.create_model(port if padding == "same" or variant[0] != "b" else port[3:]), 6, variant)
            weights, package = table.folder / "w.safetensors", table.folder / f"{variant}-{padding}"
            save_file(model.state_dict(), weights)
            table.nightread("import", weights, "--output", package, "--convention", padding,
                            "--preprocessing", f"resolution={side}")
            manifest = json.loads((package / "model.json").read_text())
            picture = normalised(side)[None]
            save(table.folder / "input.safetensors", {"input": picture})
            expected = np.array(json.loads(table.nightread(
                "logits", "--weights", package / "weights.safetensors", "--variant", variant, "--convention", padding,
                "--batch-norm-epsilon", repr(manifest["batch_norm_epsilon"]), "--input", table.folder / "input.safetensors",
                "--json"))["logits"][0])
            file = table.folder / "model.onnx"
            table.nightread("model", "export", package, file, "--to", "onnx")
            onnx.checker.check_model(str(file), full_check=True)
            session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
            compare(f"ONNX Runtime, {padding}", variant, session.run(["logits"], {"input": picture})[0][0], expected)
            if padding == "same" or variant[0] == "b":
                model.load_state_dict(load_file(package / "weights.safetensors"), strict=False)
                with torch.no_grad():
                    compare(f"timm with weights.safetensors, {padding}", variant, model(torch.from_numpy(picture))[0].numpy(), expected)
            name = "efficientnet_" + variant.replace("-", "_")
            if padding == "symmetric" and hasattr(torchvision.models, name):
                file = table.folder / "torchvision.safetensors"
                table.nightread("model", "export", package, file, "--to", "torchvision")
                other = getattr(torchvision.models, name)(weights=None).eval()
                missing, unknown = other.load_state_dict(load_file(file), strict=False)
                assert not unknown and all(key.endswith("num_batches_tracked") for key in missing), (missing, unknown)
                with torch.no_grad():
                    compare("torchvision", variant, other(torch.from_numpy(picture))[0].numpy(), expected)
            for left in pathlib.Path(package).iterdir():
                left.unlink()
            package.rmdir()
    print(f"largest error {worst:.1e} × std, bound {BOUND:.0e}")
    sys.exit(worst > BOUND)


if __name__ == "__main__":
    main()
