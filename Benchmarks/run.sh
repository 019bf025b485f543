#!/usr/bin/env bash
# run.sh NIGHTREAD PYTHON: every measurement, the peers' too where they are installed; writes Benchmarks/results/DATE-PROCESSOR.md.
# QUICK=1 takes a fraction of the time, to see that everything runs.
set -euo pipefail
nightread=$(realpath "$1") python=$2
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
pairs=5 seconds=3 training=10 scans=90 nights=3
[ -z "${QUICK:-}" ] || pairs=1 seconds=0.5 training=1 scans=12 nights=1

processor=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
family=$(sed -n 's/^cpu family[^:]*: *//p' /proc/cpuinfo | head -n 1)-$(sed -n 's/^model[^ a-z]*: *//p' /proc/cpuinfo | head -n 1)
name=$(printf '%s' "$processor-$family" | tr -cs 'A-Za-z0-9-' '-')
mkdir -p results
file=results/$(date +%F)-$name.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

has() { for module in "$@"; do "$python" -c "import $module" 2>/dev/null || return 1; done; }
lacking() {
    echo "Not measured: $1 is missing. python3 -m venv peers && peers/bin/pip install $2, then make bench PYTHON=peers/bin/python"
}

{
    echo "# $(date +%F), $processor (family and model $family), $(nproc) cores"
    echo
    echo "$("$nightread" --version), $("$nightread" doctor | sed -n 's/^ok *processor *//p')"
    echo
    echo "## The network"
    echo
    for variant in b0 b4 b7 lite0 v2-b0 v2-s; do
        for precision in f32 bf16; do
            echo '```'
            "$nightread" bench --variant $variant --precision $precision --threads "$(nproc)" --seconds $seconds --layers
            echo '```'
        done
    done
    echo
    echo "## The network beside its peers, in turn"
    echo
    if has openvino onnxruntime onnx numpy; then
        "$python" engine_peers.py --nightread "$nightread" --pairs $pairs --seconds $seconds
    else
        lacking "openvino, onnxruntime, onnx or numpy" "openvino onnxruntime onnx numpy"
    fi
    echo
    echo "## A training's steps beside its peers, in turn"
    echo
    if has torch timm || has keras; then
        "$python" training_peers.py --nightread "$nightread" --pairs $pairs --seconds $seconds
    else
        lacking "torch and timm, or keras" "torch timm tensorflow-cpu"
    fi
    echo
    echo "## A training's steps beside its peers, in turn"
    echo
    if has torch timm || has keras; then
        "$python" training_peers.py --nightread "$nightread" --pairs $pairs --seconds $training
    else
        lacking "torch, timm or tensorflow" "torch timm tensorflow-cpu"
    fi
    echo
    echo "## Decoding beside its peers, in turn"
    echo
    if has numpy PIL pydicom nibabel; then
        "$python" make_scans.py "$work/scans" $scans
        echo '```'
        "$python" decode_peers.py --nightread "$nightread" --seconds $seconds "$work/scans"
        echo '```'
    else
        lacking "numpy, pillow, pydicom or nibabel" "numpy pillow pydicom 'pylibjpeg[all]' nibabel"
    fi
    echo
    echo "## A night beside a script"
    echo
    if has openvino onnx numpy PIL && [ -d "$work/scans" ]; then
        for precision in f32 bf16; do
            "$python" night.py --nightread "$nightread" --folder "$work/scans" --pairs $nights --precision $precision
            echo
        done
    else
        lacking "openvino, onnx, numpy or pillow" "openvino onnx numpy pillow pydicom nibabel"
    fi
} 2>&1 | tee "$file"
echo "written to Benchmarks/$file"
