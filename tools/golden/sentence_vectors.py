#!/usr/bin/env python3
"""A tiny random sentence encoder with its tokenizer, and the vectors that sentence-transformers makes with it.

Usage: sentence_vectors.py OUTPUT_FOLDER [--seed N] [--layers]
                                                          (needs sentence-transformers, tokenizers, safetensors)
       sentence_vectors.py OUTPUT_FOLDER --model FOLDER --pairs FILE.jsonl [--fields premise,hypothesis]

Writes a folder as sentence-transformers does (mean pooling, normalized, texts up to 12 tokens, a prompt that is not the
default), and golden.json: texts, and for each pooling that Bantam knows the vectors before normalization; "files" holds
those that the folder itself asks for, "prompted" the same behind a prompt. With --layers, a folder with Dense and
LayerNorm modules behind pooling, and "files" alone. With --model, a link to that model and the
cosines of pairs of texts: BANTAM_GOLDEN_SENTENCES=OUTPUT_FOLDER bantam_test_generate --gtest_filter='*RealModel*'.
"""
import argparse
import json
import pathlib
import shutil
import time

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Dense, LayerNorm, Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from tiny_encoders import randomize

WORDS = "[PAD] [UNK] [CLS] [SEP] a cat sits on the mat dog ##s naps near red house query : , . ##e ##r small tree".split()
TEXTS = ["a cat sits on the mat", "The dogs nap near a red house.", "tree", "", "red, small house",
         "a cat sits on the mat near the red house, the dog naps near the tree, a small tree", "unknown words here"]
POOLINGS = {"mean": "mean", "first": "cls", "last": "lasttoken", "max": "max"}
LONGEST = 12


def write_base(folder, seed):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
                            sep_token="[SEP]", model_max_length=32).save_pretrained(folder)
    model = BertModel(BertConfig(vocab_size=len(WORDS), hidden_size=12, intermediate_size=20, num_hidden_layers=2,
                                 num_attention_heads=2, max_position_embeddings=32), add_pooling_layer=False)
    randomize(model)
    model.to(torch.bfloat16).save_pretrained(folder)


def vectors(transformer, *modules, **arguments):
    model = SentenceTransformer(modules=[transformer, *modules], device="cpu")
    return [[float(x) for x in row] for row in model.encode(TEXTS, **arguments)]


def write_pairs(options):
    rows = [json.loads(line) for line in options.pairs.read_text().splitlines()]
    texts = [row[field] for row in rows for field in options.fields.split(",")]
    model = SentenceTransformer(str(options.model), device="cpu")
    model.encode(texts[:64])
    start = time.perf_counter()
    found = model.encode(texts, convert_to_tensor=True)
    print(f"{len(texts)} texts in {time.perf_counter() - start:.2f} s on {torch.get_num_threads()} threads")
    cosines = torch.nn.functional.cosine_similarity(found[0::2].double(), found[1::2].double())
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "model").symlink_to(options.model.resolve())
    (options.folder / "golden.json").write_text(json.dumps({"texts": texts, "cosines": cosines.tolist()}) + "\n")


def write_model(folder, base, transformer, *modules, **arguments):
    model = SentenceTransformer(modules=[transformer, *modules], device="cpu", **arguments)
    model.save(str(folder / "model"), create_model_card=False)
    for path in [folder / "model" / "model.safetensors", folder / "model" / "config.json"]:
        shutil.copy(base / path.name, path)  # in bfloat16 again


def layers(width):
    modules = [Dense(width, 7, activation_function=torch.nn.GELU()),
               Dense(7, 5, bias=False, activation_function=torch.nn.Identity()), LayerNorm(5)]
    for module in modules:
        randomize(module)
    return modules


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--pairs", type=pathlib.Path)
    parser.add_argument("--fields", default="premise,hypothesis")
    options = parser.parse_args()
    if options.model:
        return write_pairs(options)
    folder, base = options.folder, options.folder / "base"
    write_base(base, options.seed)
    transformer = Transformer(str(base), max_seq_length=LONGEST, model_args=dict(torch_dtype="float32"))
    width = transformer.get_word_embedding_dimension()
    golden = {"texts": TEXTS}
    mean = Pooling(width, pooling_mode="mean")
    if options.layers:
        modules = [mean, *layers(width), Normalize()]
        golden["files"] = vectors(transformer, *modules)
        write_model(folder, base, transformer, *modules)
    else:
        for name, mode in POOLINGS.items():
            golden[name] = vectors(transformer, Pooling(width, pooling_mode=mode))
        golden["files"] = vectors(transformer, mean, Normalize())
        golden["prompted"] = vectors(transformer, mean, Normalize(), prompt="query: ")
        write_model(folder, base, transformer, mean, Normalize(), prompts={"query": "query: "})
    shutil.rmtree(base)
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
