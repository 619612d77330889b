"""Golden ids and texts of tokenizers in the files that came before tokenizer.json, from transformers' own classes.

    python tools/golden/legacy_tokenizers.py tests/golden/model/legacy_tokenizers

Needs transformers, sentencepiece and protobuf, and must not find sacremoses, with which MarianTokenizer changes quotes and dashes. Trains tiny
vocabularies on texts of our own, writes a folder each as published ones have them, and beside them rows.json: ids of a
text without special tokens around it, what they decode to, and of some texts and pairs the whole input.
"""
import io
import json
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (BartTokenizer, BertTokenizer, GPT2Tokenizer, M2M100Tokenizer, MarianTokenizer, MBart50Tokenizer, MBartTokenizer,
                          NllbTokenizer, RobertaTokenizer, T5Tokenizer, XLMRobertaTokenizer)
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M_CODES
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB_CODES

ENGLISH = [
    "The ferry leaves at seven and comes back at nine. The water is cold, the bread is warm.",
    "She said that they'll meet at the harbour; we've been there, I'm sure, it's not far. Don't you think?",
    "The train crosses the bridge while the children play on the bank of the river.",
    "A cold wind came over the water, and nobody was out on the bridge that evening.",
]
OTHERS = [
    "Der Zug fährt über die Brücke, während die Kinder am Ufer spielen. Größe, Straße, Käse.",
    "Le garçon a mangé une crêpe près de la fenêtre; où est passé l'été ?",
    "El niño corrió hacia la montaña. ¿Dónde está la señora? ¡Qué frío!",
    "Поезд идёт по мосту, а дети играют на берегу реки. Вода холодная, хлеб тёплый.",
    "水は冷たく、パンは温かい。火车驶过大桥,孩子们在河边玩耍。",
    "1234567890 12 345 3.14159 1,000,000 2024-11-30",
]
CORPUS = ENGLISH + OTHERS

LINES = [
    "", " ", "  ", "a", " a", "a ", "  a  b   c  ", "\n", "a\n\nb", "\t\tx\r\ny", "x\u00a0y", "\u3000z", "e\u0301 \u00e9 E\u0301", "ﬁ ﬂ \u212b", "\u1100\u1161\u11a8 \uac01",
    "I'M SURE THEY'LL don’t", "İi Iı ß", "The water is cold.", "the bridge over the river", "The train, the bread; the wind?", "Größe über Käse", "où est l'été ?", "¿Dónde está?",
    "Вода холодная", "水は冷たく", "火车驶过大桥", "don't can't won't I've he'd we'll", "word.word,word", "3.14159 and 1,000", "😀 🎉", "https://example.org/a?b=c", "x\u200by", "▁ a▁b",
    "##ing in##g", "naïve café", "ＦＵＬＬ ｗｉｄｔｈ", "½ …", "a" * 60, "ab" * 30, "." * 9, "children playing", "Nobody was out", "coming back at seven", "strasse", "MIXED Case Text", "_a_b__c", "\"quoted\" ‘text’",
]


def random_lines(count):
    rng = random.Random(3)
    words = " ".join(CORPUS).split()
    for _ in range(count):
        text = ""
        for _ in range(rng.randint(2, 7)):
            word = rng.choice(words)
            if rng.random() < 0.3:
                word = word[rng.randrange(len(word)):] + rng.choice(["x", "é", "Z", "不", "!"])
            text += word + rng.choice([" ", " ", " ", "  ", "", "\n"])
        yield text


TEXTS = list(dict.fromkeys(LINES + list(random_lines(55))))
# No second text is empty: transformers takes that for none.
PAIRS = [("The water", "is cold"), ("", "."), ("The bridge.", "the bank"), (" a ", "b c"), ("où", "Вода холодная")]


def write_json(path, value, indent=None):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def decoded(tokenizer, ids):
    """Without special tokens, around which the classes in Python put spaces of their own, with unknowns."""
    return {"ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)}


def write_rows(folder, tokenizer, specials, answers=()):
    """`specials`: lines with special tokens in them, recognized."""
    rows = [{"text": text} | decoded(tokenizer, tokenizer.encode(text, add_special_tokens=False)) for text in TEXTS + list(specials)]
    for first, second in [(text, None) for text in TEXTS[:12]] + PAIRS:
        encoding = tokenizer(first, second, return_token_type_ids=True) if second is not None else tokenizer(first, return_token_type_ids=True)
        row = {"first": first, "second": second, "ids": encoding["input_ids"]}
        # The classes in Python, whose models read no types, count a separator that is not there.
        rows.append(row | {"type_ids": encoding["token_type_ids"]} if tokenizer.is_fast else row)
    rows += [decoded(tokenizer, tokenizer(text_target=text, add_special_tokens=False)["input_ids"]) for text in answers]
    body = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    (folder / "rows.json").write_text(f"[\n{body}\n]\n", encoding="utf-8")


def token(content, lstrip=False, normalized=True, special=None):
    entry = {"content": content, "lstrip": lstrip, "normalized": normalized, "rstrip": False, "single_word": False}
    return entry if special is None else entry | {"special": special}


def word_piece_vocabulary(lowercase, size):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=size, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
                                                                    show_progress=False))
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.get)


