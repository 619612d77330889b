"""Golden ids, offsets and decoded texts for every kind and part of tokenizer.json, from the `tokenizers` library.

    python tools/golden/tokenizer_kinds.py tests/golden/text

Trains small tokenizers of each kind on texts of our own in twenty languages and code (kinds), makes one for each setting
of each part (parts), and writes what they make of tricky lines. Needs the packages tokenizers and sentencepiece (for one
charsmap). Offsets are of bytes.
"""
import io
import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "The ferry leaves at seven and comes back at nine. The water is cold, the bread is warm; they'll be there, it's not far.",
    "def add(first, second):\n    return first + second\n\nfor item in range(10):\n\tprint(item, add(item, 1))  # done",
    "Der Zug fährt über die Brücke, während die Kinder am Ufer spielen. Größe, Straße, Käse.",
    "Le garçon a mangé une crêpe près de la fenêtre; où est passé l'été ?",
    "El niño corrió hacia la montaña. ¿Dónde está la señora? ¡Qué frío!",
    "O pão está quente e a água está fria; não é longe, amanhã voltaremos.",
    "Il treno attraversa il ponte mentre i bambini giocano sulla riva. Perché no? Così è.",
    "Pociąg jedzie przez most, a dzieci bawią się na brzegu. Żółć, gęś, łódź.",
    "Vlak jede přes most a děti si hrají na břehu řeky. Příliš žluťoučký kůň.",
    "Tren köprüden geçiyor, çocuklar kıyıda oynuyor. İstanbul, ığdır, şeker.",
    "Tàu chạy qua cầu, trẻ em chơi bên bờ sông. Nước lạnh, bánh mì ấm.",
    "Поезд идёт по мосту, а дети играют на берегу реки. Вода холодная, хлеб тёплый.",
    "Το τρένο περνά τη γέφυρα και τα παιδιά παίζουν στην όχθη. Ψωμί ζεστό.",
    "הרכבת חוצה את הגשר והילדים משחקים על גדת הנהר.",
    "القطار يعبر الجسر والأطفال يلعبون على ضفة النهر.",
    "रेलगाड़ी पुल पार करती है और बच्चे नदी के किनारे खेलते हैं।",
    "รถไฟข้ามสะพานและเด็กๆ เล่นอยู่ริมฝั่งแม่น้ำ น้ำเย็น ขนมปังอุ่น",
    "水は冷たく、パンは温かい。子供たちは川で遊んでいる。ﾊﾝｶｸ",
    "火车驶过大桥,孩子们在河边玩耍。水很冷，面包很热。",
    "기차가 다리를 건너고 아이들은 강가에서 놀고 있다.",
    "1234567890 12 345 3.14159 1,000,000 2024-11-30 0x1F +49 30 901820 ½ ² № ①",
    "😀 🎉 👩‍👩‍👧 🇫🇷 ❤️ ✅ — “quoted” ‘text’ … • € £ ¥",
]

LINES = [
    "", " ", "  ", "a", " a", "a ", "  a  b   c  ", "\n", "a\n\nb", "\t\tx\r\ny", "x\u00a0y", "\u3000z", "a\u0085b\u2028c",
    "e\u0301 \u00e9 E\u0301", "o\u0302\u0323 \u1e69", "ﬁ ﬂ \u212b \ufdfa", "\u1100\u1161\u11a8 \uac01", "a" + "\u0301" * 5 + "b",
    "\u0915\u094d\u0937 \u0958", "I'M SURE THEY'LL don’t x's", "İi Iı ẞ ß ǅ ΑΣ Σ", "<s>", "</s>", "a<s>b</s> c", "<s><s>", "<unk>", "[CLS] [SEP]",
    "[MASK]", " [MASK] ", "x [MASK]y", "<mask> a<mask>  b", "word a word b words sword", "wörd word", "WORD", "<tool>x</tool>", "<TOOL>", "é<tool>é",
    "▁", "▁a ▁▁b", "a▁b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ab" * 30, "." * 20, "-" * 9 + "=" * 9, "_a_b__c", "##ing in##g",
    "if (x <= 3) { y += \"z\"; }  // done", "https://example.org/a?b=c&d=%20#e", "C:\\dir\\file.txt", "$x_1 = {a: [1, 2]}", "<0x41><0xE2>", "x\x00y\x01\x7f\x1b[0m",
    "\u200b\u200d\ufeffz\u00ad", "\ue000 \U000f0000 \U0010ffff", "\U00020000 𠮷 漢字かな カナ", "٣٤ ४५ Ⅷ ½", "👩‍👩‍👧‍👦 🇫🇷🇩🇪 👍🏽 ❤️", "a,b;c.d!e?f", "，。！？「」", "Hello, y'all! How are you 😁 ?",
    "naïve café coöperate Ångström", "don't can't won't I've he'd we'll", "ΚΑΛΗΜΈΡΑ καλημέρα", "ПРИВЕТ привет ёЁ", "१२३ हिन्दी में", "ไทย ไม่มี ช่องว่าง",
]


