#!/usr/bin/env python3
"""Losses, gradients and AdamW steps of transformers for encoder-decoders and an encoder with a head.

Usage: train_encoders.py MODELS_FOLDER OUTPUT_FILE      (needs torch, transformers)

MODELS_FOLDER is tests/golden/model, whose tiny models are read. Writes JSON: for each case the rows, the loss of
transformers (its own, or that of its LabelSmoother), of each weight's gradient the norm and the sum of
gradient[i] * cos(0.37 i + 1), and the losses before each of three AdamW steps of rate 1e-3. The rows form one padded
batch, as transformers trains them.
"""
import json
import pathlib
import sys

import torch
from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification
from transformers.trainer_pt_utils import LabelSmoother

STEPS, RATE = 3, 1e-3
CASES = {"t5": ("seq2seq/t5", 0.0), "t5-smoothed": ("seq2seq/t5", 0.1), "bart": ("seq2seq/bart", 0.0),
         "bart-smoothed": ("seq2seq/bart", 0.1),
         "bert": ("encoder_heads/bert-sequence", 0.0), "modernbert": ("encoder_heads/modernbert-sequence", 0.0)}
SOURCES = [[5, 9, 23, 7, 11, 30], [17, 4, 28]]
ANSWERS = [[12, 25, 6, 19], [8, 21]]
LABELS = [2, 0]


def padded(rows, value):
    width = max(len(row) for row in rows)
    return torch.tensor([row + [value] * (width - len(row)) for row in rows])


def inputs_of(model, is_seq2seq):
    end = [model.config.eos_token_id] if is_seq2seq else []
    sources = [row + end for row in SOURCES]
    inputs = {"input_ids": padded(sources, model.config.pad_token_id),
              "attention_mask": padded([[1] * len(row) for row in sources], 0)}
    inputs["labels"] = padded([row + end for row in ANSWERS], -100) if is_seq2seq else torch.tensor(LABELS)
    return inputs


def loss_of(model, inputs, smoothing):
    output = model(**inputs)
    if smoothing == 0:
        return output.loss
    return LabelSmoother(epsilon=smoothing)({"logits": output.logits}, inputs["labels"])


def digest(gradient):
    flat = gradient.double().reshape(-1)
    return [flat.norm().item(), (flat * torch.cos(0.37 * torch.arange(len(flat)).double() + 1)).sum().item()]


def make_case(folder, name):
    path, smoothing = CASES[name]
    is_seq2seq = path.startswith("seq2seq")
    family = AutoModelForSeq2SeqLM if is_seq2seq else AutoModelForSequenceClassification
    model = family.from_pretrained(folder / path, dtype=torch.float32, attn_implementation="eager").eval()
    inputs = inputs_of(model, is_seq2seq)
    loss = loss_of(model, inputs, smoothing)
    loss.backward()
    case = {"model": path, "smoothing": smoothing, "loss": loss.item(),
            "gradients": {key: digest(weight.grad) for key, weight in model.named_parameters()
                          if weight.grad is not None}}
    if is_seq2seq:
        case["start"], case["end"] = model.config.decoder_start_token_id, model.config.eos_token_id
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    case["losses"] = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, inputs, smoothing)
        case["losses"].append(loss.item())
        loss.backward()
        optimizer.step()
    return case


def main():
    folder, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    result = {"sources": SOURCES, "answers": ANSWERS, "labels": LABELS, "rate": RATE,
              "cases": {name: make_case(folder, name) for name in CASES}}
    text = json.dumps(result, indent=None, separators=(",", ":"))
    output.write_text(text.replace('"model"', '\n"model"') + "\n")


if __name__ == "__main__":
    main()
