"""Golden files of the block formats, by the reference package gguf (0.19.0: gguf.quants).

    python3 tools/golden/quant_formats.py tests/golden/tensor

Each quant_<type>.bin holds, little endian: i32 element count, i32 1 when values are given, the f32
values (if any), the blocks, and the f32 elements they decode to. The reference has no encoder for
the K formats: their blocks are random bytes with ordinary scales.
"""

import struct
import sys
from pathlib import Path

import gguf
import numpy as np

COUNT = 1024


def values():
    """Normal rows, with the odd blocks in between that break encoders."""
    random = np.random.default_rng(7)
    x = random.normal(size=COUNT).astype(np.float32) * 0.05
    blocks = x.reshape(-1, 32)
    blocks[1] = 0
    blocks[2] = 0.25
    blocks[3] = -0.25
    blocks[4] *= 1e-6  # scales that are subnormal in f16
    blocks[5] *= 1e4
    blocks[6] = np.abs(blocks[6])
    blocks[7] = -np.abs(blocks[7])
    blocks[8] = np.arange(32) / 64  # ties
    blocks[9] = np.arange(-16, 16) / 8
    blocks[10] = 0
    blocks[10, 5] = -1
    return x


def random_blocks(kind, scale_offsets):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    random = np.random.default_rng(11)
    blocks = random.integers(0, 256, size=(COUNT // elements, size), dtype=np.uint8)
    for offset in scale_offsets:
        scales = random.normal(size=len(blocks)).astype(np.float16) * np.float16(0.01)
        blocks[:, offset : offset + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks


def write(folder, name, x, blocks, decoded):
    with open(folder / f"quant_{name}.bin", "wb") as out:
        out.write(struct.pack("<ii", COUNT, 0 if x is None else 1))
        if x is not None:
            out.write(x.astype("<f4").tobytes())
        out.write(blocks.tobytes())
        out.write(decoded.astype("<f4").tobytes())


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    kinds = gguf.GGMLQuantizationType
    x = values()
    for kind in (kinds.Q4_0, kinds.Q4_1, kinds.Q5_0, kinds.Q5_1, kinds.Q8_0, kinds.BF16, kinds.F16):
        blocks = gguf.quants.quantize(x, kind)
        write(folder, kind.name.lower(), x, blocks, gguf.quants.dequantize(blocks, kind))
    for kind, offsets in ((kinds.Q4_K, (0, 2)), (kinds.Q6_K, (208,))):
        blocks = random_blocks(kind, offsets)
        write(folder, kind.name.lower(), None, blocks, gguf.quants.dequantize(blocks, kind))


if __name__ == "__main__":
    main()