def random_lines(count):
    rng = random.Random(11)
    blocks = [(0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x2FF), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F),
              (0x1100, 0x11FF), (0x2000, 0x206F), (0x3040, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xADFF), (0xFF00, 0xFFEF), (0x1F300, 0x1F64F)]
    for _ in range(count):
        text = ""
        for _ in range(rng.randint(1, 5)):
            low, high = rng.choice(blocks)
            text += "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 4)))
            text += rng.choice(["", " ", "  ", "<s>", "word", " ▁", "\n"])
        yield text


RULES = {"ﬁ": "fi", "ﬂ": "fl", "Ａ": "A", "ａ": "a", "\u3000": " ", "\u00a0": " ", "\u00ad": "", "e\u0301": "é", "½": "1/2", "…": "...", "\t": " ",
         "\u2028": " ", "ﷺ": "صلى الله", "か\u3099": "が", "\u200b": " "}


def sentence_piece_model(**settings):
    """The bytes of a model trained on CORPUS with a small charsmap: a few ligatures, full-width letters, spaces, one
    removal, entries of two characters."""
    import sentencepiece
    import tempfile
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as tsv:
        for source, target in RULES.items():
            tsv.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
        tsv.flush()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_writer=model, normalization_rule_tsv=tsv.name,
                                                 hard_vocab_limit=False, minloglevel=2, **settings)
    return model.getvalue()


def charsmap():
    return sentencepiece_charsmap(sentence_piece_model(vocab_size=450, model_type="unigram"))


def sentence_piece_rows(model, lines):
    import sentencepiece
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    for text in lines:
        yield {"text": text, "ids": processor.encode(text)}


def sentence_piece_kinds():
    user = ["word", "▁▁▁", "<tool>", "é<x>"]
    yield "bpe", sentence_piece_model(vocab_size=500, model_type="bpe", user_defined_symbols=user, character_coverage=0.98)
    yield "bpe_bytes", sentence_piece_model(vocab_size=700, model_type="bpe", byte_fallback=True, user_defined_symbols=user, character_coverage=0.98,
                                            remove_extra_whitespaces=False)
    yield "unigram", sentence_piece_model(vocab_size=450, model_type="unigram", user_defined_symbols=user, character_coverage=0.98)
    yield "unigram_bytes", sentence_piece_model(vocab_size=680, model_type="unigram", byte_fallback=True, character_coverage=0.98, add_dummy_prefix=False)


def sentencepiece_charsmap(proto):
    """normalizer_spec (field 3) . precompiled_charsmap (field 2)."""
    return bytes_field(bytes_field(proto, 3), 2)


def bytes_field(data, wanted):
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = varint()
        if key & 7 == 2:
            length = varint()
            if key >> 3 == wanted:
                return data[at:at + length]
            at += length
        elif key & 7 == 5:
            at += 4
        else:
            varint()
    return b""


ADDED = [AddedToken("<mask>", lstrip=True, rstrip=False, special=True, normalized=False),
         AddedToken("word", single_word=True, special=False, normalized=True),
         AddedToken("<tool>", special=False, normalized=True),
         AddedToken("  b", special=False, normalized=False)]


