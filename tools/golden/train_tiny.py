#!/usr/bin/env python3
"""Training as torch, transformers and PEFT do it, in f32 on a tiny random Llama.

Usage: train_tiny.py MODEL_FOLDER OUTPUT_FOLDER      (needs torch, transformers, peft, safetensors)

MODEL_FOLDER is a case of tiny_llama.py ("tied"). Writes
  runs.json           examples (ids, weights), settings, and loss and gradient norm of 20 steps: full and LoRA
  full.safetensors    some final weights of full training
  lora.safetensors    initial A and final A, B of LoRA training (B starts at zero)
  updates.json        100 updates of AdamW and SGD in f64, and factors of every schedule
"""
import json
import pathlib
import sys

import numpy
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, get_scheduler
from transformers.optimization import get_cosine_with_min_lr_schedule_with_warmup, get_wsd_schedule

STEPS, WARMUP = 20, 3
SETTINGS = {"full": dict(lr=3e-3, weight_decay=0.05, clip_norm=1.0), "lora": dict(lr=1e-2, weight_decay=0.0, clip_norm=0.5)}


def make_examples() -> list:
    random = numpy.random.default_rng(7)
    examples = []
    for length, prompt in [(23, 10), (5, 2), (40, 33), (12, 0), (2, 1), (31, 30), (17, 8), (9, 4)]:
        ids = random.integers(3, 97, length).tolist()
        weights = [0.0 if t < prompt else 1.0 for t in range(length)]
        examples.append({"ids": ids, "weights": weights})
    examples[2]["weights"][35] = 0.25          # weights are numbers, not a mask
    return examples


def step_loss(model, examples) -> torch.Tensor:
    total, targets = torch.zeros(()), 0.0
    for example in examples:
        ids = torch.tensor(example["ids"])
        weights = torch.tensor(example["weights"])[1:]
        logits = model(ids[None]).logits[0, :-1]
        losses = torch.nn.functional.cross_entropy(logits, ids[1:], reduction="none")
        total = total + (losses * weights).sum()
        targets += weights.sum().item()
    return total / targets


def train(model, examples, settings) -> dict:
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    groups = [{"params": [p for _, p in named if p.dim() > 1], "weight_decay": settings["weight_decay"]},
              {"params": [p for _, p in named if p.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=settings["lr"], betas=(0.9, 0.999), eps=1e-8)
    schedule = get_scheduler("cosine", optimizer, num_warmup_steps=WARMUP, num_training_steps=STEPS)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = step_loss(model, examples)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_([p for _, p in named], settings["clip_norm"]).item())
        losses.append(loss.item())
        optimizer.step()
        schedule.step()
    return {**settings, "warmup": WARMUP, "losses": losses, "gradient_norms": norms}


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").train()


def train_full(folder, examples, out) -> dict:
    model = load(folder)
    run = train(model, examples, SETTINGS["full"])
    kept = ["model.embed_tokens.weight", "model.layers.0.self_attn.k_proj.weight", "model.layers.1.mlp.down_proj.weight",
            "model.layers.1.input_layernorm.weight", "model.norm.weight"]
    state = model.state_dict()
    save_file({name: state[name].clone().contiguous() for name in kept}, str(out / "full.safetensors"))
    return run


def train_lora(folder, examples, out) -> dict:
    torch.manual_seed(11)
    model = get_peft_model(load(folder), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", lora_dropout=0.0))
    tensors = {}
    def keep(stage):
        for name, parameter in model.named_parameters():
            if "lora_" in name and not (stage == "initial" and "lora_B" in name):
                short = name.removeprefix("base_model.model.").replace(".default", "")
                tensors[f"{stage}.{short}"] = parameter.detach().clone().contiguous()
    keep("initial")
    run = train(model, examples, SETTINGS["lora"])
    keep("final")
    save_file(tensors, str(out / "lora.safetensors"))
    return {**run, "rank": 4, "alpha": 8}


def updates() -> dict:
    random = numpy.random.default_rng(3)
    start, gradients = random.normal(size=5), random.normal(size=(100, 5)) * 10.0 ** random.integers(-4, 2, size=(100, 1))
    kinds = {"adamw": lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1),
             "adamw:beta1=0.8,beta2=0.95,epsilon=1e-5":
                 lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1, betas=(0.8, 0.95), eps=1e-5),
             "sgd": lambda p: torch.optim.SGD(p, lr=1e-2),
             "sgd:momentum=0.9": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9),
             "sgd:momentum=0.9,nesterov=yes": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, nesterov=True)}
    ends = {}
    for spec, make in kinds.items():
        weight = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        optimizer = make([weight])
        for gradient in gradients:
            weight.grad = torch.tensor(gradient)
            optimizer.step()
        ends[spec] = weight.detach().tolist()
    return {"start": start.tolist(), "gradients": gradients.tolist(), "lr": 1e-2,
            "weight_decay": {spec: 0.1 if spec.startswith("adamw") else 0.0 for spec in kinds}, "ends": ends}


def schedules() -> dict:
    steps = 40
    def factors(make):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        schedule = make(optimizer)
        out = []
        for _ in range(steps):
            out.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        return out
    def named(name, warmup):
        return factors(lambda o: get_scheduler(name, o, num_warmup_steps=warmup, num_training_steps=steps))
    def wsd(shape, warmup, decay, minimum=0.0):
        return factors(lambda o: get_wsd_schedule(o, num_warmup_steps=warmup, num_decay_steps=decay,
                                                  num_stable_steps=steps - warmup - decay, decay_type=shape,
                                                  min_lr_ratio=minimum))
    return {"steps": steps, "factors": {
        "constant": named("constant", 0), "constant:warmup=5": named("constant_with_warmup", 5),
        "linear": named("linear", 0), "linear:warmup=10%": named("linear", 4),
        "cosine": named("cosine", 0), "cosine:warmup=3%": named("cosine", 2), "cosine:7": named("cosine", 7),
        "cosine:warmup=4,minimum=0.1": factors(lambda o: get_cosine_with_min_lr_schedule_with_warmup(
            o, num_warmup_steps=4, num_training_steps=steps, min_lr_rate=0.1)),
        "wsd": wsd("linear", 0, 4), "wsd:warmup=5,decay=10,shape=cosine": wsd("cosine", 5, 10),
        "wsd:5%,decay=25%,shape=1-sqrt,minimum=0.05": wsd("1-sqrt", 2, 10, 0.05)}}


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, out = sys.argv[1], pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    examples = make_examples()
    runs = {"examples": examples, "full": train_full(folder, examples, out), "lora": train_lora(folder, examples, out)}
    (out / "runs.json").write_text(json.dumps(runs) + "\n")
    (out / "updates.json").write_text(json.dumps({"optimizers": updates(), "schedules": schedules()}) + "\n")


if __name__ == "__main__":
    main()
