#include "bantam/text/tokenizer_json_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "bantam/base/error.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/models/byte_tokens.h"

namespace bantam {
namespace {

constexpr std::string_view part = "model";
constexpr std::int64_t id_limit = std::int64_t{1} << 22;  // bounds what one large id can allocate

/// Files older than the field have none; their other fields tell.
std::string model_type(const Json& model) {
  if (!model.is_object()) {
    throw input_error("{}: expected an object, found {}", part, escaped(dump_json(model)));
  }
  if (!json_member(model, "type").is_null()) return json_type(model, part);
  if (!json_member(model, "merges").is_null()) return "BPE";
  if (json_member(model, "vocab").is_array()) return "Unigram";
  return json_member(model, "max_input_chars_per_word").is_null() ? "WordLevel" : "WordPiece";
}

void read_tokens(const Json& model, Vocabulary& vocabulary) {
  const Json& tokens = json_member(model, "vocab");
  if (!tokens.is_object()) throw input_error("{}: expected an object `vocab`", part);
  for (const auto& [text, id] : tokens.items()) {
    const bool byte = vocabulary.byte_fallback && byte_of_token(text);
    place_token(vocabulary, json_token_id(id, text), text,
                byte ? TokenType::byte : TokenType::normal);
  }
}

void read_merges(const Json& model, Vocabulary& vocabulary) {
  const Json& merges = json_member(model, "merges");
  if (!merges.is_array()) throw input_error("{}: expected a list `merges`", part);
  vocabulary.merges.reserve(merges.size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const Json& merge = merges[i];
    if (merge.is_string()) {
      vocabulary.merges.push_back(merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      vocabulary.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    } else {
      throw input_error("merge {}: expected two tokens, found {}", i, escaped(dump_json(merge)));
    }
  }
}

void read_bpe(const Json& model, Vocabulary& vocabulary) {
  const Json& dropout = json_member(model, "dropout");
  if (!dropout.is_null() && dropout != Json(0.0)) {
    throw input_error("{}: dropout: expected null, found {}: ids would change from call to call",
                      part, escaped(dump_json(dropout)));
  }
  vocabulary.kind = TokenModelKind::character_bpe;
  vocabulary.byte_fallback = json_flag(model, "byte_fallback", false, part);
  vocabulary.ignore_merges = json_flag(model, "ignore_merges", false, part);
  vocabulary.continuing_subword_prefix = json_string(model, "continuing_subword_prefix", "", part);
  vocabulary.end_of_word_suffix = json_string(model, "end_of_word_suffix", "", part);
  const bool affixes =
      !vocabulary.continuing_subword_prefix.empty() || !vocabulary.end_of_word_suffix.empty();
  if (affixes && vocabulary.byte_fallback) {
    throw input_error("{}: byte_fallback: expected false beside a prefix or suffix, found true",
                      part);
  }
  read_tokens(model, vocabulary);
  read_merges(model, vocabulary);
}

/// The number as `tokenizers` reads its decimal digits: rounded twice, once as an integer and once
/// when it is divided. Whether two ways to cut a text are equally likely depends on the last bit.
double as_reference_reads(double value) {
  const std::string text = fmt::format("{}", std::abs(value));
  std::uint64_t significand = 0;
  int exponent = 0;
  const std::size_t e = text.find('e');
  for (std::size_t i = 0, point = text.find('.'); i < std::min(e, text.size()); ++i) {
    if (i == point) continue;
    significand = 10 * significand + static_cast<std::uint64_t>(text[i] - '0');
    exponent -= i > point;
  }
  if (e != std::string::npos) {
    int shift = 0;
    const char* digit = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
    std::from_chars(digit, text.data() + text.size(), shift);
    exponent += shift;
  }
  const auto digits = static_cast<double>(significand);
  const double power = std::pow(10.0, std::abs(exponent));
  return std::copysign(exponent < 0 ? digits / power : digits * power, value);
}

void read_unigram(const Json& model, Vocabulary& vocabulary) {
  vocabulary.kind = TokenModelKind::unigram;
  vocabulary.byte_fallback = json_flag(model, "byte_fallback", false, part);
  const Json& pieces = json_member(model, "vocab");
  if (!pieces.is_array()) throw input_error("{}: expected a list `vocab`", part);
  if (pieces.size() > static_cast<std::size_t>(id_limit)) {
    throw input_error("{}: expected at most {} pieces, found {}", part, id_limit, pieces.size());
  }
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const Json& piece = pieces[id];
    if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number()) {
      throw input_error("piece {}: expected a text and a score, found {}", id,
                        escaped(dump_json(piece)));
    }
    vocabulary.tokens.push_back(piece[0].get<std::string>());
    vocabulary.scores.push_back(as_reference_reads(piece[1].get<double>()));
    const bool byte = vocabulary.byte_fallback && byte_of_token(vocabulary.tokens.back());
    vocabulary.types.push_back(byte ? TokenType::byte : TokenType::normal);
  }
  if (!json_member(model, "unk_id").is_null()) {
    const auto count = static_cast<std::int64_t>(pieces.size());
    vocabulary.unk = static_cast<std::int32_t>(
        json_integer(model, "unk_id", 0, std::max<std::int64_t>(count - 1, 0), part));
    vocabulary.emit_unk = true;
  }
}

void read_word_piece(const Json& model, Vocabulary& vocabulary) {
  vocabulary.kind = TokenModelKind::word_piece;
  vocabulary.continuing_subword_prefix =
      json_string(model, "continuing_subword_prefix", "##", part);
  vocabulary.longest_word = json_member(model, "max_input_chars_per_word").is_null()
                                ? 100
                                : json_integer(model, "max_input_chars_per_word", 0,
                                               std::numeric_limits<std::int64_t>::max(), part);
  read_tokens(model, vocabulary);
}

/// "[\"a\",1.5]" or "\"a\":3": the entries of a vocabulary, one a line.
void append_vocabulary(const Vocabulary& vocabulary, std::string& out) {
  const bool list = vocabulary.kind == TokenModelKind::unigram;
  const char* separator = "\n";
  std::size_t count = list ? vocabulary.scores.size() : vocabulary.tokens.size();
  // A list cannot leave ids out, but it can end before those that GGUF files add to fill a table.
  while (list && count > 0 && vocabulary.types[count - 1] == TokenType::unused) --count;
  for (std::size_t id = 0; id < count; ++id) {
    const bool beside =
        std::binary_search(vocabulary.outside_model.begin(), vocabulary.outside_model.end(),
                           static_cast<std::int32_t>(id));
    if (!list && (vocabulary.types[id] == TokenType::unused || beside)) continue;
    const std::string text = dump_json(vocabulary.tokens[id]);
    out += list ? fmt::format("{}[{},{}]", separator, text, dump_json(vocabulary.scores[id]))
                : fmt::format("{}{}:{}", separator, text, id);
    separator = ",\n";
  }
}

void append_merges(const Vocabulary& vocabulary, std::string& out) {
  const char* separator = "\n";
  for (const std::string& merge : vocabulary.merges) {
    const std::size_t space = merge.find(' ', 1);
    out += fmt::format("{}[{},{}]", separator, dump_json(merge.substr(0, space)),
                       dump_json(merge.substr(space + 1)));
    separator = ",\n";
  }
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace

std::int32_t json_token_id(const Json& value, std::string_view token) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() >= std::uint64_t{id_limit}) ||
      value.get<std::int64_t>() >= id_limit) {
    throw input_error("token '{}': expected an id from 0 to {}, found {}", escaped(token),
                      id_limit - 1, escaped(dump_json(value)));
  }
  return value.get<std::int32_t>();
}

