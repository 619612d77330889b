#!/usr/bin/env python3
"""Losses, gradients and AdamW steps of transformers for encoder-decoders and encoders with a head.

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
from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification, AutoModelForTokenClassification
from transformers.trainer_pt_utils import LabelSmoother

STEPS, RATE = 3, 1e-3
CASES = {"t5": ("seq2seq/t5", 0.0), "t5-smoothed": ("seq2seq/t5", 0.1), "bart": ("seq2seq/bart", 0.0),
         "bart-smoothed": ("seq2seq/bart", 0.1),
         "bert": ("encoder_heads/bert-sequence", 0.0), "modernbert": ("encoder_heads/modernbert-sequence", 0.0),
         "bert-multi-label": ("encoder_heads/bert-sequence", 0.0),
         "bert-tags": ("encoder_heads/bert-token", 0.0), "modernbert-tags": ("encoder_heads/modernbert-token", 0.0)}
SOURCES = [[5, 9, 23, 7, 11, 30], [17, 4, 28]]
ANSWERS = [[12, 25, 6, 19], [8, 21]]
LABELS = [2, 0]
LABEL_SETS = [[0, 2], []]
TAGS = [[-100, 2, -100, 0, 4, -100], [-100, 3, 1]]


def padded(rows, value):
    width = max(len(row) for row in rows)
    return torch.tensor([row + [value] * (width - len(row)) for row in rows])


def labels_of(model, kind, end):
    if kind == "seq2seq":
        return padded([row + end for row in ANSWERS], -100)
    if kind == "tags":
        return padded(TAGS, -100)
    if kind == "label sets":
        return torch.tensor([[float(i in row) for i in range(model.config.num_labels)] for row in LABEL_SETS])
    return torch.tensor(LABELS)


def inputs_of(model, kind):
    end = [model.config.eos_token_id] if kind == "seq2seq" else []
    sources = [row + end for row in SOURCES]
    inputs = {"input_ids": padded(sources, model.config.pad_token_id),
              "attention_mask": padded([[1] * len(row) for row in sources], 0)}
    inputs["labels"] = labels_of(model, kind, end)
    return inputs


def loss_of(model, inputs, smoothing):
    output = model(**inputs)
    if smoothing == 0:
        return output.loss
    return LabelSmoother(epsilon=smoothing)({"logits": output.logits}, inputs["labels"])


def digest(gradient):
    flat = gradient.double().reshape(-1)
    return [flat.norm().item(), (flat * torch.cos(0.37 * torch.arange(len(flat)).double() + 1)).sum().item()]


def kind_of(name, path):
    if path.startswith("seq2seq"):
        return "seq2seq"
    if name.endswith("-tags"):
        return "tags"
    return "label sets" if name.endswith("-multi-label") else "labels"


def load(path, kind):
    family = {"seq2seq": AutoModelForSeq2SeqLM, "tags": AutoModelForTokenClassification}.get(
        kind, AutoModelForSequenceClassification)
    model = family.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
    if kind == "label sets":
        model.config.problem_type = "multi_label_classification"
    return model


def make_case(folder, name):
    path, smoothing = CASES[name]
    kind = kind_of(name, path)
    model = load(folder / path, kind)
    inputs = inputs_of(model, kind)
    loss = loss_of(model, inputs, smoothing)
    loss.backward()
    case = {"model": path, "smoothing": smoothing, "loss": loss.item(),
            "gradients": {key: digest(weight.grad) for key, weight in model.named_parameters()
                          if weight.grad is not None}}
    if kind == "seq2seq":
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
    result = {"sources": SOURCES, "answers": ANSWERS, "labels": LABELS, "label_sets": LABEL_SETS, "tags": TAGS, "rate": RATE,
              "cases": {name: make_case(folder, name) for name in CASES}}
    text = json.dumps(result, indent=None, separators=(",", ":"))
    output.write_text(text.replace('"model"', '\n"model"') + "\n")


if __name__ == "__main__":
    main()
