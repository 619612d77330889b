"""One measurement of training in PyTorch: prints a JSON object with seconds of each step.

    torch_train.py FOLDER --mode full --rows 2 --length 256 --dtype bf16
    torch_train.py FOLDER --mode lora --rows 8 --length 64 --dtype f32

FOLDER is what `bantam model convert` writes. Full: AdamW over all weights (the head is the embedding table). LoRA: PEFT,
rank 8 over all linears, base weights frozen. Attention by SDPA. dtype: f32; bf16 (weights and everything else);
autocast (f32 weights, bf16 products). Rows of random tokens, every token a target, gradients clipped to norm 1, as
`bantam bench train` does. Two steps are thrown away before those that count.
"""

import argparse
import json
import os
import time

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging


def peak_rss():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--mode", choices=["full", "lora"], required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--dtype", choices=["f32", "bf16", "autocast"], default="f32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1234)
    dtype = torch.bfloat16 if options.dtype == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype=dtype, attn_implementation="sdpa")
    if options.mode == "lora":
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, config)
    model.train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-5, weight_decay=0.0, fused=True)
    ids = torch.randint(0, 250, (options.rows, options.length))

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.dtype == "autocast"):
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    seconds, losses = [], []
    for _ in range(options.repeat + 2):
        start = time.perf_counter()
        losses.append(step())
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"engine": f"PyTorch {torch.__version__}", "features": torch.backends.cpu.get_cpu_capability(),
                      "dtype": options.dtype, "seconds": seconds[2:], "tokens": options.rows * options.length,
                      "loss": losses[-1], "peak_resident_bytes": peak_rss()}))


if __name__ == "__main__":
    main()
