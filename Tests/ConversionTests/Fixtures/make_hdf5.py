"""The HDF5 files of the container tests, a few kB each.   usage: python3 make_hdf5.py FOLDER   (needs h5py)"""
import pathlib
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])

# As Keras 3 lays out weights: groups of variables by number, the layer's name beside them.
with h5py.File(folder / "keras3.h5", "w") as file:
    group = file.create_group("layers/conv2d/vars")
    group.attrs["name"] = "stem_conv"
    group["0"] = np.arange(24, dtype=np.float32).reshape(2, 2, 3, 2)
    group = file.create_group("layers/batch_normalization/vars")
    group.attrs["name"] = "stem_bn"
    for index in range(4):
        group[str(index)] = np.full(2, index + 0.5, dtype=np.float64)
    file.create_group("optimizer/vars")["0"] = np.array(7, dtype=np.int64)

# As Keras 2 does: names of variables, the model as text of variable length, packed values, halves, and big-endian ones.
with h5py.File(folder / "keras2.h5", "w") as file:
    file.attrs["model_config"] = '{"class_name": "Functional"}'
    file.attrs["fixed"] = np.bytes_(b"fixed text")
    weights = file.create_group("model_weights")
    weights.create_dataset("stem_conv/stem_conv/kernel:0", data=np.linspace(-1, 1, 54, dtype=np.float32).reshape(3, 3, 3, 2),
                           compression="gzip", chunks=(3, 3, 3, 1))
    weights["half/half/kernel:0"] = np.array([1.5, -2.25, 65504], dtype=np.float16)
    weights["big/big/kernel:0"] = np.array([1.5, -2.25, 3e38], dtype=">f4")
    weights["words/words/names"] = np.array([b"a", b"bc"])

with h5py.File(folder / "external-link.h5", "w") as file:
    file["kernel"] = h5py.ExternalLink("/etc/passwd", "/x")
with h5py.File(folder / "soft-link.h5", "w") as file:
    file["kernel"] = h5py.SoftLink("/elsewhere")
with h5py.File(folder / "external-data.h5", "w") as file:
    file.create_dataset("kernel", shape=(4,), dtype="f4", external=[("/etc/passwd", 0, 16)])
with h5py.File(folder / "absurd.h5", "w") as file:
    file.create_dataset("kernel", shape=(1 << 40, 1 << 20), dtype="f4", chunks=(64, 64))
with h5py.File(folder / "loop.h5", "w") as file:
    group = file.create_group("a")
    group["again"] = group
with h5py.File(folder / "absent.h5", "w") as file:
    file.create_dataset("kernel", shape=(1000, 1000), dtype="f4")
