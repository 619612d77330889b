"""Golden files of all element types of GGUF, by ggml itself (llama.cpp's libggml-base.so through ctypes).

    python3 tools/golden/quant_types.py LIBGGML_BASE_SO tests/golden/tensor

quant_<type>.bin, little endian: i32 elements decoded, i32 elements encoded, i32 first block that ggml_validate_row_data refuses
(-1 for none); blocks and the f32 elements they decode to; f32 values and the blocks they are encoded to. A type that ggml's
reference code (quantize_row_*_ref) or Bantam does not encode has no second half.

quant_sweep.json: per type, the SHA-256 of what `blocks` pseudo-random blocks decode to (any bytes at all, so every index of a
codebook and every kind of scale), and of what as many random values are encoded to. The test makes the same numbers: word i
is splitmix64(i), values are as value_words() says.
"""

import ctypes
import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy as np

ENCODED = ("f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl")
NUMBERS = dict(f16=1, q4_0=2, q4_1=3, q5_0=6, q5_1=7, q8_0=8, q2_k=10, q3_k=11, q4_k=12, q5_k=13, q6_k=14, q8_k=15,
               iq2_xxs=16, iq2_xs=17, iq3_xxs=18, iq1_s=19, iq4_nl=20, iq3_s=21, iq2_s=22, iq4_xs=23, iq1_m=29, bf16=30,
               tq1_0=34, tq2_0=35, mxfp4=39, nvfp4=40, q1_0=41, q2_0=42)
SWEPT_ELEMENTS = 1 << 20
NEEDS_IMPORTANCE = ("iq2_xxs", "iq2_xs", "iq1_s")


class Traits(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("block", ctypes.c_int64), ("interleave", ctypes.c_int64), ("size", ctypes.c_size_t),
                ("is_quantized", ctypes.c_bool), ("to_float", ctypes.c_void_p), ("from_float_ref", ctypes.c_void_p)]


CONVERT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