def bert(out):
    for name, settings in (("bert_uncased", {"do_lower_case": True, "tokenizer_class": "BertTokenizer"}),
                           ("bert_cased", {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False})):
        folder = out / name
        folder.mkdir()
        lines = word_piece_vocabulary(settings["do_lower_case"], 420)
        (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        write_json(folder / "tokenizer_config.json", settings)
        if name == "bert_cased":
            write_json(folder / "config.json", {"model_type": "bert"})
            write_json(folder / "added_tokens.json", {"ferryman": len(lines), "[ENT]": len(lines) + 1})
            write_json(folder / "special_tokens_map.json", {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]",
                                                            "extra_special_tokens": ["[ENT]"]})
        write_rows(folder, BertTokenizer.from_pretrained(folder), ["a [MASK] b", "[CLS] x [SEP]", "the ferryman [ENT] came"])


def byte_pairs(folder, special):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=special,
                                                              show_progress=False))
    folder.mkdir()
    parts = json.loads(tokenizer.to_str())["model"]
    write_json(folder / "vocab.json", parts["vocab"])
    merges = [" ".join(merge) for merge in parts["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2"] + merges) + "\n", encoding="utf-8")
    return len(parts["vocab"])


def byte_level(out):
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    folder = out / "gpt2"
    size = byte_pairs(folder, ["<|endoftext|>"])
    write_json(folder / "config.json", {"model_type": "gpt2"})
    write_json(folder / "added_tokens.json", {"<|user|>": size, "harbourmaster": size + 1})
    write_rows(folder, GPT2Tokenizer.from_pretrained(folder), ["a<|endoftext|>b", "the harbourmaster x"])
    folder = out / "opt"  # GPT-2's class with other names
    byte_pairs(folder, ["<s>", "<pad>", "</s>", "<unk>"])
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "add_prefix_space": True} |
               {key: token("</s>") | {"__type": "AddedToken"} for key in ("bos_token", "eos_token", "unk_token")} | {"pad_token": "<pad>"})
    write_rows(folder, GPT2Tokenizer.from_pretrained(folder), ["a</s>b"])
    folder = out / "roberta"
    byte_pairs(folder, special)
    write_json(folder / "config.json", {"model_type": "roberta"})
    write_json(folder / "special_tokens_map.json", {"bos_token": token("<s>"), "eos_token": token("</s>"), "sep_token": token("</s>"), "cls_token": token("<s>"),
                                                    "unk_token": token("<unk>"), "pad_token": token("<pad>"), "mask_token": token("<mask>", lstrip=True)})
    write_rows(folder, RobertaTokenizer.from_pretrained(folder), ["a <mask> b", "<s>x</s>"])
    folder = out / "bart"
    byte_pairs(folder, special)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BartTokenizerFast", "add_prefix_space": True,
                                                  "mask_token": token("<mask>", lstrip=True) | {"__type": "AddedToken"}})
    write_rows(folder, BartTokenizer.from_pretrained(folder), ["a <mask> b", "<s>x</s>"])


RULES = {"ﬁ": "fi", "ﬂ": "fl", "Ａ": "A", "Ｕ": "U", "ｉ": "i", "\u3000": " ", "\u00a0": " ", "\u00ad": "", "e\u0301": "é", "½": "1/2", "…": "...", "\t": " ", "\n": " ",
         "\u200b": " "}


def pieces(texts, size, kind, rules=RULES, **settings):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as tsv:
        for source, target in rules.items():
            tsv.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
        tsv.flush()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=model, vocab_size=size, model_type=kind, normalization_rule_tsv=tsv.name,
                                                 hard_vocab_limit=False, minloglevel=2, num_threads=1, character_coverage=0.98, **settings)
    return model.getvalue()


def t5(out):
    numbering = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
    for name, config, settings in (("t5", {"model_type": "t5"}, {}),
                                   ("t5_extra", {}, {"tokenizer_class": "T5Tokenizer", "extra_ids": 3, "additional_special_tokens": [f"<extra_id_{i}>" for i in range(3)]})):
        folder = out / name
        folder.mkdir()
        (folder / "spiece.model").write_bytes(pieces(CORPUS, 300, "unigram", **numbering))
        write_json(folder / "config.json", config)
        write_json(folder / "tokenizer_config.json", settings)
        write_rows(folder, T5Tokenizer.from_pretrained(folder), ["a <extra_id_0> b<extra_id_2>", "x</s> y"])


