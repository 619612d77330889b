"""Golden folders of the quantized Hugging Face formats, one tiny linear each, and one whole model.

    python3 tools/golden/packed_weights.py tests/golden/model/packed      (needs torch, transformers, bitsandbytes on CPU)

Each folder has config.json, model.safetensors as the format packs it, and expected.safetensors: linear.weight [N, K] in the type
that it should come in. gptq and awq are packed here, by the loops of AutoGPTQ 0.7.1 (qlinear_cuda_old.py: pack) and AutoAWQ 0.2.9
(gemm.py: from_linear), and unpacked by the formulas of their forward passes. bitsandbytes packs and unpacks itself. `model` is a
tiny Llama that transformers quantized and saved; expected.safetensors has tokens [T] and logits [T, V].
"""

import json
import shutil
import sys
from pathlib import Path

import bitsandbytes
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

K, N = 64, 32


def write(folder, settings, tensors, expected):
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "llama", "quantization_config": settings}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    plain = {"norm.weight": torch.ones(3)}
    save_file({**plain, **{key: torch.as_tensor(value).contiguous() for key, value in tensors.items()}},
              str(folder / "model.safetensors"))
    save_file({"linear.weight": torch.as_tensor(expected).contiguous()}, str(folder / "expected.safetensors"))


def stream(numbers, bits):
    """Rows of small integers as bits one after the other, in words of 32: [R, C] -> [R, C bits / 32]."""
    planes = (numbers[..., None].astype(np.uint64) >> np.arange(bits, dtype=np.uint64)) & np.uint64(1)
    words = planes.reshape(len(numbers), -1, 32) << np.arange(32, dtype=np.uint64)
    return words.sum(axis=-1).astype(np.uint32).view(np.int32)


def random_integers(bits, group_size, symmetric, seed):
    random = np.random.default_rng(seed)
    groups = K // group_size
    levels = random.integers(0, 1 << bits, (K, N))
    zeros = np.full((groups, N), 1 << (bits - 1)) if symmetric else random.integers(1, 1 << bits, (groups, N))
    scales = (random.random((groups, N)) * 0.02 + 0.001).astype(np.float16)
    return random, levels, zeros, scales


def values(levels, zeros, scales, group_of):
    return (scales.astype(np.float32)[group_of] * (levels - zeros[group_of]).astype(np.float32)).T


def gptq(folder, bits, group_size, symmetric, act_order, version, seed):
    random, levels, zeros, scales = random_integers(bits, K if group_size == -1 else group_size, symmetric, seed)
    group_of = np.arange(K) // (K // len(zeros))
    if act_order:
        group_of = random.permutation(group_of)
    settings = {"quant_method": "gptq", "bits": bits, "group_size": group_size, "desc_act": act_order, "sym": symmetric,
                "checkpoint_format": version}
    stored_zeros = zeros - 1 if version == "gptq" else zeros
    write(folder, settings,
          {"linear.qweight": stream(levels.T, bits).T.copy(), "linear.qzeros": stream(stored_zeros, bits),
           "linear.scales": scales, "linear.g_idx": group_of.astype(np.int32), "linear.bias": np.zeros(N, np.float16)},
          values(levels, zeros, scales, group_of))


def awq(folder, group_size, seed):
    _, levels, zeros, scales = random_integers(4, group_size, False, seed)

    def packed(numbers):  # word c has column 8 c + order[i] in bits 4 i
        order = [0, 2, 4, 6, 1, 3, 5, 7]
        return stream(numbers.reshape(-1, 8)[:, order].reshape(numbers.shape), 4)

    write(folder, {"quant_method": "awq", "bits": 4, "group_size": group_size, "version": "gemm", "zero_point": True},
          {"linear.qweight": packed(levels), "linear.qzeros": packed(zeros), "linear.scales": scales},
          values(levels, zeros, scales, np.arange(K) // group_size))


def bitsandbytes_4bit(folder, kind, nested, dtype, block):
    torch.manual_seed(len(kind) + nested + block)
    weight = (torch.randn(N, K) * 0.05).to(dtype)
    packed, state = bitsandbytes.functional.quantize_4bit(weight, blocksize=block, quant_type=kind, compress_statistics=nested)
    tensors = {"linear.weight": packed}
    tensors.update({"linear.weight." + key: value for key, value in state.as_dict(packed=True).items()})
    settings = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": kind, "bnb_4bit_use_double_quant": nested}
    write(folder, settings, tensors, bitsandbytes.functional.dequantize_4bit(packed, state))


def bitsandbytes_8bit(folder):
    torch.manual_seed(8)
    levels, scales, _ = bitsandbytes.functional.int8_vectorwise_quant((torch.randn(N, K) * 0.05).half())
    expected = bitsandbytes.functional.int8_vectorwise_dequant(levels, scales)
    write(folder, {"quant_method": "bitsandbytes", "load_in_8bit": True},
          {"linear.weight": levels, "linear.SCB": scales, "linear.weight_format": torch.tensor(0, dtype=torch.uint8)}, expected)


def whole_model(folder):
    torch.manual_seed(5)
    config = LlamaConfig(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                         head_dim=16, vocab_size=97, max_position_embeddings=64, initializer_range=0.15, bos_token_id=1,
                         eos_token_id=2, tie_word_embeddings=True)
    plain = folder.parent / "plain"
    LlamaForCausalLM(config).float().save_pretrained(plain)
    settings = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
                                  bnb_4bit_compute_dtype=torch.float32)
    model = LlamaForCausalLM.from_pretrained(plain, quantization_config=settings, dtype=torch.float32, device_map="cpu")
    shutil.rmtree(plain)
    model.save_pretrained(folder)
    for name in ("generation_config.json", "README.md"):
        (folder / name).unlink(missing_ok=True)
    tokens = torch.randint(3, 97, (23,))
    # The products with the unpacked weights, in f32: what the packed ones stand for.
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, bitsandbytes.nn.Linear4bit):
                linear = torch.nn.Linear(child.in_features, child.out_features, bias=False)
                linear.weight.data = bitsandbytes.functional.dequantize_4bit(child.weight.data, child.weight.quant_state).float()
                setattr(parent, name, linear)
    with torch.no_grad():
        logits = model(tokens[None]).logits[0]
    save_file({"tokens": tokens.int(), "logits": logits.float().contiguous()}, str(folder / "expected.safetensors"))


def main():
    folder = Path(sys.argv[1])
    gptq(folder / "gptq_4bit", 4, 32, True, False, "gptq", 1)
    gptq(folder / "gptq_4bit_asymmetric", 4, 32, False, False, "gptq", 2)
    gptq(folder / "gptq_4bit_act_order", 4, 16, True, True, "gptq", 3)
    gptq(folder / "gptq_4bit_v2", 4, -1, False, False, "gptq_v2", 4)
    gptq(folder / "gptq_8bit", 8, 64, True, False, "gptq_v2", 5)
    gptq(folder / "gptq_8bit_asymmetric", 8, 32, False, False, "gptq", 6)
    gptq(folder / "gptq_3bit", 3, 32, True, False, "gptq", 7)
    gptq(folder / "gptq_2bit", 2, 32, False, False, "gptq", 8)
    awq(folder / "awq", 32, 9)
    bitsandbytes_4bit(folder / "nf4", "nf4", False, torch.float32, 64)
    bitsandbytes_4bit(folder / "nf4_double", "nf4", True, torch.bfloat16, 64)
    bitsandbytes_4bit(folder / "fp4_double", "fp4", True, torch.float16, 128)
    bitsandbytes_8bit(folder / "int8")
    whole_model(folder / "model")


if __name__ == "__main__":
    main()