class Type:
    def __init__(self, library, name):
        library.ggml_get_type_traits.restype = ctypes.POINTER(Traits)
        traits = library.ggml_get_type_traits(NUMBERS[name]).contents
        self.library, self.name, self.block, self.size = library, name, traits.block, traits.size
        # ggml has a decoder of q8_k but does not list it among the traits.
        self.to_float = CONVERT(traits.to_float) if traits.to_float else library.dequantize_row_q8_K
        self.from_float = CONVERT(traits.from_float_ref) if traits.from_float_ref else None

    def decode(self, blocks):
        out = np.empty(blocks.size // self.size * self.block, np.float32)
        self.to_float(pointer(blocks), pointer(out), ctypes.c_int64(out.size))
        return out

    def encode(self, values):
        out = np.zeros((values.size // self.block, self.size), np.uint8)
        self.from_float(pointer(values), pointer(out), ctypes.c_int64(values.size))
        if self.name == "iq4_nl":  # levels of a block that counts as zeros are left uninitialized
            out[np.abs(values).reshape(-1, 32).max(axis=1) < 1e-15] = 0
        return out

    def quantized(self, values):
        """Blocks as a quantizer makes them, for types that are only decoded."""
        out = np.zeros((values.size // self.block, self.size), np.uint8)
        ones = np.ones(values.size, np.float32) if self.name in NEEDS_IMPORTANCE else None
        self.library.ggml_quantize_chunk(NUMBERS[self.name], pointer(values), pointer(out), ctypes.c_int64(0),
                                         ctypes.c_int64(1), ctypes.c_int64(values.size), pointer(ones) if ones is not None else None)
        return out

    def first_bad(self, blocks):
        validate = self.library.ggml_validate_row_data
        validate.restype = ctypes.c_bool
        rows = blocks.reshape(-1, self.size)
        bad = [not validate(NUMBERS[self.name], pointer(np.ascontiguousarray(row)), ctypes.c_size_t(self.size)) for row in rows]
        return bad.index(True) if True in bad else -1


def values(count):
    """Normal rows, with the odd groups in between that break encoders."""
    random = np.random.default_rng(7)
    x = (random.normal(size=count) * 0.05).astype(np.float32)
    groups = x.reshape(-1, 32)
    groups[1] = 0
    groups[2] = 0.25
    groups[3] = -0.25
    groups[4] *= 1e-6  # scales that are subnormal in f16
    groups[5] *= 1e4
    groups[6] = np.abs(groups[6])
    groups[7] = -np.abs(groups[7])
    groups[8] = np.arange(32) / 64  # ties
    groups[9] = np.arange(-16, 16) / 8
    groups[10] = 0
    groups[10, 5] = -1
    groups[16:24] *= 1e-16  # a block of 256 that counts as zeros
    groups[24:28] *= 1e-16  # half a block
    return x


def decoded_blocks(kind):
    """Two blocks as a quantizer makes them, two of any bytes, one of ones; then scales of infinity and NaN, wherever they lie."""
    random = np.random.default_rng(11)
    ordinary = (random.normal(size=max(2 * kind.block, 64)) * 0.05).astype(np.float32)
    if kind.name == "q8_k":
        blocks = [random.integers(0, 256, (2, kind.size), dtype=np.uint8)]
        blocks[0][:, :4] = np.array([0.01, -0.02], np.float32).view(np.uint8).reshape(2, 4)
    elif kind.name in ENCODED:
        blocks = [kind.encode(ordinary)]
    else:
        blocks = [kind.quantized(ordinary)]
    blocks.append(random.integers(0, 256, (2, kind.size), dtype=np.uint8))
    blocks.append(np.full((1, kind.size), 0xFF, np.uint8))
    special = np.tile(blocks[0][:1], (2, 1))
    for row, half in zip(special, (0x7C00, 0x7E01)):
        words = row[: kind.size // 2 * 2].view(np.uint16)
        for place in {"q6_k": [104], "q3_k": [54], "q2_k": [40, 41], "tq1_0": [26], "tq2_0": [32]}.get(kind.name, [0]):
            words[place] = half
        if kind.name == "q8_k":
            row[:4] = np.array([np.inf if half == 0x7C00 else np.nan], np.float32).view(np.uint8)
        if kind.name == "iq1_m":
            row[48:].view(np.uint16)[:] |= np.array([half << 12 & 0xF000, half << 8 & 0xF000, half << 4 & 0xF000, half & 0xF000], np.uint16)
    blocks.append(special)
    return np.concatenate(blocks)


def splitmix64(indices):
    with np.errstate(over="ignore"):
        z = (indices + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def swept_values(count):
    """Uniform in -1 … 1 by the top 24 bits of a word, times a power of two that 4 bits choose for each 64 values."""
    words = splitmix64(np.arange(count, dtype=np.uint64))
    unit = (words >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)
    exponents = (words.reshape(-1, 64)[:, :1] & np.uint64(15)).astype(np.int32) - 12
    return (np.ldexp(np.float32(1), exponents).astype(np.float32) * unit.reshape(-1, 64)).reshape(-1)


def sweep(kind):
    blocks = SWEPT_ELEMENTS // kind.block
    words = splitmix64(np.arange((blocks * kind.size + 7) // 8, dtype=np.uint64))
    decoded = kind.decode(np.frombuffer(words.tobytes()[: blocks * kind.size], np.uint8).copy())
    decoded[np.isnan(decoded)] = np.nan
    result = {"blocks": blocks, "decoded": hashlib.sha256(decoded.tobytes()).hexdigest()}
    if kind.name in ENCODED:
        result["encoded"] = hashlib.sha256(kind.encode(swept_values(SWEPT_ELEMENTS)).tobytes()).hexdigest()
    return result


def write(folder, kind):
    blocks = decoded_blocks(kind)
    x = values(1024) if kind.name in ENCODED else np.zeros(0, np.float32)
    with open(folder / f"quant_{kind.name}.bin", "wb") as out:
        decoded = kind.decode(blocks)
        out.write(struct.pack("<iii", decoded.size, x.size, kind.first_bad(blocks)))
        out.write(blocks.tobytes() + decoded.tobytes() + x.tobytes())
        if x.size > 0:
            out.write(kind.encode(x).tobytes())


def main():
    library, folder = ctypes.CDLL(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    swept = {}
    for name in NUMBERS:
        kind = Type(library, name)
        write(folder, kind)
        swept[name] = sweep(kind)
    (folder / "quant_sweep.json").write_text(json.dumps(swept, indent=1) + "\n")


if __name__ == "__main__":
    main()
