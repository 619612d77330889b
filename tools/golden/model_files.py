"""Writes tests/golden/model_files: small weight files made by the `gguf`, `safetensors` and `peft` packages.

Usage: python tools/golden/model_files.py tests/golden
"""

import json
import pathlib
import sys
import zipfile

import gguf
import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

QUANTIZED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]


def write_gguf(path):
    rng = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(2048)
    writer.add_block_count(2)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    tokens = ["a", "b", "Ġthe", "<|im_end|>", "é"]
    writer.add_token_list(tokens)
    writer.add_token_types([1, 1, 1, 3, 1])
    writer.add_bool("tokenizer.ggml.add_bos_token", False)
    tensors = {}
    for name, array in {
        "plain": rng.normal(size=(2, 3)).astype(np.float32),
        "half": rng.normal(size=(2, 3, 2)).astype(np.float16),
        "double": rng.normal(size=(4,)).astype(np.float64),
        "ids": np.arange(5, dtype=np.int32),
    }.items():
        writer.add_tensor(name, array)
        dtype = {"float32": "f32", "float16": "f16", "float64": "f64", "int32": "i32"}[str(array.dtype)]
        tensors[name] = {"shape": list(array.shape), "dtype": dtype, "values": array.astype(float).ravel().tolist()}
    for name in QUANTIZED:
        kind = gguf.GGMLQuantizationType[name]
        data = gguf.quants.quantize(rng.normal(size=(2, 64)).astype(np.float32), kind)
        writer.add_tensor(name.lower(), data, raw_dtype=kind)
        values = gguf.quants.dequantize(data, kind)
        tensors[name.lower()] = {"shape": [2, 64], "dtype": name.lower(), "values": values.astype(float).ravel().tolist()}
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {
        "integers": {"llama.context_length": 2048, "llama.block_count": 2},
        "numbers": {"llama.rope.freq_base": 10000.0, "llama.attention.layer_norm_rms_epsilon": 1e-5},
        "tokens": tokens,
        "tensors": tensors,
    }


def write_safetensors(path):
    generator = torch.Generator().manual_seed(3)
    tensors = {
        "f32": torch.randn(2, 3, generator=generator),
        "bf16": torch.randn(4, generator=generator).to(torch.bfloat16),
        "f16": torch.randn(2, 2, generator=generator).to(torch.float16),
        "f64": torch.randn(2, generator=generator).to(torch.float64),
        "i64": torch.tensor([-1, 2, 30000000]),
        "u8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
    }
    save_file(tensors, path, metadata={"format": "pt"})
    read_as = {"i64": "i32", "u8": "i32", "bool": "i32", "scalar": "f32", "empty": "f32"}
    return {
        name: {"dtype": read_as.get(name, name), "values": tensor.to(torch.float64).flatten().tolist()}
        for name, tensor in tensors.items()
    }


def write_peft(folder):
    torch.manual_seed(11)
    config = LlamaConfig(
        vocab_size=17, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2,
    )
    lora = LoraConfig(
        r=3, lora_alpha=6, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM", init_lora_weights=False,
        rank_pattern={"down_proj": 2}, alpha_pattern={"down_proj": 8},
    )
    model = get_peft_model(LlamaForCausalLM(config), lora)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    modules = {}
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and "default" in module.lora_A:
            modules[name] = {
                "rank": module.r["default"],
                "scale": module.scaling["default"],
                "a": module.lora_A["default"].weight.double().flatten().tolist(),
                "b": module.lora_B["default"].weight.double().flatten().tolist(),
            }
    return {"modules": modules}


def write_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.txt"), "bantam " * 1000, zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("b"), "hello", zipfile.ZIP_STORED)


def main():
    folder = pathlib.Path(sys.argv[1]) / "model_files"
    folder.mkdir(parents=True, exist_ok=True)
    expected = {
        "gguf": write_gguf(folder / "small.gguf"),
        "safetensors": write_safetensors(folder / "small.safetensors"),
        "peft": write_peft(folder / "adapter"),
    }
    write_zip(folder / "small.zip")
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


main()
