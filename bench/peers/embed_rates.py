#!/usr/bin/env python3
"""Bantam's sentence vectors beside those of sentence-transformers: how far apart, and how fast.

Usage: embed_rates.py BANTAM MODEL_FOLDER PAIRS.jsonl [--fields premise,hypothesis] [--rounds N] [--threads N]

PAIRS.jsonl has two texts a row. Prints the largest difference of the cosine of a pair, then the texts a second of each
side, warm, in turn (A B A B …), and the ratio of medians. Needs sentence-transformers and safetensors.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import numpy
import torch
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer


def cosines(vectors):
    left, right = vectors[0::2], vectors[1::2]
    return (left * right).sum(1) / numpy.linalg.norm(left, axis=1) / numpy.linalg.norm(right, axis=1)


def bantam_round(options, rows, out):
    command = [options.bantam, "model", "embed", "-m", options.model, "--data", rows, "--out", out, "--force",
               "--threads", str(options.threads)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return load_file(out)["vectors"], float(re.search(r"([\d.]+) s, [\d,]+ texts/s", said).group(1))


def peer_round(model, texts):
    start = time.perf_counter()
    vectors = model.encode(texts, batch_size=32, show_progress_bar=False)
    return vectors, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bantam")
    parser.add_argument("model")
    parser.add_argument("pairs", type=pathlib.Path)
    parser.add_argument("--fields", default="premise,hypothesis")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.pairs.read_text().splitlines()]
    texts = [row[field] for row in rows for field in options.fields.split(",")]
    torch.set_num_threads(options.threads)
    model = SentenceTransformer(options.model, device="cpu")
    seconds = {"bantam": [], "peer": []}
    with tempfile.TemporaryDirectory() as folder:
        data, out = str(pathlib.Path(folder) / "rows.jsonl"), str(pathlib.Path(folder) / "vectors.safetensors")
        pathlib.Path(data).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        peer_round(model, texts[:64])
        for _ in range(options.rounds):
            ours, taken = bantam_round(options, data, out)
            seconds["bantam"].append(taken)
            theirs, taken = peer_round(model, texts)
            seconds["peer"].append(taken)
    apart = numpy.abs(cosines(ours) - cosines(theirs)).max()
    rate = {side: len(texts) / statistics.median(values) for side, values in seconds.items()}
    print(f"{len(rows)} pairs: cosines at most {apart:.1e} apart")
    print(f"bantam {rate['bantam']:.0f} texts/s, sentence-transformers {rate['peer']:.0f} texts/s: "
          f"{rate['bantam'] / rate['peer']:.2f} times")


if __name__ == "__main__":
    main()
