"""Golden values of the sampler's processors: what transformers' LogitsProcessors keep.

Usage: python tools/golden/generate_processors.py tests/golden/generate
Needs: transformers, torch, numpy.
"""

import json
import pathlib
import sys

import numpy
import torch
from transformers.generation import logits_process as lp


def chain(options):
    """In the order of transformers' GenerationMixin._get_logits_processor."""
    steps = []
    if "repetition_penalty" in options:
        steps.append(lp.RepetitionPenaltyLogitsProcessor(options["repetition_penalty"]))
    steps.append(lp.TemperatureLogitsWarper(float(options["temperature"])))
    if "top_k" in options:
        steps.append(lp.TopKLogitsWarper(options["top_k"]))
    if "top_p" in options:
        steps.append(lp.TopPLogitsWarper(options["top_p"]))
    if "min_p" in options:
        steps.append(lp.MinPLogitsWarper(options["min_p"]))
    if "typical_p" in options:
        steps.append(lp.TypicalLogitsWarper(options["typical_p"]))
    return steps


def main(folder):
    random = numpy.random.default_rng(11)
    settings = [
        {"temperature": 0.7},
        {"temperature": 1.0, "top_k": 1},
        {"temperature": 1.0, "top_k": 5},
        {"temperature": 1.0, "top_k": 500},
        {"temperature": 1.0, "top_p": 0.1},
        {"temperature": 1.0, "top_p": 0.5},
        {"temperature": 0.6, "top_p": 0.9},
        {"temperature": 1.0, "min_p": 0.05},
        {"temperature": 1.5, "min_p": 0.3},
        {"temperature": 1.0, "typical_p": 0.2},
        {"temperature": 1.0, "typical_p": 0.9},
        {"temperature": 1.0, "repetition_penalty": 1.3},
        {"temperature": 0.8, "repetition_penalty": 0.8, "top_k": 20},
        {"temperature": 0.8, "repetition_penalty": 1.1, "top_k": 40, "top_p": 0.95, "min_p": 0.02, "typical_p": 0.95},
    ]
    items = []
    for vocabulary in (7, 60):
        for number, options in enumerate(settings):
            logits = torch.tensor(random.normal(0, 2.5, vocabulary).round(4), dtype=torch.float32)
            if number == 2:
                logits[: vocabulary // 2] = 1.25  # ties at the k-th place
            history = random.integers(0, vocabulary, 5).tolist()
            scores = logits[None].clone()
            for step in chain(options):
                scores = step(torch.tensor([history]), scores)
            kept = torch.nonzero(scores[0] > -torch.inf)[:, 0].tolist()
            items.append(
                {
                    "options": options,
                    "history": history,
                    "logits": [round(x, 6) for x in logits.tolist()],
                    "kept": kept,
                    "kept_logits": [round(scores[0, i].item(), 6) for i in kept],
                }
            )
    out = pathlib.Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(item) for item in items)
    (out / "processors.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
