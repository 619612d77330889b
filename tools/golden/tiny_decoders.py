#!/usr/bin/env python3
"""Tiny random models of every decoder family with the reference's logits, gradients and greedy text.

Usage: tiny_decoders.py OUTPUT_FOLDER [FAMILY...] [--seed N]      (needs torch, transformers, safetensors)

Writes one Hugging Face folder a case: config.json as transformers writes it, model.safetensors in bf16 (the weights
are rounded to it first), and golden.safetensors in f32:
  tokens [sequences laid end to end], lengths, logits [T, V], loss [1], greedy [16 tokens that follow the first
  sequence], and one gradient under the name of each weight.
The loss is the mean next-token cross-entropy over all sequences of the case. Sizes are odd on purpose: grouped heads,
heads whose width is not width / heads, windows shorter than the text, a vocabulary of 61.
"""
import argparse
import copy
import json
import pathlib
import zlib

import torch
import transformers
from safetensors.torch import load_file, save_file

COMMON = dict(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, head_dim=8, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
              pad_token_id=0, tie_word_embeddings=False)
PLAIN = {key: value for key, value in COMMON.items() if key not in ("head_dim", "num_key_value_heads")}
ROPE = dict(rope_theta=10000.0)


def scaled(**parameters):
    return dict(rope_parameters=dict(rope_theta=10000.0, **parameters))


YARN = scaled(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)

# name: (configuration class, arguments beyond COMMON)
CASES = {
    "llama": ("LlamaConfig", dict(attention_bias=True, mlp_bias=True)),
    "llama-linear": ("LlamaConfig", scaled(rope_type="linear", factor=3.0)),
    "llama-dynamic": ("LlamaConfig", dict(scaled(rope_type="dynamic", factor=3.0), max_position_embeddings=16)),
    "llama-yarn": ("LlamaConfig", YARN),
    "mistral": ("MistralConfig", dict(sliding_window=7)),
    "mixtral": ("MixtralConfig", dict(num_local_experts=5, num_experts_per_tok=2, sliding_window=None)),
    "smollm3": ("SmolLM3Config", dict(num_hidden_layers=4, tie_word_embeddings=True, no_rope_layers=[1, 0, 1, 0])),
    # As GGUF can state it, and as the released models are: no positions in every fourth layer.
    "smollm3-plain": ("SmolLM3Config", dict(hidden_size=16, intermediate_size=24, num_hidden_layers=4,
                                            tie_word_embeddings=True)),
    "arcee": ("ArceeConfig", {}),
    "qwen2": ("Qwen2Config", dict(tie_word_embeddings=True)),
    "qwen2-window": ("Qwen2Config", dict(use_sliding_window=True, sliding_window=5, max_window_layers=1)),
    "qwen3": ("Qwen3Config", {}),
    "qwen3_moe": ("Qwen3MoeConfig", dict(num_hidden_layers=3, num_experts=6, num_experts_per_tok=3,
                                         moe_intermediate_size=16, norm_topk_prob=True, mlp_only_layers=[1])),
    # transformers has no OpenELM of its own: Qwen3's layers compute the same, each with its own sizes (OPENELM_SIZES).
    "openelm": ("Qwen3Config", dict(num_hidden_layers=3, tie_word_embeddings=True)),
    "qwen3_moe-plain": ("Qwen3MoeConfig", dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16,
                                               norm_topk_prob=True)),
    "gemma2": ("Gemma2Config", dict(sliding_window=6, query_pre_attn_scalar=16, tie_word_embeddings=True,
                                    attn_logit_softcapping=2.0, final_logit_softcapping=3.0)),
    "gemma3": ("Gemma3TextConfig", dict(num_hidden_layers=6, hidden_size=16, sliding_window=6, query_pre_attn_scalar=16,
                                        tie_word_embeddings=True)),
    "phi3": ("Phi3Config", dict(sliding_window=9)),
    "phi3-longrope": ("Phi3Config", dict(
        head_dim=None, hidden_size=32, max_position_embeddings=64, original_max_position_embeddings=16,
        rope_parameters=dict(rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.75,
                             original_max_position_embeddings=16,
                             short_factor=[1.0, 1.25, 1.5], long_factor=[1.5, 2.5, 4.0]))),
    "gpt2": ("GPT2Config", dict(n_embd=24, n_layer=2, n_head=4, n_positions=64, vocab_size=61, bos_token_id=1,
                                eos_token_id=2, pad_token_id=0)),
    "opt": ("OPTConfig", dict(PLAIN, ffn_dim=40, word_embed_proj_dim=24, tie_word_embeddings=True)),
    "opt-after": ("OPTConfig", dict(PLAIN, ffn_dim=40, word_embed_proj_dim=16, do_layer_norm_before=False,
                                    tie_word_embeddings=True)),
    "starcoder2": ("Starcoder2Config", dict(sliding_window=8, tie_word_embeddings=True)),
    "olmo2": ("Olmo2Config", {}),
    "stablelm": ("StableLmConfig", dict(head_dim=None, hidden_size=32, use_qkv_bias=True,
                                        rope_parameters=dict(rope_theta=10000.0, rope_type="default",
                                                             partial_rotary_factor=0.5))),
    "stablelm-parallel": ("StableLmConfig", dict(head_dim=None, hidden_size=32, use_parallel_residual=True)),
    "stablelm-norms": ("StableLmConfig", dict(head_dim=None, hidden_size=32, use_parallel_residual=True,
                                              qk_layernorm=True)),
    "granite": ("GraniteConfig", dict(head_dim=None, embedding_multiplier=3.0, residual_multiplier=0.4,
                                      attention_multiplier=0.3, logits_scaling=2.0, tie_word_embeddings=True)),
    # transformers has no MiniCPM of its own: Granite computes the same with these factors.
    "minicpm": ("GraniteConfig", dict(head_dim=None, embedding_multiplier=3.0, residual_multiplier=1.4 / 2**0.5,
                                      attention_multiplier=6**-0.5, logits_scaling=3.0, tie_word_embeddings=True)),
    "deepseek_v2": ("DeepseekV2Config", dict(
        head_dim=4, num_key_value_heads=4, num_hidden_layers=3, q_lora_rank=12, kv_lora_rank=10, qk_nope_head_dim=6,
        qk_rope_head_dim=4, v_head_dim=8, first_k_dense_replace=1, n_routed_experts=6, num_experts_per_tok=2,
        moe_intermediate_size=12, n_shared_experts=2, routed_scaling_factor=1.5, topk_method="group_limited_greedy",
        n_group=3, topk_group=2)),
    "deepseek_v2-lite": ("DeepseekV2Config", dict(
        head_dim=4, num_key_value_heads=4, q_lora_rank=None, kv_lora_rank=10, qk_nope_head_dim=6, qk_rope_head_dim=4,
        v_head_dim=8, first_k_dense_replace=1, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=12,
        n_shared_experts=1, topk_method="greedy", rope_parameters=dict(
            rope_theta=10000.0, rope_type="yarn", factor=4.0, original_max_position_embeddings=16, mscale=0.7,
            mscale_all_dim=0.7))),
}
OPENELM_SIZES = dict(num_attention_heads=[2, 4, 4], num_key_value_heads=[1, 2, 2], intermediate_size=[24, 40, 48])
LENGTHS = [21, 1, 30, 6]
GREEDY = 16
# Rotations depend on the length of the text: what is written while keys are kept, across that length.
DEPENDS_ON_LENGTH = ("llama-dynamic", "phi3-longrope")