void place_token(Vocabulary& vocabulary, std::int32_t id, const std::string& text, TokenType type) {
  const auto at = static_cast<std::size_t>(id);
  if (at >= vocabulary.tokens.size()) {
    vocabulary.tokens.resize(at + 1);
    vocabulary.types.resize(at + 1, TokenType::unused);
  }
  if (vocabulary.types[at] != TokenType::unused && vocabulary.tokens[at] != text) {
    throw input_error("tokens '{}' and '{}' have the same id {}", escaped(vocabulary.tokens[at]),
                      escaped(text), id);
  }
  vocabulary.tokens[at] = text;
  vocabulary.types[at] = type;
}

void read_model_json(const Json& model, Vocabulary& vocabulary) {
  const std::string type = model_type(model);
  if (type == "BPE") {
    read_bpe(model, vocabulary);
  } else if (type == "Unigram") {
    read_unigram(model, vocabulary);
  } else if (type == "WordPiece") {
    read_word_piece(model, vocabulary);
  } else if (type == "WordLevel") {
    vocabulary.kind = TokenModelKind::word_level;
    read_tokens(model, vocabulary);
  } else {
    throw input_error("{}: type '{}' is unknown; known are BPE, Unigram, WordPiece and WordLevel",
                      part, escaped(type));
  }
}

