#!/usr/bin/env python3
"""Tiny random Llama models with the reference's logits and gradients.

Usage: tiny_llama.py OUTPUT_FOLDER      (needs torch, transformers, safetensors)

Writes one Hugging Face folder a case, each with golden.safetensors:
  tokens [sequences laid end to end], lengths, logits [T, V], loss [1], and grad.NAME for every parameter.
The loss is the mean next-token cross-entropy over all sequences of the case.
Sizes are odd on purpose: grouped heads, widths that are no multiple of a vector, a vocabulary of 97.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

CASES = {
    # 3 query heads on 1 key head, tied embeddings
    "tied": dict(hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=3,
                 num_key_value_heads=1, head_dim=16, vocab_size=97, tie_word_embeddings=True, rope_theta=10000.0),
    # 4 query heads on 2 key heads, a head of its own, head width that is not width / heads, another base
    "untied": dict(hidden_size=40, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
                   num_key_value_heads=2, head_dim=12, vocab_size=97, tie_word_embeddings=False, rope_theta=100000.0),
    # Llama 3.1's scaling of rotary frequencies, reached inside the text because the trained length is tiny
    "scaled": dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
                   num_key_value_heads=2, head_dim=16, vocab_size=97, tie_word_embeddings=True, rope_theta=10000.0,
                   rope_scaling=dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                     original_max_position_embeddings=16)),
}
LENGTHS = [23, 1, 40, 7]


def make_case(name: str, sizes: dict, folder: pathlib.Path) -> None:
    torch.manual_seed(sum(map(ord, name)))
    config = LlamaConfig(max_position_embeddings=64, rms_norm_eps=1e-5, initializer_range=0.15, bos_token_id=1,
                         eos_token_id=2, attention_bias=False, **sizes)
    model = LlamaForCausalLM(config).float().eval()
    for parameter in model.parameters():           # norms start at one; random ones test more
        if parameter.dim() == 1:
            parameter.data.uniform_(0.5, 1.5)
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.detach().clone().contiguous() for key, value in model.state_dict().items()}
    if sizes["tie_word_embeddings"]:
        state.pop("lm_head.weight", None)
    save_file(state, str(folder / "model.safetensors"), metadata={"format": "pt"})
    plain = {**sizes, "architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 64,
             "rms_norm_eps": 1e-5, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2}
    (folder / "config.json").write_text(json.dumps(plain, indent=1) + "\n")

    sequences = [torch.randint(3, 97, (length,)) for length in LENGTHS]
    logits, total, targets = [], torch.zeros(()), 0
    for sequence in sequences:
        out = model(sequence[None]).logits[0]
        logits.append(out)
        if len(sequence) > 1:
            total = total + torch.nn.functional.cross_entropy(out[:-1], sequence[1:], reduction="sum")
            targets += len(sequence) - 1
    loss = total / targets
    loss.backward()
    golden = {"tokens": torch.cat(sequences).int(), "lengths": torch.tensor(LENGTHS).int(),
              "logits": torch.cat(logits).detach(), "loss": loss.detach().reshape(1)}
    for key, parameter in model.named_parameters():
        golden["grad." + key] = parameter.grad.detach().clone().contiguous()
    save_file(golden, str(folder / "golden.safetensors"))


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, sizes in CASES.items():
        make_case(name, sizes, pathlib.Path(sys.argv[1]) / name)


if __name__ == "__main__":
    main()