def t5_bytes(out):
    """transformers 5 ignores byte pieces (mT5 has them); sentencepiece itself is the reference."""
    folder = out / "t5_bytes"
    folder.mkdir()
    model = pieces(CORPUS, 560, "unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, byte_fallback=True)
    (folder / "spiece.model").write_bytes(model)
    write_json(folder / "config.json", {"model_type": "mt5"})
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    texts = [text for text in TEXTS if not re.search("[\u1100\u0301\r▁]", text)]  # which `tokenizers` normalizes otherwise
    rows = [{"text": text, "ids": processor.encode(text), "decoded": processor.decode(processor.encode(text))} for text in texts]
    body = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    (folder / "rows.json").write_text(f"[\n{body}\n]\n", encoding="utf-8")


def fairseq(out):
    # transformers 5 normalizes nothing for MBartTokenizer, whatever the model says.
    unigram, bpe = pieces(CORPUS, 300, "unigram"), pieces(CORPUS, 330, "bpe")
    for name, cls, model, settings in (("xlm_roberta", XLMRobertaTokenizer, unigram, {}),
                                       ("mbart", MBartTokenizer, pieces(CORPUS, 300, "unigram", {"\ue000": "\ue001"}), {"src_lang": "de_DE"}),
                                       ("mbart_50", MBart50Tokenizer, unigram, {"src_lang": "fr_XX"}),
                                       ("nllb", NllbTokenizer, bpe, {}),
                                       ("nllb_legacy", NllbTokenizer, bpe, {"legacy_behaviour": True, "src_lang": "fra_Latn"})):
        folder = out / name
        folder.mkdir()
        (folder / "sentencepiece.bpe.model").write_bytes(model)
        settings = {"tokenizer_class": cls.__name__} | settings
        if cls is NllbTokenizer:  # whose ids transformers 5 takes from this list only
            count = sentencepiece.SentencePieceProcessor(model_proto=model).get_piece_size() + 1
            listed = ["<s>", "<pad>", "</s>", "<unk>"]
            settings["added_tokens_decoder"] = {str(i): token(text, False, False, True) for i, text in enumerate(listed)}
            settings["added_tokens_decoder"] |= {str(count + i): token(code, False, False, True) for i, code in enumerate(NLLB_CODES)}
            settings["added_tokens_decoder"] |= {str(count + len(NLLB_CODES)): token("<mask>", True, True, True)}
        else:
            write_json(folder / "special_tokens_map.json", {"mask_token": token("<mask>", lstrip=True)})
        write_json(folder / "tokenizer_config.json", settings)
        write_rows(folder, cls.from_pretrained(folder), ["a <mask> b", "<s>x</s>"])


def marian(out):
    folder = out / "marian"
    folder.mkdir()
    source, target = pieces(ENGLISH + OTHERS[3:], 240, "unigram"), pieces(OTHERS[:3], 160, "unigram")
    (folder / "source.spm").write_bytes(source)
    (folder / "target.spm").write_bytes(target)
    texts = {}
    for model in (source, target):
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        texts |= {processor.id_to_piece(i): None for i in range(3, processor.get_piece_size())}
    left_out = ["▁water", "▁the", "s", "е"]  # pieces that vocab.json lacks
    listed = ["</s>", "<unk>"] + [text for text in texts if text not in left_out] + [">>fra<<", ">>deu<<", "<pad>"]
    random.Random(1).shuffle(listed)
    write_json(folder / "vocab.json", {text: i for i, text in enumerate(listed)})
    write_json(folder / "tokenizer_config.json", {"source_lang": "en", "target_lang": "ROMANCE", "model_max_length": 512})
    write_json(folder / "config.json", {"model_type": "marian"})
    # The answers take pieces that only target.spm has.
    write_rows(folder, MarianTokenizer.from_pretrained(folder), ["a</s>b", ">>fra<< The water is cold.", ">>deu<<the bread"], OTHERS[:3])


def m2m(out):
    for name, kind, settings in (("m2m_100", "bpe", {"src_lang": "fr"}), ("m2m_unigram", "unigram", {"language_codes": "wmt21"})):
        folder = out / name
        folder.mkdir()
        model = pieces(CORPUS, 330, kind)
        (folder / "sentencepiece.bpe.model").write_bytes(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        texts = [processor.id_to_piece(i) for i in range(3, processor.get_piece_size())]
        random.Random(2).shuffle(texts)
        if kind == "bpe":
            texts = [text for text in texts if text not in ("▁wa", "th", "ri", "s")]
        write_json(folder / "vocab.json", {text: i for i, text in enumerate(["<s>", "<pad>", "</s>", "<unk>"] + texts)}, 2)
        tokens = [f"__{code}__" for code in M2M_CODES[settings.get("language_codes", "m2m100")]]
        write_json(folder / "tokenizer_config.json", {"tokenizer_class": "M2M100Tokenizer"} | settings)
        write_json(folder / "special_tokens_map.json", {"additional_special_tokens": tokens})
        write_rows(folder, M2M100Tokenizer.from_pretrained(folder), ["a</s>b", "__en__ the water"])


def main():
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for make in (bert, byte_level, t5, t5_bytes, fairseq, marian, m2m):
        make(out)


if __name__ == "__main__":
    main()
