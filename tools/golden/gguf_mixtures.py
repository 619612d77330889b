"""Writes tests/golden/model/gguf_mixtures.json: which type llama.cpp's quantizer gives each tensor.

Usage: python tools/golden/gguf_mixtures.py tests/golden     (packages: gguf, llama-cpp-python, numpy)

The files it quantizes hold zeros: only names, shapes and counts of layers, heads and experts decide.
"""

import ctypes
import json
import pathlib
import sys
import tempfile

import gguf
import llama_cpp
import numpy as np

FILE_TYPES = {
    "q2_k_mixed": llama_cpp.LLAMA_FTYPE_MOSTLY_Q2_K,
    "q3_k_s": llama_cpp.LLAMA_FTYPE_MOSTLY_Q3_K_S,
    "q3_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q3_K_M,
    "q3_k_l": llama_cpp.LLAMA_FTYPE_MOSTLY_Q3_K_L,
    "q4_k_s": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_S,
    "q4_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
    "q5_k_s": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_S,
    "q5_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_M,
}
# One a tensor, so that the file stays small.
LETTERS = {
    "f32": "f", "f16": "h", "q4_0": "a", "q5_0": "b", "q5_1": "c", "q8_0": "8",
    "q2_k": "2", "q3_k": "3", "q4_k": "4", "q5_k": "5", "q6_k": "6",
}


def model(architecture, layers, heads, kv_heads, width=256, feed_forward=512, experts=0, tied=True, fused=False):
    return locals()


MODELS = {
    "grouped by four, untied": model("llama", 18, 8, 2, tied=False),
    "grouped by three, tied": model("llama", 9, 6, 2),
    "rows of 96 and 768, tied": model("llama", 8, 6, 2, width=96, feed_forward=768),
    "rows of 96, untied": model("llama", 3, 3, 3, width=96, feed_forward=160, tied=False),
    "rows of 80, tied": model("llama", 3, 4, 4, width=80, feed_forward=256),
    "eight experts": model("llama", 17, 8, 2, experts=8, tied=False),
    "four experts": model("qwen3moe", 16, 4, 2, experts=4),
    "one tensor for queries, keys and values": model("gpt2", 12, 4, 4, fused=True),
}


def tensors_of(shape):
    width, inner, experts = shape["width"], shape["feed_forward"], shape["experts"]
    kv = width // shape["heads"] * shape["kv_heads"]
    yield "token_embd.weight", (64, width)
    if not shape["tied"]:
        yield "output.weight", (64, width)
    yield "output_norm.weight", (width,)
    for layer in range(shape["layers"]):
        block = f"blk.{layer}."
        yield block + "attn_norm.weight", (width,)
        if shape["fused"]:
            yield block + "attn_qkv.weight", (3 * width, width)
            yield block + "attn_qkv.bias", (3 * width,)
        else:
            yield block + "attn_q.weight", (width, width)
            yield block + "attn_k.weight", (kv, width)
            yield block + "attn_v.weight", (kv, width)
        yield block + "attn_output.weight", (width, width)
        if experts:
            yield block + "ffn_gate_inp.weight", (experts, width)
            yield block + "ffn_gate_exps.weight", (experts, inner, width)
            yield block + "ffn_up_exps.weight", (experts, inner, width)
            yield block + "ffn_down_exps.weight", (experts, width, inner)
        else:
            if not shape["fused"]:
                yield block + "ffn_gate.weight", (inner, width)
            yield block + "ffn_up.weight", (inner, width)
            yield block + "ffn_down.weight", (width, inner)


def write_source(path, shape, tensors):
    writer = gguf.GGUFWriter(path, shape["architecture"])
    writer.add_context_length(64)
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["feed_forward"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_layer_norm_eps(1e-5)
    writer.add_vocab_size(64)
    if shape["experts"]:
        writer.add_expert_count(shape["experts"])
        writer.add_expert_used_count(2)
        writer.add_expert_feed_forward_length(shape["feed_forward"])
    for name, dims in tensors:
        writer.add_tensor(name, np.zeros(dims, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def types_by_llama_cpp(source, target, file_type):
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = file_type
    failed = llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters))
    if failed:
        raise RuntimeError(f"llama.cpp does not quantize {source} to {file_type}")
    return {tensor.name: tensor.tensor_type.name.lower() for tensor in gguf.GGUFReader(target).tensors}


def main():
    models = []
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "source.gguf", pathlib.Path(folder) / "target.gguf"
        for name, shape in MODELS.items():
            tensors = list(tensors_of(shape))
            write_source(source, shape, tensors)
            types = {}
            for mixture, file_type in FILE_TYPES.items():
                found = types_by_llama_cpp(source, target, file_type)
                types[mixture] = "".join(LETTERS[found[tensor]] for tensor, _ in tensors)
            models.append({"name": name, **shape, "tensors": tensors, "types": types})
    path = pathlib.Path(sys.argv[1]) / "model" / "gguf_mixtures.json"
    golden = {"file_types": FILE_TYPES, "letters": LETTERS, "models": models}
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