def trained(model, trainer, **parts):
    tokenizer = Tokenizer(model)
    for name, part in parts.items():
        if part is not None:
            setattr(tokenizer, name, part)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def byte_pieces():
    return [f"<0x{byte:02X}>" for byte in range(256)]


def kinds():
    special = ["<unk>", "<s>", "</s>"]
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="always")
    map_bytes = charsmap()

    t = trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=500, special_tokens=special, unk_token="<unk>", show_progress=False),
                normalizer=normalizers.Sequence([normalizers.Precompiled(map_bytes), normalizers.Replace(Regex(" {2,}"), " ")]),
                pre_tokenizer=metaspace, decoder=decoders.Metaspace(prepend_scheme="always"))
    t.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B:1 </s>:1", [("</s>", 2)])
    t.add_tokens(ADDED)
    yield "unigram", t

    base = trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=520, special_tokens=special, unk_token="<unk>", show_progress=False), pre_tokenizer=metaspace)
    pieces = json.loads(base.to_str())["model"]["vocab"]
    t = Tokenizer(models.Unigram([tuple(piece) for piece in pieces[:200]] + [(piece, 0.0) for piece in byte_pieces()], 0, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.add_special_tokens(["<s>", "</s>"])
    yield "unigram_bytes", t

    t = trained(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=30),
                trainers.WordPieceTrainer(vocab_size=600, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False),
                normalizer=normalizers.BertNormalizer(), pre_tokenizer=pre_tokenizers.BertPreTokenizer(), decoder=decoders.WordPiece())
    t.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)])
    yield "bert", t

    t = trained(models.BPE(unk_token="<unk>", fuse_unk=True), trainers.BpeTrainer(vocab_size=550, special_tokens=special + byte_pieces(), show_progress=False),
                pre_tokenizer=metaspace)
    parts = json.loads(t.to_str())
    parts["model"]["byte_fallback"] = True
    parts["added_tokens"] = [token for token in parts["added_tokens"] if not token["content"].startswith("<0x")]
    parts["pre_tokenizer"] = None
    t = Tokenizer.from_str(json.dumps(parts))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s>:1 $B:1", [("<s>", 1)])
    t.add_tokens(ADDED[:1])
    yield "llama", t

    clip = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    t = trained(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix=""),
                trainers.BpeTrainer(vocab_size=800, special_tokens=["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>", show_progress=False,
                                    initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
                normalizer=normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]),
                pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(clip), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
                decoder=decoders.Sequence([decoders.ByteLevel(), decoders.Replace("</w>", " ")]))
    t.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False)
    yield "clip", t

    t = trained(models.BPE(unk_token="<unk>", continuing_subword_prefix="@@"),
                trainers.BpeTrainer(vocab_size=500, special_tokens=special, continuing_subword_prefix="@@", limit_alphabet=120, show_progress=False),
                normalizer=normalizers.NFKC(), pre_tokenizer=pre_tokenizers.Whitespace(), decoder=decoders.BPEDecoder("</w>"))
    t.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 1))
    yield "prefixed", t

    t = trained(models.BPE(), trainers.BpeTrainer(vocab_size=550, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False,
                                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
                pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True), decoder=decoders.ByteLevel())
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    yield "roberta", t

    t = trained(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(vocab_size=250, special_tokens=special, show_progress=False),
                normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()]),
                pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits(individual_digits=True)]))
    t.add_tokens(ADDED[:3])
    yield "words", t


PART_LINES = ["", " ", "Hello  World! ", "\ta b\u3000c\n", "ﬁn é e\u0301 Å\u030a", "a-b--c---", "x1y22 ٣४ ½", "漢字かなカナー abc 한국 привет", "'s I'm it’s_a #$%^ «»",
              "\x00\x07\u200b\ufeff\ufffd\u2581z", "İ ΣΑΣ ẞ", "aXbXXc", "🇫🇷👩‍👩‍👧 ❤️x"]


