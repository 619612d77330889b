#!/usr/bin/env python3
"""Tiny random encoder-decoders with the reference's states, logits, gradients, greedy answers and beams.

Usage: tiny_seq2seq.py OUTPUT_FOLDER [FAMILY...] [--seed N]      (needs torch, transformers, safetensors)

Writes one Hugging Face folder a case, as tiny_decoders.py does, with golden.safetensors:
  tokens [texts laid end to end], lengths; answers [what the decoder reads], answer_lengths, targets; states [S, D],
  logits [T, V], loss [1], and the gradient of each weight under its name; buckets of distances -200 ... 200 for models
  with biases by distance (encoder, then decoder).
The loss is the mean cross-entropy of the targets. answers.json holds what generate() answers to each text, greedily and
with beams.
"""
import argparse
import json
import pathlib
import zlib

import torch
import transformers
from safetensors.torch import load_file, save_file

# transformers 5.24 cannot keep keys and values of a T5 that has more decoder layers than encoder layers.
T5 = dict(vocab_size=61, d_model=24, d_kv=10, d_ff=36, num_layers=2, num_decoder_layers=1, num_heads=3, pad_token_id=0,
          eos_token_id=1, decoder_start_token_id=0)
BART = dict(vocab_size=61, d_model=24, encoder_layers=1, encoder_ffn_dim=36, encoder_attention_heads=3, decoder_layers=2,
            decoder_ffn_dim=28, decoder_attention_heads=4, max_position_embeddings=64)
CASES = {
    "t5": ("T5Config", dict(T5, num_layers=3, num_decoder_layers=2)),
    "t5-gated": ("T5Config", dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
                                  relative_attention_num_buckets=10)),
    "mt5": ("MT5Config", dict(T5, relative_attention_num_buckets=8, relative_attention_max_distance=20)),
    "bart": ("BartConfig", dict(BART, pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2,
                                forced_eos_token_id=2)),
    "mbart": ("MBartConfig", dict(BART, pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2,
                                  scale_embedding=True)),
    "marian": ("MarianConfig", dict(BART, pad_token_id=60, eos_token_id=0, decoder_start_token_id=60,
                                    scale_embedding=True, activation_function="swish", forced_eos_token_id=0)),
    "marian-separate": ("MarianConfig", dict(BART, decoder_vocab_size=53, share_encoder_decoder_embeddings=False,
                                             pad_token_id=52, eos_token_id=0, decoder_start_token_id=52,
                                             tie_word_embeddings=True)),
    "m2m_100": ("M2M100Config", dict(BART, pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2,
                                     scale_embedding=True)),
}
FIRST = {"bart": 0, "mbart": 57, "m2m_100": 58}  # token that every answer begins with
UNTIED = {"t5-gated", "mt5"}  # heads that are not the table of tokens
LENGTHS, ANSWERS = [21, 1, 30, 6], [9, 20, 1, 5]
GREEDY = 16
BEAMS = [dict(num_beams=4), dict(num_beams=4, length_penalty=2.0, early_stopping="never"),
         dict(num_beams=3, length_penalty=0.0, early_stopping=True), dict(num_beams=4, length_penalty=-1.0)]
# What may not come: ends that are too early, runs of tokens that came before, runs of the text.
FORBIDDEN = [dict(no_repeat_ngram_size=2, min_new_tokens=9), dict(encoder_no_repeat_ngram_size=1, min_length=6),
             dict(num_beams=4, no_repeat_ngram_size=2, min_length=14),
             dict(num_beams=3, no_repeat_ngram_size=3, encoder_no_repeat_ngram_size=2, length_penalty=2.0)]


def random_weights(model):
    with torch.no_grad():
        for key, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if "embed_positions" in key and not isinstance(tensor, torch.nn.Parameter) or not tensor.is_floating_point():
                continue
            if isinstance(tensor, torch.nn.Parameter) and not tensor.requires_grad:
                continue  # sines and cosines
            if "norm" in key:
                spread = torch.rand_like(tensor) - 0.5
                tensor.copy_(spread if "bias" in key else 1 + spread)
            elif key == "final_logits_bias" or tensor.dim() == 1:
                tensor.uniform_(-0.5, 0.5)
            else:
                tensor.normal_(0, 1.0 if "relative" in key or key == "shared.weight" else 0.2)
            tensor.copy_(tensor.to(torch.bfloat16).float())


def generated(model, text, end, **options):
    out = model.generate(text[None], attention_mask=torch.ones_like(text)[None], do_sample=False, eos_token_id=end,
                         num_return_sequences=options.get("num_beams", 1), max_new_tokens=GREEDY,
                         return_dict_in_generate=True, output_scores=True, **options)
    answers = []
    for place, sequence in enumerate(out.sequences):
        tokens = sequence[1:].tolist()
        ends = [i for i, token in enumerate(tokens) if token in end]
        answer = {"tokens": tokens[: ends[0] + 1] if ends else tokens}
        if "num_beams" in options:
            answer["score"] = round(out.sequences_scores[place].item(), 6)
        answers.append(answer)
    return answers