def minicpm_config(folder):
    """Granite's config.json under the names that MiniCPM's own code reads."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    layers, width = config["num_hidden_layers"], config["hidden_size"]
    config.update(architectures=["MiniCPMForCausalLM"], model_type="minicpm",
                  scale_emb=config.pop("embedding_multiplier"),
                  scale_depth=config.pop("residual_multiplier") * layers**0.5,
                  dim_model_base=width / config.pop("logits_scaling"))
    config.pop("attention_multiplier")
    path.write_text(json.dumps(config, indent=2) + "\n")


def with_own_sizes(model, sizes):
    """Layer i gets the i-th number of each list of `sizes`."""
    for i, layer in enumerate(model.model.layers):
        own = copy.deepcopy(model.config)
        for key, numbers in sizes.items():
            setattr(own, key, numbers[i])
        model.model.layers[i] = type(layer)(own, i)
    return model


def openelm_tensors(tensors):
    """Qwen3's tensors under OpenELM's names, which keep queries, keys and values in one, and gate and up in one."""
    renamed = {}
    for key, tensor in tensors.items():
        prefix, _, rest = key.rpartition("model.")
        prefix += "transformer."
        rest = rest.replace("embed_tokens", "token_embeddings").replace("self_attn", "attn").replace("mlp.", "ffn.")
        rest = rest.replace("input_layernorm", "attn_norm").replace("post_attention_layernorm", "ffn_norm")
        rest = rest.replace("o_proj", "out_proj").replace("down_proj", "proj_2")
        if ".q_proj" in rest:
            parts = [tensors[key.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
            renamed[prefix + rest.replace("q_proj", "qkv_proj")] = torch.cat(parts)
        elif "gate_proj" in rest:
            parts = [tensors[key.replace("gate_proj", part)] for part in ("gate_proj", "up_proj")]
            renamed[prefix + rest.replace("gate_proj", "proj_1")] = torch.cat(parts)
        elif not any(part in rest for part in (".k_proj", ".v_proj", "up_proj")):
            renamed[prefix + rest] = tensor
    return renamed


def openelm_folder(folder):
    for name in ("model.safetensors", "golden.safetensors"):
        tensors = load_file(folder / name)
        ours = {key: value for key, value in tensors.items() if "model." in key}
        rest = {key: value for key, value in tensors.items() if "model." not in key}
        save_file({**openelm_tensors(ours), **rest}, str(folder / name))
    config = json.loads((folder / "config.json").read_text())
    width = config["hidden_size"]
    openelm = dict(
        architectures=["OpenELMForCausalLM"], model_type="openelm", model_dim=width, head_dim=config["head_dim"],
        num_transformer_layers=config["num_hidden_layers"], num_query_heads=OPENELM_SIZES["num_attention_heads"],
        num_kv_heads=OPENELM_SIZES["num_key_value_heads"], num_gqa_groups=2, qkv_multipliers=[0.67, 1.33],
        ffn_multipliers=[1.0, 1.67, 2.0], ffn_dim_divisor=8, ffn_with_glu=True, activation_fn_name="swish",
        normalization_layer_name="rms_norm", normalize_qk_projections=True, share_input_output_layers=True,
        vocab_size=config["vocab_size"], max_context_length=config["max_position_embeddings"], rope_max_length=128,
        rope_freq_constant=10000)
    (folder / "config.json").write_text(json.dumps(openelm, indent=2) + "\n")


def make_case(name, folder, seed):
    class_name, arguments = CASES[name]
    torch.manual_seed(zlib.crc32(name.encode()) + seed)
    base = {} if class_name in ("GPT2Config", "OPTConfig") else COMMON
    arguments = {key: value for key, value in {**base, **arguments}.items() if key != "head_dim" or value is not None}
    config = getattr(transformers, class_name)(**arguments)
    config._attn_implementation = "eager"
    if hasattr(config, "_experts_implementation"):
        config._experts_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    if name == "openelm":
        model = with_own_sizes(model, OPENELM_SIZES).float().eval()
    for key, parameter in model.named_parameters():  # random norms and biases test more than ones and zeros
        with torch.no_grad():
            if "norm" in key or "ln_" in key:
                spread = torch.rand_like(parameter) - 0.5
                parameter.copy_(spread if "Gemma" in class_name or "bias" in key else 1 + spread)
            elif parameter.dim() == 1:
                parameter.uniform_(-0.5, 0.5)
            else:
                parameter.normal_(0, 0.2)
            parameter.copy_(parameter.to(torch.bfloat16).float())
    sequences = [torch.randint(3, 61, (length,)) for length in LENGTHS]
    logits, total, targets = [], torch.zeros(()), 0
    for sequence in sequences:
        out = model(sequence[None], use_cache=False).logits[0]
        logits.append(out)
        if len(sequence) > 1:
            total = total + torch.nn.functional.cross_entropy(out[:-1], sequence[1:], reduction="sum")
            targets += len(sequence) - 1
    loss = total / targets
    loss.backward()

    text = sequences[0].clone()
    with torch.no_grad():  # without a cache: the whole text is read again for each token
        for _ in range(GREEDY):
            text = torch.cat([text, model(text[None], use_cache=False).logits[0, -1].argmax()[None]])

    kept = {}
    if name in DEPENDS_ON_LENGTH:
        how = transformers.GenerationConfig(max_new_tokens=GREEDY, do_sample=False, use_cache=True, pad_token_id=0)
        model.generation_config.eos_token_id = None  # which generate() would fall back to
        written = model.generate(sequences[3][None], attention_mask=torch.ones(1, LENGTHS[3]).long(),
                                 generation_config=how)[0, LENGTHS[3]:]
        assert len(written) == GREEDY
        kept["greedy_kept"] = written.int()

    folder.mkdir(parents=True, exist_ok=True)
    # Gradients get the names that weights have in files, by saving them as if they were the weights.
    weights = {key: parameter.data for key, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.data = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()
        parameter.grad = None
    gradients = folder / "gradients"
    model.save_pretrained(gradients)
    for key, parameter in model.named_parameters():
        parameter.data = weights[key]
    model.to(torch.bfloat16).save_pretrained(folder)
    golden = {"grad." + key: value.float() for key, value in load_file(gradients / "model.safetensors").items()}
    for path in gradients.iterdir():
        path.unlink()
    gradients.rmdir()
    golden.update({"tokens": torch.cat(sequences).int(), "lengths": torch.tensor(LENGTHS).int(),
                   "logits": torch.cat(logits).detach(), "loss": loss.detach().reshape(1),
                   "greedy": text[len(sequences[0]):].int(), **kept})
    save_file({key: value.contiguous() for key, value in golden.items()}, str(folder / "golden.safetensors"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if name == "minicpm":
        minicpm_config(folder)
    if name == "openelm":
        openelm_folder(folder)


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
