"""Golden merges and vocabularies of trained tokenizers, from the `tokenizers` library.

    python tools/golden/tokenizer_training.py tests/golden/text

Trains BPE and WordPiece on texts of our own in twenty languages and on random words of few letters, in which many pairs are
equally frequent and one text is often made in two ways; and Unigram, of which only the likelihood of its training text is kept.
"""
import json
import math
import random
import sys
from pathlib import Path

from tokenizer_kinds import CORPUS
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())


def weighted_corpus():
    """Texts that occur one to seven times, so that counts differ."""
    return [text for i, text in enumerate(CORPUS) for _ in range(1 + i * 5 % 7)]


def random_words(seed, letters, count):
    rng = random.Random(seed)
    words = {}
    for _ in range(count):
        words["".join(rng.choice(letters) for _ in range(rng.randint(1, 12)))] = rng.randint(1, 9)
    return dict(sorted(words.items()))


def by_id(vocabulary):
    return [token for token, _ in sorted(vocabulary.items(), key=lambda entry: entry[1])]


def bpe(texts, size, frequency, use_regex):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=frequency, special_tokens=["<|endoftext|>"], initial_alphabet=BYTES,
                                  show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return {"size": size, "frequency": frequency, "tokens": by_id(model["vocab"])[257:], "merges": [" ".join(pair) for pair in model["merges"]]}


def words_as_texts(words):
    return [word for word, count in words.items() for _ in range(count)]


def word_piece(texts, size, frequency, limit):
    """The library numbers "##" characters in the order of a hash table; given as special tokens, they have fixed ids."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    counts, inside = {}, set()
    for text in texts:
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            for i, character in enumerate(word):
                counts[character] = counts.get(character, 0) + 1
                if i:
                    inside.add(character)
    frequent = sorted(counts, key=lambda character: (-counts[character], character))
    while limit < len(frequent) and counts[frequent[limit - 1]] == counts[frequent[limit]]:
        limit -= 1  # the library leaves it to its hash table which of equally frequent characters stay
    alphabet = sorted(frequent[:limit])
    first = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + alphabet + ["##" + character for character in alphabet if character in inside]
    trainer = trainers.WordPieceTrainer(vocab_size=size, min_frequency=frequency, limit_alphabet=limit, special_tokens=first,
                                        show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return {"size": size, "frequency": frequency, "limit": limit, "tokens": by_id(tokenizer.get_vocab())[5:]}


def log_sum(values):
    most = max(values)
    return most + math.log(sum(math.exp(value - most) for value in values))


def unigram(texts, size):
    """Nats of the best segmentation of all texts, under probabilities that add up to one."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split("\n", "isolated"),
                                                       pre_tokenizers.Metaspace(prepend_scheme="never")])
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    pieces = [(text, score) for text, score in json.loads(tokenizer.to_str())["model"]["vocab"] if score < 0]
    total = log_sum([score for _, score in pieces])
    scores = dict(pieces)
    nats = sum(total - scores[token] for text in texts for token in tokenizer.encode(text).tokens)
    return {"size": size, "pieces": len(pieces), "nats": nats}


def main(folder):
    corpus = weighted_corpus()
    few, many = random_words(3, "ab", 300), random_words(5, "abcd", 400)
    golden = {
        "corpus": CORPUS,
        "bpe_corpus": bpe(corpus, 257 + 300, 2, True),
        "bpe_two_letters": {"words": few, **bpe(words_as_texts(few), 257 + 200, 0, False)},
        "bpe_four_letters": {"words": many, **bpe(words_as_texts(many), 257 + 300, 3, False)},
        "word_piece": word_piece(corpus, 1000, 2, 1000),
        "word_piece_limited": word_piece(corpus, 400, 0, 60),
        "unigram": unigram(corpus, 700),
    }
    text = json.dumps(golden, ensure_ascii=False, indent=0)
    (Path(folder) / "training.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