def parts():
    """(name, tokenizer) for each setting of each part: normalizers show in characters, pre-tokenizers in words."""
    alphabet = sorted(set("".join(CORPUS) + "".join(PART_LINES) + "▁"))
    characters = {token: i for i, token in enumerate(byte_pieces() + [c for c in alphabet if ord(c) < 0x250 or c == "▁"])}
    words = {token: i for i, token in enumerate(["<unk>", "Hello", "World", "!", "a", "b", "c", "x", "-", "--", " ", "▁a", "▁"])}

    def showing(model, **settings):
        tokenizer = Tokenizer(model)
        for name, part in settings.items():
            setattr(tokenizer, name, part)
        return tokenizer
    N, P = normalizers, pre_tokenizers
    map_bytes = charsmap()
    for name, part in {
            "NFC": N.NFC(), "NFD": N.NFD(), "NFKC": N.NFKC(), "NFKD": N.NFKD(), "Lowercase": N.Lowercase(), "Strip": N.Strip(), "Strip left": N.Strip(right=False),
            "Strip right": N.Strip(left=False), "StripAccents": N.StripAccents(), "NFD StripAccents": N.Sequence([N.NFD(), N.StripAccents()]), "Nmt": N.Nmt(),
            "Bert": N.BertNormalizer(), "Bert accents": N.BertNormalizer(strip_accents=True, lowercase=False, handle_chinese_chars=False),
            "Bert case": N.BertNormalizer(clean_text=False, strip_accents=False), "Prepend": N.Prepend("▁▁"), "Replace": N.Replace("--", "+"),
            "Replace pattern": N.Replace(Regex(r"\s+|X"), "_"), "Replace nothing": N.Replace("a", ""), "Precompiled": N.Precompiled(map_bytes),
            "ByteLevel": N.ByteLevel(), "nested": N.Sequence([N.Sequence([N.Strip(), N.NFKC()]), N.Sequence([]), N.Lowercase()])}.items():
        yield "normalizer " + name, showing(models.BPE(characters, [], byte_fallback=True), normalizer=part)
    for name, part in {
            "ByteLevel": P.ByteLevel(add_prefix_space=False), "ByteLevel prefix": P.ByteLevel(add_prefix_space=True), "ByteLevel whole": P.ByteLevel(add_prefix_space=True, use_regex=False),
            "Whitespace": P.Whitespace(), "WhitespaceSplit": P.WhitespaceSplit(), "Metaspace": P.Metaspace(), "Metaspace first": P.Metaspace(prepend_scheme="first"),
            "Metaspace never": P.Metaspace(prepend_scheme="never"), "Metaspace whole": P.Metaspace(split=False), "Bert": P.BertPreTokenizer(), "Punctuation": P.Punctuation(),
            "Punctuation next": P.Punctuation("merged_with_next"), "Digits": P.Digits(), "Digits each": P.Digits(individual_digits=True), "Delimiter": P.CharDelimiterSplit("X"),
            "Scripts": P.UnicodeScripts(), "FixedLength": P.FixedLength(length=3),
            "Sequence": P.Sequence([P.WhitespaceSplit(), P.Split("-", "merged_with_previous"), P.Digits()])}.items():
        yield "pre_tokenizer " + name, showing(models.WordLevel(words, "<unk>"), pre_tokenizer=part)
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        for invert in [False, True]:
            yield f"pre_tokenizer Split {behavior} {invert}", showing(models.WordLevel(words, "<unk>"), pre_tokenizer=P.Split(Regex(r"-|X"), behavior, invert))
    yield "pre_tokenizer Split text", showing(models.WordLevel(words, "<unk>"), pre_tokenizer=P.Split("a-", "isolated"))


TOKENS = ["▁Hey", "▁▁", "there", "##ing", ".", "▁", "a</w>", "b", "<0xE2>", "<0x96>", "<0x81>", "<0xFF>", "<pad>", "<pad>", "h", "h", "|", "Ġx", "Ã©", "'s", "▁n't", " do", " do not", "  x  ", "é"]