void read_unknown_token(const Json& model, Vocabulary& vocabulary) {
  if (vocabulary.kind == TokenModelKind::unigram) return;
  const Json& unknown = json_member(model, "unk_token");
  if (unknown.is_null()) return;
  const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(),
                               unknown.is_string() ? unknown.get<std::string>() : "");
  if (!unknown.is_string() || found == vocabulary.tokens.end()) {
    throw input_error("{}: unk_token {} is not a token", part, escaped(dump_json(unknown)));
  }
  vocabulary.unk = static_cast<std::int32_t>(found - vocabulary.tokens.begin());
  vocabulary.emit_unk = true;
  vocabulary.fuse_unk = json_flag(model, "fuse_unk", false, part);
}

void append_model_json(const Vocabulary& vocabulary, std::string& out) {
  const bool has_unknown = vocabulary.emit_unk && vocabulary.unk;
  const Json unknown =
      has_unknown ? Json(vocabulary.tokens[static_cast<std::size_t>(*vocabulary.unk)]) : Json();
  switch (vocabulary.kind) {
    case TokenModelKind::byte_bpe:
    case TokenModelKind::character_bpe:
      out += fmt::format(
          "{{\n\"type\":\"BPE\",\n\"dropout\":null,\n\"unk_token\":{},\n"
          "\"continuing_subword_prefix\":{},\n\"end_of_word_suffix\":{},\n\"fuse_unk\":{},\n"
          "\"byte_fallback\":{},\n\"ignore_merges\":{},\n\"vocab\":{{",
          dump_json(unknown), dump_json(text_or_null(vocabulary.continuing_subword_prefix)),
          dump_json(text_or_null(vocabulary.end_of_word_suffix)), vocabulary.fuse_unk,
          vocabulary.byte_fallback, vocabulary.ignore_merges);
      append_vocabulary(vocabulary, out);
      out += "\n},\n\"merges\":[";
      append_merges(vocabulary, out);
      out += "\n]}";
      return;
    case TokenModelKind::unigram:
      out += fmt::format(
          "{{\n\"type\":\"Unigram\",\n\"unk_id\":{},\n\"byte_fallback\":{},\n\"vocab\":[",
          vocabulary.unk ? dump_json(*vocabulary.unk) : "null", vocabulary.byte_fallback);
      append_vocabulary(vocabulary, out);
      out += "\n]}";
      return;
    case TokenModelKind::word_piece:
      out += fmt::format(
          "{{\n\"type\":\"WordPiece\",\n\"unk_token\":{},\n\"continuing_subword_prefix\":{},\n"
          "\"max_input_chars_per_word\":{},\n\"vocab\":{{",
          dump_json(unknown), dump_json(vocabulary.continuing_subword_prefix),
          vocabulary.longest_word);
      append_vocabulary(vocabulary, out);
      out += "\n}}";
      return;
    case TokenModelKind::word_level:
      out += fmt::format("{{\n\"type\":\"WordLevel\",\n\"unk_token\":{},\n\"vocab\":{{",
                         dump_json(unknown));
      append_vocabulary(vocabulary, out);
      out += "\n}}";
      return;
    case TokenModelKind::sentence_piece_bpe:
      break;
  }
  throw internal_error("tokenizer.json: a model of SentencePiece was not converted");
}

}  // namespace bantam
