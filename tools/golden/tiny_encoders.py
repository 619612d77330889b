#!/usr/bin/env python3
"""Tiny random models of every encoder family with the reference's states and gradients.

Usage: tiny_encoders.py OUTPUT_FOLDER [FAMILY...] [--seed N]      (needs torch, transformers, safetensors)

Writes one Hugging Face folder a case, as tiny_decoders.py does, and golden.safetensors:
  tokens and types [texts laid end to end], lengths, states [T, D], probe [T, D], loss [1], and the gradient of each
weight under its name. The loss is the mean of states * probe over all texts.
"""
import argparse
import pathlib
import zlib

import torch
import transformers
from safetensors.torch import load_file, save_file

COMMON = dict(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
              max_position_embeddings=64, pad_token_id=0)
CASES = {
    "bert": ("BertConfig", "BertModel", {}),
    "roberta": ("RobertaConfig", "RobertaModel", dict(pad_token_id=1, type_vocab_size=1, hidden_act="gelu_new")),
    "xlm-roberta": ("XLMRobertaConfig", "XLMRobertaModel", dict(pad_token_id=1, type_vocab_size=1)),
    "electra": ("ElectraConfig", "ElectraModel", dict(embedding_size=16)),
    "electra-wide": ("ElectraConfig", "ElectraModel", dict(embedding_size=24)),
    "modernbert": ("ModernBertConfig", "ModernBertModel",
                   dict(num_hidden_layers=4, local_attention=6, bos_token_id=1, eos_token_id=2, cls_token_id=1,
                        sep_token_id=2)),
    "mobilebert": ("MobileBertConfig", "MobileBertModel",
                   dict(embedding_size=10, intra_bottleneck_size=12, num_feedforward_networks=3)),
    "mobilebert-narrow": ("MobileBertConfig", "MobileBertModel",
                          dict(embedding_size=10, intra_bottleneck_size=12, num_feedforward_networks=1,
                               use_bottleneck_attention=True, trigram_input=False)),
    # As v3: shared projections, buckets that widen, a normalized table, no absolute positions.
    "deberta-v2": ("DebertaV2Config", "DebertaV2Model",
                   dict(relative_attention=True, pos_att_type="p2c|c2p", share_att_key=True, position_buckets=8,
                        norm_rel_ebd="layer_norm", position_biased_input=False)),
    "deberta-v2-own": ("DebertaV2Config", "DebertaV2Model",
                       dict(relative_attention=True, pos_att_type=["c2p", "p2c"], max_relative_positions=12,
                            type_vocab_size=2)),
    # As the xlarge models: a convolution beside the first layer; here with an embedding narrower than the layers.
    "deberta-v2-convolution": ("DebertaV2Config", "DebertaV2Model",
                               dict(relative_attention=True, pos_att_type="p2c|c2p", share_att_key=True,
                                    position_buckets=8, norm_rel_ebd="layer_norm", position_biased_input=False,
                                    conv_kernel_size=3, conv_act="gelu")),
    "deberta-v2-narrow": ("DebertaV2Config", "DebertaV2Model",
                          dict(relative_attention=False, embedding_size=10, type_vocab_size=2, conv_kernel_size=5)),
    "deberta-v2-plain": ("DebertaV2Config", "DebertaV2Model", dict(relative_attention=False)),
}
LENGTHS = [21, 1, 30, 6]


def randomize(model):
    """Weights of every parameter that bfloat16 holds exactly, none of them a value that would hide a mistake."""
    for key, parameter in model.named_parameters():
        with torch.no_grad():
            if "norm" in key.lower():
                spread = torch.rand_like(parameter) - 0.5
                parameter.copy_(spread if "bias" in key else 1 + spread)
            elif parameter.dim() == 1:
                parameter.uniform_(-0.5, 0.5)
            else:
                parameter.normal_(0, 0.2)
            parameter.copy_(parameter.to(torch.bfloat16).float())


def save_case(model, folder, golden):
    """The model's folder in bfloat16, and `golden` with the gradients that its parameters hold."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: parameter.data for key, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.data = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()
        parameter.grad = None
    gradients = folder / "gradients"
    model.save_pretrained(gradients)
    for key, parameter in model.named_parameters():
        parameter.data = weights[key]
    model.to(torch.bfloat16).save_pretrained(folder)
    golden = {**golden,
              **{"grad." + key: value.float() for key, value in load_file(gradients / "model.safetensors").items()}}
    for path in gradients.iterdir():
        path.unlink()
    gradients.rmdir()
    save_file({key: value.contiguous() for key, value in golden.items()}, str(folder / "golden.safetensors"))


def make_case(name, folder, seed):
    config_name, class_name, arguments = CASES[name]
    torch.manual_seed(zlib.crc32(name.encode()) + seed)
    config = getattr(transformers, config_name)(**{**COMMON, **arguments})
    config._attn_implementation = "eager"
    model_class = getattr(transformers, class_name)
    keywords = {} if name == "modernbert" or "electra" in name or "deberta" in name else dict(add_pooling_layer=False)
    model = model_class(config, **keywords).float().eval()
    randomize(model)
    texts = [torch.randint(3, 61, (length,)) for length in LENGTHS]
    has_types = getattr(config, "type_vocab_size", 0) > 1
    types = [torch.arange(length) * 2 // length if has_types else torch.zeros(length).long() for length in LENGTHS]
    states = []
    for text, kinds in zip(texts, types):
        inputs = dict(input_ids=text[None])
        if has_types:
            inputs["token_type_ids"] = kinds[None]
        states.append(model(**inputs).last_hidden_state[0])
    states = torch.cat(states)
    probe = torch.randn_like(states)
    loss = (states * probe).mean()
    loss.backward()

    save_case(model, folder, {
        "tokens": torch.cat(texts).int(), "types": torch.cat(types).int(), "lengths": torch.tensor(LENGTHS).int(),
        "states": states.detach(), "probe": probe, "loss": loss.detach().reshape(1)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("families", nargs="*", default=sorted(CASES))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name in options.families:
        make_case(name, options.folder / name, options.seed)


if __name__ == "__main__":
    main()