def decoding():
    D = decoders
    for name, part in {
            "none": None, "ByteLevel": D.ByteLevel(), "WordPiece": D.WordPiece(), "WordPiece raw": D.WordPiece("##", cleanup=False), "Metaspace": D.Metaspace(),
            "Metaspace never": D.Metaspace(prepend_scheme="never"), "BPEDecoder": D.BPEDecoder(), "ByteFallback": D.ByteFallback(), "Fuse": D.Fuse(), "Strip": D.Strip(" ", 1, 1),
            "Replace": D.Replace("▁", " "), "Replace pattern": D.Replace(Regex(r"\s+"), "_"), "CTC": D.CTC(), "CTC raw": D.CTC(cleanup=False),
            "Sequence": D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])}.items():
        tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(dict.fromkeys(TOKENS))}, "▁"))
        if part is not None:
            tokenizer.decoder = part
        yield name, tokenizer


def byte_offsets(text, encoding):
    ends = [0]
    for c in text:
        ends.append(ends[-1] + len(c.encode()))
    return [number for i, (begin, end) in zip(encoding.ids, encoding.offsets) for number in (i, ends[begin], ends[end])]


def row(tokenizer, text):
    encoding = tokenizer.encode(text, add_special_tokens=False)
    decoded = tokenizer.decode(encoding.ids, skip_special_tokens=False)
    return {"text": text, "tokens": byte_offsets(text, encoding)} | ({"decoded": decoded} if decoded != text else {})


def without_post_processor(tokenizer):
    """It trims offsets even where it adds no tokens."""
    return Tokenizer.from_str(json.dumps(json.loads(tokenizer.to_str()) | {"post_processor": None}))


def pair_row(tokenizer, first, second):
    """In ASCII, so that offsets count bytes."""
    encoding = tokenizer.encode(first, second) if second is not None else tokenizer.encode(first)
    return {"first": first, "second": second, "ids": encoding.ids, "type_ids": encoding.type_ids, "special": encoding.special_tokens_mask,
            "offsets": [end for offset in encoding.offsets for end in offset]}


def write(path, rows):
    body = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    path.write_text(f"[\n{body}\n]\n", encoding="utf-8")


def write_parts(path, entries):
    """Each model once, then what differs from case to case."""
    shared, rows = [], []
    for name, tokenizer, expected in entries:
        parts = json.loads(tokenizer.to_str())
        model = parts.pop("model")
        if model not in shared:
            shared.append(model)
        rows.append({"name": name, "model": shared.index(model), "parts": {key: part for key, part in parts.items() if part}, "rows": expected})
    write(path, [{"models": shared}] + rows)


def main():
    out = Path(sys.argv[1])
    lines = list(dict.fromkeys(LINES + list(random_lines(26))))
    for name, tokenizer in kinds():
        (out / f"kind_{name}.json").write_text(tokenizer.to_str(pretty=False), encoding="utf-8")
        plain = without_post_processor(tokenizer)
        rows = [row(plain, text) for text in lines]
        pairs = [pair_row(tokenizer, first, second) for first, second in [("The water", None), ("The water", "is cold"), ("", None), ("", ""), (" a ", "b c")]]
        write(out / f"kind_{name}_rows.json", rows + pairs)
    for name, model in sentence_piece_kinds():
        (out / f"sentence_piece_{name}.model").write_bytes(model)
        write(out / f"sentence_piece_{name}_rows.json", sentence_piece_rows(model, lines))
    write_parts(out / "parts.json", ((name, tokenizer, [row(tokenizer, text) for text in PART_LINES]) for name, tokenizer in parts()))
    rng = random.Random(5)
    runs = [list(range(len(dict.fromkeys(TOKENS))))] + [[rng.randrange(22) for _ in range(6)] for _ in range(8)]
    write_parts(out / "decoders.json", ((name, tokenizer, [{"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False)} for ids in runs])
                                        for name, tokenizer in decoding()))


if __name__ == "__main__":
    main()
