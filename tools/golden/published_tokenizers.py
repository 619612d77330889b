#!/usr/bin/env python3
"""Tokenizers that Python packages carry, over 100,000 lines in about 90 languages and code, and over every code point.

    pip install tokenizers==0.23.3 sentencepiece==0.2.1
    pip install --no-deps --target PACKAGES litellm==1.110.2 mistral-common==1.13.1 open-clip-torch==3.3.0 django==5.2
    python tools/golden/published_tokenizers.py PACKAGES FOLDER
    BANTAM_GOLDEN_TOKENIZERS=FOLDER build/release/bantam_test_text --gtest_filter='*PublishedTokenizers*'

litellm holds the tokenizer.json of DeepSeek-V3 and of Claude 2, mistral-common the SentencePiece models of Mistral, open-clip-torch CLIP's
list of merges. The lines are Django's: its messages in all its languages, and its own source.

FOLDER gets texts.bin (for each text its length, 32 bits, and its bytes), the tokenizer files, and for each of them NAME.golden: for each text
the number of its ids and the ids, then the length and the bytes of what they decode to.
"""
import gzip
import json
import shutil
import struct
import sys
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer

LINES = 100_000
BATCH = 4000


def messages(path):
    """The texts of one .po file, originals and translations."""
    text = None
    for line in path.read_text(encoding="utf-8").splitlines():
        keyword, quote, rest = line.partition('"')
        if not quote or line.startswith("#"):
            continue
        if keyword and text:
            yield text
        text = ("" if keyword else text or "") + rest.rpartition('"')[0].replace(r"\n", "\n").replace(r"\"", '"')
    if text:
        yield text


def lines(packages):
    django = packages / "django"
    translated = [text for path in sorted(django.rglob("*.po")) for text in messages(path)]
    code = [line for pattern in ("*.py", "*.js", "*.css", "*.html") for path in sorted(django.rglob(pattern))
            for line in path.read_text(encoding="utf-8").splitlines() if line]
    half = LINES // 2
    step = max(1, len(translated) // half)  # of every language some
    return translated[::step][:half] + code[:LINES - half]


def code_points():
    return [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def bytes_as_characters():
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + i) for i in range(len(hidden))]


def clip(packages):
    """CLIP's merges as the tokenizer.json that Hugging Face has for it."""
    merges = gzip.open(packages / "open_clip/bpe_simple_vocab_16e6.txt.gz").read().decode().split("\n")[1:48895]
    special = ["<|startoftext|>", "<|endoftext|>"]
    tokens = bytes_as_characters()
    tokens = tokens + [token + "</w>" for token in tokens] + ["".join(merge.split()) for merge in merges] + special
    ids = {token: i for i, token in enumerate(tokens)}
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    return json.dumps({
        "version": "1.0",
        "added_tokens": [{"id": ids[text], "content": text, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for text in special],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
                  "end_of_word_suffix": "</w>", "vocab": ids, "merges": merges}})


def reference_of_json(text):
    file = json.loads(text)
    file["post_processor"] = None  # ids of the text alone
    tokenizer = Tokenizer.from_str(json.dumps(file))
    tokenizer.encode_special_tokens = True  # what users type is never a control token

    def run(texts):
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
        return ids, tokenizer.decode_batch(ids, skip_special_tokens=False)
    return run


def reference_of_model(path):
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))

    def run(texts):
        ids = processor.encode(texts)
        return ids, processor.decode(ids)
    return run


def write_golden(path, run, texts):
    with path.open("wb") as out:
        for begin in range(0, len(texts), BATCH):
            for ids, decoded in zip(*run(texts[begin:begin + BATCH])):
                text = decoded.encode()
                out.write(struct.pack(f"<I{len(ids)}iI", len(ids), *ids, len(text)) + text)


def main():
    packages, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    texts = lines(packages) + code_points()
    with (out / "texts.bin").open("wb") as file:
        for text in texts:
            file.write(struct.pack("<I", len(text.encode())) + text.encode())
    litellm = packages / "litellm/litellm_core_utils/tokenizers"
    files = {"deepseek": (litellm / "deepseek_tokenizer.json").read_text(encoding="utf-8"),
             "claude": (litellm / "anthropic_tokenizer.json").read_text(encoding="utf-8"), "clip": clip(packages)}
    for name, text in files.items():
        (out / f"{name}.json").write_text(text, encoding="utf-8")
        write_golden(out / f"{name}.golden", reference_of_json(text), texts)
    mistral = packages / "mistral_common/data"
    for name, file in {"mistral-v1": "tokenizer.model.v1", "mistral-v3": "mistral_instruct_tokenizer_240323.model.v3"}.items():
        shutil.copyfile(mistral / file, out / f"{name}.model")
        write_golden(out / f"{name}.golden", reference_of_model(mistral / file), texts)


if __name__ == "__main__":
    main()
