"""Golden answers of transformers' beam search on the tiny random Llama models.

Usage: python tools/golden/generate_beams.py tests/golden/generate
Reads the models of tests/golden/model/llama (tools/golden/tiny_llama.py). Needs: transformers, torch.
"""

import json
import pathlib
import sys

import torch
from transformers import LlamaForCausalLM

MODELS = pathlib.Path(__file__).parents[2] / "tests/golden/model/llama"


def beams(name, model, seed, count, length_penalty, repetition_penalty, end, max_tokens):
    torch.manual_seed(seed)
    prompt = torch.randint(0, model.config.vocab_size, (1, 6))
    out = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        num_beams=count,
        num_return_sequences=count,
        do_sample=False,
        length_penalty=length_penalty,
        repetition_penalty=repetition_penalty,
        eos_token_id=end or None,
        pad_token_id=0,
        max_new_tokens=max_tokens,
        return_dict_in_generate=True,
        output_scores=True,
    )
    answers = []
    for sequence, score in zip(out.sequences, out.sequences_scores):
        tokens = sequence[prompt.shape[1] :].tolist()
        for place, token in enumerate(tokens):
            if token in end:
                tokens = tokens[: place + 1]
                break
        answers.append({"tokens": tokens, "score": round(score.item(), 6)})
    return {
        "model": name,
        "prompt": prompt[0].tolist(),
        "beams": count,
        "length_penalty": length_penalty,
        "repetition_penalty": repetition_penalty,
        "end": end,
        "max_tokens": max_tokens,
        "answers": answers,
    }


def main(folder):
    items = []
    for path in sorted(p for p in MODELS.iterdir() if (p / "model.safetensors").exists()):
        model = LlamaForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
        model.generation_config.eos_token_id = None
        model.generation_config.bos_token_id = None
        ends = list(range(0, 97, 4))  # many, so that some beams end early
        for seed, (count, length, repetition, end, limit) in enumerate(
            [
                (2, 1.0, 1.0, [], 8),
                (3, 1.0, 1.0, ends, 12),
                (4, 0.0, 1.0, ends, 12),
                (4, 2.0, 1.0, ends[:12], 10),
                (3, 1.0, 1.2, ends, 10),
            ]
        ):
            items.append(beams(path.name, model, seed, count, length, repetition, end, limit))
    out = pathlib.Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    (out / "beams.json").write_text("[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
