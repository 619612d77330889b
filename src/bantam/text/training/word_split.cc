#include "bantam/text/training/word_split.h"

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/text/pre_tokenizer.h"

namespace bantam {
namespace {

/// A step that makes each digit a word, before the others.
Json with_single_digits(const Json& steps) {
  return {{"type", "Sequence"},
          {"pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, steps}}};
}

Json normalizer_of(std::string_view form) {
  if (form.empty()) return nullptr;
  if (form == "nfc") return {{"type", "NFC"}};
  if (form == "nfkc") return {{"type", "NFKC"}};
  throw usage_error("normalization form: expected nfc, nfkc or nothing, found '{}'", escaped(form));
}

}  // namespace

WordSplit byte_level_split(std::string_view name, bool single_digits) {
  // These two differ in nothing else, and files with a name of their own convert to GGUF.
  if (single_digits && name == "gpt-2") name = "smollm";
  const NamedPreTokenizer& named = named_pre_tokenizer(name);
  WordSplit split;
  split.pre = named.name;
  split.ignore_merges = named.ignore_merges;
  split.pre_tokenizer_json = named.json;
  if (!named.normalizer.empty()) split.normalizer_json = dump_json({{"type", named.normalizer}});
  if (single_digits && name != "smollm") {
    split.pre_tokenizer_json = dump_json(with_single_digits(parse_json(named.json)));
    split.pre = "";
  }
  return split;
}

WordSplit word_piece_split(bool lowercase, bool single_digits) {
  WordSplit split;
  split.kind = TokenModelKind::word_piece;
  split.normalizer_json = dump_json({{"type", "BertNormalizer"},
                                     {"clean_text", true},
                                     {"handle_chinese_chars", true},
                                     {"strip_accents", nullptr},
                                     {"lowercase", lowercase}});
  const Json words = {{"type", "BertPreTokenizer"}};
  split.pre_tokenizer_json = dump_json(single_digits ? with_single_digits(words) : words);
  split.decoder_json = dump_json({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}});
  return split;
}

WordSplit unigram_split(std::string_view form, bool single_digits) {
  WordSplit split;
  split.kind = TokenModelKind::unigram;
  split.normalizer_json = dump_json(normalizer_of(form));
  // No visible space is put before a text: it could not be told from one that was there.
  const Json metaspace = {
      {"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "never"}, {"split", true}};
  Json steps = Json::array();
  steps.push_back({{"type", "Split"},
                   {"pattern", {{"String", "\n"}}},
                   {"behavior", "Isolated"},
                   {"invert", false}});
  if (single_digits) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
  steps.push_back(metaspace);
  split.pre_tokenizer_json = dump_json({{"type", "Sequence"}, {"pretokenizers", steps}});
  split.decoder_json =
      dump_json({{"type", "Sequence"},
                 {"decoders", {{{"type", "ByteFallback"}}, {{"type", "Fuse"}}, metaspace}}});
  return split;
}

Vocabulary vocabulary_with(const WordSplit& split) {
  Vocabulary vocabulary;
  vocabulary.kind = split.kind;
  vocabulary.normalizer_json = split.normalizer_json;
  vocabulary.pre_tokenizer_json = split.pre_tokenizer_json;
  vocabulary.decoder_json = split.decoder_json;
  vocabulary.pre = split.pre;
  vocabulary.ignore_merges = split.ignore_merges;
  return vocabulary;
}

}  // namespace bantam