def all_answers(model, texts):
    """Greedily and with beams: of the first text with the end token alone, of two with more end tokens, which long
    answers hold."""
    eos = model.config.eos_token_id
    records = []
    for number, is_end_early in ((0, False), (0, True), (1, True)):
        end = [eos]
        if is_end_early:
            long = generated(model, texts[number], end, num_beams=4)
            end = sorted({eos, *(tokens[place] for tokens, place in zip((a["tokens"] for a in long), (9, 3, 12, 6))
                                 if place < len(tokens))})
        for options in [{}] + BEAMS + FORBIDDEN:
            records.append({"text": number, "end": end, "options": {**options, "max_new_tokens": GREEDY},
                            "answers": generated(model, texts[number], end, **options)})
        # Two sequences of two tokens that the answer has, and one token of it.
        plain = records[-1 - len(BEAMS + FORBIDDEN)]["answers"][0]["tokens"]
        words = [plain[1:3], plain[4:6], plain[7:8]]
        words = [word for word in words if word] or [plain[:1]]
        options = dict(bad_words_ids=(model.generation_config.bad_words_ids or []) + words)
        for beams in ({}, dict(num_beams=4)):
            records.append({"text": number, "end": end, "options": {**options, **beams, "max_new_tokens": GREEDY},
                            "answers": generated(model, texts[number], end, **options, **beams)})
    return records


def buckets(config):
    attention = transformers.models.t5.modeling_t5.T5Attention
    distances = torch.arange(-200, 201)
    return torch.cat([attention._relative_position_bucket(distances, bidirectional, config.relative_attention_num_buckets,
                                                          config.relative_attention_max_distance)
                      for bidirectional in (True, False)]).int()


def make_case(name, folder, seed):
    class_name, arguments = CASES[name]
    torch.manual_seed(zlib.crc32(name.encode()) + seed)
    config = getattr(transformers, class_name)(**arguments)
    config._attn_implementation = "eager"
    model = transformers.AutoModelForSeq2SeqLM.from_config(config).float().eval()
    if name in UNTIED:
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
    random_weights(model)
    for module in model.modules():  # else torch drops gradients of the padding token, which Marian's answers begin with
        if isinstance(module, torch.nn.Embedding):
            module.padding_idx = None
    model.generation_config.forced_bos_token_id = FIRST.get(name)
    if "marian" in name:
        model.generation_config.bad_words_ids = [[config.pad_token_id]]
    bias = getattr(model, "final_logits_bias", None)
    if bias is not None:
        bias.requires_grad_()
    texts = [torch.randint(3, 53, (length,)) for length in LENGTHS]
    answers = [torch.cat([torch.tensor([config.decoder_start_token_id]), torch.randint(3, 52, (length - 1,))])
               for length in ANSWERS]
    targets = torch.randint(3, 52, (sum(ANSWERS),))
    states, logits = [], []
    for text, answer in zip(texts, answers):
        out = model(input_ids=text[None], decoder_input_ids=answer[None], use_cache=False)
        states.append(out.encoder_last_hidden_state[0])
        logits.append(out.logits[0])
    logits = torch.cat(logits)
    loss = torch.nn.functional.cross_entropy(logits, targets)
    loss.backward()

    folder.mkdir(parents=True, exist_ok=True)
    # Gradients get the names that weights have in files, by saving them as if they were the weights.
    trained = dict(model.named_parameters())
    if bias is not None:
        trained["final_logits_bias"] = bias
    weights = {key: tensor.data for key, tensor in trained.items()}
    for tensor in trained.values():
        tensor.data = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad.detach()
        tensor.grad = None
        tensor.requires_grad_(False)
    gradients = folder / "gradients"
    model.save_pretrained(gradients)
    golden = {"grad." + key: value.float() for key, value in load_file(gradients / "model.safetensors").items()}
    for path in gradients.iterdir():
        path.unlink()
    gradients.rmdir()
    for key, tensor in trained.items():
        tensor.data = weights[key]
    records = all_answers(model, texts)
    model.to(torch.bfloat16).save_pretrained(folder)
    golden.update({"tokens": torch.cat(texts).int(), "lengths": torch.tensor(LENGTHS).int(),
                   "answers": torch.cat(answers).int(), "answer_lengths": torch.tensor(ANSWERS).int(),
                   "targets": targets.int(), "states": torch.cat(states).detach(), "logits": logits.detach(),
                   "loss": loss.detach().reshape(1)})
    if hasattr(config, "relative_attention_num_buckets"):
        golden["buckets"] = buckets(config)
    save_file({key: value.contiguous() for key, value in golden.items()}, str(folder / "golden.safetensors"))
    (folder / "answers.json").write_text("[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("families", nargs="*", default=sorted(CASES))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.families:
        make_case(name, options.folder / name, options.seed)


if __name__ == "__main__":
    main()
