#!/usr/bin/env python3
"""A whole night: `nightread run` over a folder, in turn with the script that people would write instead (night_peer.py).

    Benchmarks/night.py --scans 90 [--variants b0 b4] [--pairs 3] [--nightread .build/release/nightread]

Draws the scans first (make_scans.py). Both start anew each time: Nightread with an empty store. Its rate is over the time from its first
to its last reading, as its store has it, start-up and self-test left out, as the peer's is. Memory: the largest of each process kind,
times the number of such processes, for both.
"""
import argparse
import json
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def resident(root):
    """Mebibytes of `root` and all processes below it that are resident and not shared with another of them (proportional set size)."""
    children = {}
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
            children.setdefault(int(fields[1]), []).append(int(status.parent.name))
        except (OSError, IndexError):
            continue
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        try:
            total += int(re.search(r"Pss:\s+(\d+)", pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()).group(1))
        except (OSError, AttributeError):
            continue
    return total / 1024


def watched(command, folder):
    """Runs a command; returns its output and the largest sum of its processes' memory in mebibytes."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        # Adding up a process' pages takes the kernel milliseconds of the time that is measured.
        time.sleep(0.5)
    out, error = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {process.returncode}\n{error}")
    return out, peak


def ours(program, model, scans, precision):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "night.yaml").write_text(
            f"study: night\ninputs: [{{path: {scans}}}]\nmodel: {model}\nprecision: {precision}\n"
            "store: night.sqlite\nreport: {csv: findings.csv}\n")
        _, peak = watched([program, "run", "night.yaml", "--json"], folder)
        rows = sqlite3.connect(f"{folder}/night.sqlite").execute(
            "SELECT sum(read_at > first), (julianday(max(read_at)) - julianday(first)) * 86400 "
            "FROM readings, (SELECT min(read_at) AS first FROM readings)")
        later, seconds = rows.fetchone()
        return later / seconds, peak


def peer(scans, variant, precision):
    out, peak = watched([sys.executable, str(HERE / "night_peer.py"), str(scans), variant, precision], str(HERE))
    return json.loads(out)["scans_per_second"], peak


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=90)
    parser.add_argument("--variants", nargs="+", default=["b0", "b4"])
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--folder", help="scans that are there already")
    parser.add_argument("--nightread", default=".build/release/nightread")
    options = parser.parse_args()
    program = os.path.abspath(options.nightread)
    with tempfile.TemporaryDirectory() as place:
        scans = pathlib.Path(options.folder or f"{place}/scans").resolve()
        if not options.folder:
            subprocess.run([sys.executable, str(HERE / "make_scans.py"), str(scans), str(options.scans)], check=True)
        print("| variant | nightread scans/s | script scans/s | ratio: median (lowest … highest) | nightread MiB | script MiB |")
        print("|---|---|---|---|---|---|", flush=True)
        for variant in options.variants:
            model = f"{place}/{variant}"
            subprocess.run([program, "model", "new", variant, "--output", model], check=True, capture_output=True)
            rows = [(ours(program, model, scans, options.precision), peer(scans, variant, options.precision))
                    for _ in range(options.pairs)]
            ratios = sorted(a[0] / b[0] for a, b in rows)
            print(f"| {variant} {options.precision} | {statistics.median(a[0] for a, _ in rows):.1f} | "
                  f"{statistics.median(b[0] for _, b in rows):.1f} | {statistics.median(ratios):.2f} ({ratios[0]:.2f} … {ratios[-1]:.2f}) | "
                  f"{max(a[1] for a, _ in rows):.0f} | {max(b[1] for _, b in rows):.0f} |", flush=True)


if __name__ == "__main__":
    main()
