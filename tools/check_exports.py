#!/usr/bin/env python3
"""Opens what `bantam tune` exported in the programs it is meant for, and compares.

Usage: check_exports.py BANTAM TUNED_FOLDER BASE_MODEL     (needs torch, transformers, peft, safetensors, xllamacpp)

  adapter  PEFT on the base model's weights (converted to f32 by Bantam) against `bantam model logits BASE+adapter`
  hf       transformers against `bantam model logits hf`
  gguf     llama.cpp's greedy text against `bantam generate`
Prints a line for each and exits with 1 when one differs more than rounding explains.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file

PROMPTS = [
    "Package: Free Civilization turn based strategy game\nSection:",
    "The three primary colors are",
    "Package: fast, lightweight web server\nSection:",
]


def bantam_logits(program: str, model: str, text: str, folder: pathlib.Path) -> dict:
    out = folder / "logits.safetensors"
    subprocess.run([program, "model", "logits", model, "--text", text, "--out", str(out), "--force"], check=True,
                   stdout=subprocess.DEVNULL)
    return load_file(out)


def largest_difference(model, reference: dict) -> float:
    with torch.no_grad():
        logits = model(reference["tokens"].long()[None]).logits[0].float()
    return (logits - reference["logits"]).abs().max().item()


def check_adapter(program: str, tuned: pathlib.Path, base: str, folder: pathlib.Path) -> bool:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    subprocess.run([program, "model", "convert", base, "--type", "f32", "-o", str(folder / "base"), "--force"], check=True,
                   stdout=subprocess.DEVNULL)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder / "base", dtype=torch.float32),
                                      tuned / "adapter")
    worst = max(largest_difference(model, bantam_logits(program, f"{base}+{tuned / 'adapter'}", text, folder))
                for text in PROMPTS)
    print(f"adapter in PEFT: largest logit difference {worst:.2e}")
    return worst < 1e-3


def check_hf(program: str, tuned: pathlib.Path, folder: pathlib.Path) -> bool:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    model = AutoModelForCausalLM.from_pretrained(tuned / "hf", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tuned / "hf")
    worst, same_ids = 0.0, True
    for text in PROMPTS:
        reference = bantam_logits(program, str(tuned / "hf"), text, folder)
        worst = max(worst, largest_difference(model, reference))
        same_ids &= tokenizer(text, add_special_tokens=False)["input_ids"] == reference["tokens"].tolist()
    print(f"folder in transformers: largest logit difference {worst:.2e}, token ids {'equal' if same_ids else 'DIFFER'}")
    return worst < 1e-3 and same_ids


def check_gguf(program: str, tuned: pathlib.Path) -> bool:
    import xllamacpp
    file = next(tuned.glob("*.gguf"))
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx = 512
    params.cpuparams.n_threads = 2
    server = xllamacpp.Server(params)
    same = 0
    for text in PROMPTS:
        answer = server.handle_completions({"prompt": text, "max_tokens": 16, "n_predict": 16, "temperature": 0, "top_k": 1})
        theirs = answer["choices"][0]["text"] if "choices" in answer else answer["content"]
        run = subprocess.run([program, "generate", text, "-m", str(file), "--decode", "greedy", "--max-tokens", "16", "--json"],
                             check=True, capture_output=True, text=True)
        ours = json.loads(run.stdout.splitlines()[0])["completions"][0]["text"]
        same += theirs == ours
        if theirs != ours:
            print(f"  llama.cpp: {theirs!r}\n  bantam:    {ours!r}")
    print(f"GGUF in llama.cpp: {same} of {len(PROMPTS)} greedy texts equal")
    return same == len(PROMPTS)


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    program, tuned, base = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        passed = [check_adapter(program, tuned, base, folder), check_hf(program, tuned, folder), check_gguf(program, tuned)]
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
