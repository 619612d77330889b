"""Golden ids for the text room, from the `tokenizers` library.

    python tools/golden/text_tokenizer.py tests/golden/text

Trains two tiny byte-level BPE tokenizers on a short text of our own, one for each shape of tokenizer.json in use
(ByteLevel with its own pattern, after digits; Split with a pattern from the file, after NFC), and writes their files
and the ids of a few hundred strings.
"""
import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = [
    "The ferry leaves at seven and comes back at nine. The water is cold, the bread is warm.",
    "She said that they'll meet at the harbour; we've been there, I'm sure, it's not far. Don't you think?",
    "def add(first, second):\n    return first + second\n\nfor item in range(10):\n    print(item, add(item, 1))\n",
    "Der Zug fährt über die Brücke, während die Kinder am Ufer spielen. Größe, Straße, Käse.",
    "Le garçon a mangé une crêpe près de la fenêtre; où est passé l'été ?",
    "El niño corrió hacia la montaña. ¿Dónde está la señora? ¡Qué frío!",
    "Поезд идёт по мосту, а дети играют на берегу реки. Вода холодная, хлеб тёплый.",
    "水は冷たく、パンは温かい。子供たちは川で遊んでいる。",
    "火车驶过大桥,孩子们在河边玩耍。水很冷,面包很热。",
    "기차가 다리를 건너고 아이들은 강가에서 놀고 있다.",
    "القطار يعبر الجسر والأطفال يلعبون على ضفة النهر.",
    "रेलगाड़ी पुल पार करती है और बच्चे नदी के किनारे खेलते हैं।",
    "1234567890 12 345 3.14159 1,000,000 2024-11-30 0x1F +49 30 901820",
    "😀 🎉 👩‍👩‍👧 🇫🇷 ❤️ ✅ — “quoted” ‘text’ … • € £ ¥ ½ ² №",
]

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def strings():
    yield from CORPUS
    for code in range(1, 128):
        yield chr(code)
        yield f"a{chr(code)}b"
    yield from ["", " ", "  ", "   x", "x   ", " \n ", "\n\n\n", "\t\tx", "\r\n", "x\u00a0y", "\u3000", "a\u0085b", "\u2028"]
    yield from ["e\u0301", "\u00e9", "o\u0302\u0323", "\u1e69", "\ufb01", "\u212b", "\u1100\u1161\u11a8", "\uac01", "\ufdfa",
                "a" + "\u0301" * 40, "\u0915\u093c", "\u0958", "\u2126", "q\u0307\u0323", "\u0344"]
    yield from ["I'M SURE THEY'LL", "it's", "x's y'S z'ſ", "don’t", "'", "''s", "'re're"]
    yield from ["<|end|>", "a<|end|>b", "<|end|><|end|>", "<|end", "  <|strip|>  x", "x<|strip|>", "word", "a word b", "words",
                "<tool>x</tool>", "\u00e9<|end|>e\u0301"]
    yield from ["a" * 200, "ab" * 150, " " * 90, "\n" * 70, "^" * 100, "_" * 77, "ha" * 64 + "!"]
    yield from ["if (x <= 3) { y += \"z\"; }  // done", "https://example.org/a?b=c&d=%20#e", "C:\\dir\\file.txt", "$x_1 = {a: [1, 2]}"]
    rng = random.Random(7)
    blocks = [(0x20, 0x7E), (0xA0, 0x2FF), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F),
              (0x1100, 0x11FF), (0x2000, 0x206F), (0x3040, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xADFF), (0x1F300, 0x1F64F)]
    for _ in range(150):
        text = ""
        for _ in range(rng.randint(1, 12)):
            low, high = rng.choice(blocks)
            text += "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 5)))
            text += rng.choice(["", " ", "  ", "\n", "7"])
        yield text


def train(pre_tokenizer, normalizer, added, ignore_merges):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=["<|end|>", "<|begin|>"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens(added)
    return tokenizer


def main():
    out = Path(sys.argv[1])
    plain = train(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                           pre_tokenizers.ByteLevel(add_prefix_space=False)]), None, [], False)
    split = train(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                           pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]),
                  normalizers.NFC(),
                  [AddedToken("<|strip|>", lstrip=True, rstrip=True, special=True, normalized=False),
                   AddedToken("word", single_word=True, special=False, normalized=True),
                   AddedToken("<tool>", special=False, normalized=False)], True)
    for name, tokenizer in (("tiny_digits", plain), ("tiny_split", split)):
        (out / f"{name}.json").write_text(tokenizer.to_str(pretty=False), encoding="utf-8")
        rows = []
        for text in dict.fromkeys(strings()):
            tokenizer.encode_special_tokens = True
            literal = tokenizer.encode(text, add_special_tokens=False).ids
            tokenizer.encode_special_tokens = False
            parsed = tokenizer.encode(text, add_special_tokens=False).ids
            rows.append({"text": text, "ids": literal} | ({"parsed": parsed} if parsed != literal else {}))
        body = ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows)
        (out / f"{name}_ids.json").write_text(f"[\n{body}\n]\n", encoding="utf-8")


main()
