"""Greedy text of transformers on the dequantized weights of a GGUF file.

Usage: python tools/golden/greedy_text.py SmolLM2-135M-Instruct.Q4_1.gguf tests/golden/generate
Weights are decoded by the `gguf` package to f32; query and key rows go back from GGUF's interleaved order. For each
prompt the file holds its ids, 64 greedy tokens, and how far the second best token was behind at each of them, so that
a reader can tell an error from a near-tie. Needs: gguf, numpy, torch, transformers.
"""

import json
import pathlib
import sys

import gguf
import numpy
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

PLAIN = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):\n",
    "Water boils at a temperature of",
    "The three primary colors are",
    "In 1969, the first humans",
    "To make a cup of tea, first",
    "SELECT name, age FROM",
    "The quick brown fox",
    "A short list of fruits:\n1. Apple\n2.",
]
CHAT = [
    "What is gravity?",
    "Write a haiku about rain.",
    "List three uses of a hammer.",
    "Translate 'good morning' to Spanish.",
    "Why is the sky blue?",
    "What is 12 + 30?",
    "Give me a name for a cat.",
    "Explain what a compiler does in one sentence.",
    "Who wrote Romeo and Juliet?",
    "Tell me a fact about the ocean.",
]
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


def interleaved_to_halves(weight, heads):
    rows = weight.shape[0]
    return weight.reshape(heads, rows // heads // 2, 2, -1).swapaxes(1, 2).reshape(rows, -1)


def load(path):
    reader = gguf.GGUFReader(path)
    number = lambda key: reader.fields[f"llama.{key}"].contents()
    config = LlamaConfig(
        hidden_size=number("embedding_length"),
        intermediate_size=number("feed_forward_length"),
        num_hidden_layers=number("block_count"),
        num_attention_heads=number("attention.head_count"),
        num_key_value_heads=number("attention.head_count_kv"),
        rms_norm_eps=number("attention.layer_norm_rms_epsilon"),
        rope_theta=number("rope.freq_base"),
        max_position_embeddings=number("context_length"),
        vocab_size=len(reader.fields["tokenizer.ggml.tokens"].data),
        tie_word_embeddings=not any(t.name == "output.weight" for t in reader.tensors),
    )
    names = {
        "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
        "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
        "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }  # fmt: skip
    state = {}
    for tensor in reader.tensors:
        weight = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        parts = tensor.name.split(".")
        kind = parts[-2]
        if kind == "attn_q":
            weight = interleaved_to_halves(weight, config.num_attention_heads)
        if kind == "attn_k":
            weight = interleaved_to_halves(weight, config.num_key_value_heads)
        prefix = f"model.layers.{parts[1]}." if parts[0] == "blk" else ""
        state[f"{prefix}{names[kind]}.{parts[-1]}"] = torch.from_numpy(weight.copy())
    model = LlamaForCausalLM(config).float().eval()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    return model


@torch.no_grad()
def greedy(model, prompt, count, ends):
    tokens, gaps, cache = [], [], None
    ids = torch.tensor([prompt])
    while len(tokens) < count:
        out = model(ids, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        best = torch.topk(out.logits[0, -1], 2)
        tokens.append(best.indices[0].item())
        gaps.append(round((best.values[0] - best.values[1]).item(), 4))
        if tokens[-1] in ends:
            break
        ids = torch.tensor([[tokens[-1]]])
    return tokens, gaps


def main(path, folder):
    path = pathlib.Path(path).resolve()
    model = load(path)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    ends = {tokenizer.convert_tokens_to_ids(t) for t in ("<|im_end|>", "<|endoftext|>")}
    prompts = PLAIN + [
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n" for text in CHAT
    ]
    items = []
    for text in prompts:
        ids = tokenizer.encode(text, add_special_tokens=False)
        tokens, gaps = greedy(model, ids, 64, ends)
        items.append({"prompt": text, "ids": ids, "tokens": tokens, "gaps": gaps})
    out = pathlib.Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(item) for item in items)
    (out / "greedy_text.json").write_text(f'{{"file": "smollm2-135m-instruct-q4_1.gguf", "items": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
