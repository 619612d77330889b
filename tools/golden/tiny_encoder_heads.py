#!/usr/bin/env python3
"""Tiny random encoders with every kind of head, with the reference's logits and gradients.

Usage: tiny_encoder_heads.py OUTPUT_FOLDER [CASE...] [--seed N]      (needs torch, transformers, safetensors)

Writes one Hugging Face folder a case, as tiny_encoders.py does, and golden.safetensors:
  tokens and types [texts laid end to end], lengths, logits ([texts, labels], or [T, labels] of heads that score tokens),
probe like logits, loss [1], and the gradient of each weight under its name. The loss is the mean of logits * probe.
"""
import argparse
import pathlib
import zlib

import torch
import transformers

from tiny_encoders import CASES as ENCODERS
from tiny_encoders import randomize, save_case

SIZES = dict(vocab_size=31, hidden_size=12, intermediate_size=20, num_hidden_layers=1, num_attention_heads=2,
             max_position_embeddings=24, pad_token_id=0)
# What the encoders' own cases state in sizes of theirs.
SMALLER = {"electra": dict(embedding_size=8), "modernbert": dict(num_hidden_layers=2),
           "mobilebert": dict(embedding_size=6, intra_bottleneck_size=8, num_feedforward_networks=2)}
HEADS = {"sequence": ("ForSequenceClassification", 3), "token": ("ForTokenClassification", 5),
         "span": ("ForQuestionAnswering", 2)}
# Case: encoder, head, settings beyond the encoder's.
CASES = {f"{encoder}-{head}": (encoder, head, {}) for head in HEADS
         for encoder in ("bert", "roberta", "xlm-roberta", "electra", "modernbert", "mobilebert", "deberta-v2")}
CASES["bert-regression"] = ("bert", "sequence", dict(num_labels=1, problem_type="regression"))
CASES["mobilebert-plain"] = ("mobilebert", "sequence", dict(classifier_activation=False))
CASES["modernbert-mean"] = ("modernbert", "sequence",
                            dict(classifier_pooling="mean", classifier_activation="relu", classifier_bias=True))
LENGTHS = [9, 1, 13]


def make_case(name, folder, seed):
    encoder, head, settings = CASES[name]
    config_name, class_name, arguments = ENCODERS[encoder]
    suffix, labels = HEADS[head]
    torch.manual_seed(zlib.crc32(name.encode()) + seed)
    config = getattr(transformers, config_name)(
        **{**SIZES, **arguments, **SMALLER.get(encoder, {}), "num_labels": labels, **settings})
    if config.num_labels > 2:
        config.id2label = {i: f"class {i}" for i in range(config.num_labels)}
        config.label2id = {text: i for i, text in config.id2label.items()}
    config._attn_implementation = "eager"
    model = getattr(transformers, class_name.removesuffix("Model") + suffix)(config).float().eval()
    randomize(model)
    texts = [torch.randint(3, SIZES["vocab_size"], (length,)) for length in LENGTHS]
    has_types = getattr(config, "type_vocab_size", 0) > 1
    types = [torch.arange(length) * 2 // length if has_types else torch.zeros(length).long() for length in LENGTHS]
    logits = []
    for text, kinds in zip(texts, types):
        inputs = dict(input_ids=text[None])
        if has_types:
            inputs["token_type_ids"] = kinds[None]
        output = model(**inputs)
        found = torch.stack([output.start_logits, output.end_logits], -1) if head == "span" else output.logits
        logits.append(found if head == "sequence" else found[0])
    logits = torch.cat(logits)
    probe = torch.randn_like(logits)
    loss = (logits * probe).mean()
    loss.backward()
    save_case(model, folder, {
        "tokens": torch.cat(texts).int(), "types": torch.cat(types).int(), "lengths": torch.tensor(LENGTHS).int(),
        "logits": logits.detach(), "probe": probe, "loss": loss.detach().reshape(1)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("cases", nargs="*", default=sorted(CASES))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name in options.cases:
        make_case(name, options.folder / name, options.seed)


if __name__ == "__main__":
    main()
