#!/usr/bin/env python3
"""Writes the codebooks of ggml's IQ formats as C++ tables, from the package gguf (0.19.0: gguf.quants).

    pip install gguf && python3 tools/quant_codebooks.py src/bantam/tensor/quant/codebook_rows.h

A row of a codebook is four or eight levels out of three or eight values. The table holds a row as one number: level j is the
index of its value, in bits 2 j (eight levels of three values) or 3 j (four levels of eight values).
"""

import sys
from pathlib import Path

import numpy as np
from gguf import quants

HEADER = """// Codebooks of the IQ formats, a number a row; see codebooks.h. Made by tools/quant_codebooks.py: do not edit.
// clang-format off
#pragma once

#include <cstdint>

namespace bantam {
"""

BOOKS = (("Iq1", quants.IQ1_S), ("Iq2Xxs", quants.IQ2_XXS), ("Iq2Xs", quants.IQ2_XS), ("Iq2S", quants.IQ2_S),
         ("Iq3Xxs", quants.IQ3_XXS), ("Iq3S", quants.IQ3_S))
NUMBERS_A_LINE = 12


def packed_rows(book):
    book.init_grid()
    rows = book.grid.reshape(book.grid_shape)
    indices = np.searchsorted(book.grid_map, rows)
    bits = 16 // book.grid_shape[1] if book.grid_shape[1] == 8 else 3
    return (indices << (bits * np.arange(rows.shape[1]))).sum(axis=1)


def main():
    text = HEADER
    for name, book in BOOKS:
        rows = [f"0x{row:04x}" for row in packed_rows(book)]
        values = ", ".join(str(int(value)) for value in book.grid_map)
        text += f"\n/// Levels {values}.\n"
        text += f"inline constexpr std::uint16_t k{name}Packed[{len(rows)}] = {{\n"
        for begin in range(0, len(rows), NUMBERS_A_LINE):
            text += "    " + ", ".join(rows[begin : begin + NUMBERS_A_LINE]) + ",\n"
        text += "};\n"
    Path(sys.argv[1]).write_text(text + "\n}  // namespace bantam\n")


if __name__ == "__main__":
    main()
