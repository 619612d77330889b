#include "bantam/text/vocabulary_check.h"

#include <string_view>
#include <unordered_map>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/text/byte_level.h"
#include "bantam/text/pre_tokenizer.h"

namespace bantam {
namespace {

using Ids = std::unordered_map<std::string_view, std::int32_t>;

void fill_types(BytePairVocabulary& vocabulary) {
  const std::size_t count = vocabulary.tokens.size();
  if (count == 0) throw input_error("vocabulary: expected tokens, found none");
  if (count > 0x7FFFFFFF) throw input_error("vocabulary: {} tokens do not fit 31 bits", count);
  if (vocabulary.types.empty()) vocabulary.types.assign(count, TokenType::normal);
  if (vocabulary.types.size() != count) {
    throw input_error("vocabulary: expected a type for each of {} tokens, found {}", count,
                      vocabulary.types.size());
  }
  for (std::size_t id = 0; id < count; ++id) {
    TokenType& type = vocabulary.types[id];
    const std::string& text = vocabulary.tokens[id];
    if (type < TokenType::normal || type > TokenType::byte) {
      throw input_error("vocabulary: token {}: type {} is unknown", id, static_cast<int>(type));
    }
    // Several converters mark turn ends this way; what a user types must not become one.
    if (type == TokenType::user_defined && text.starts_with("<|") && text.ends_with("|>")) {
      type = TokenType::control;
    }
  }
}

void check_id(const char* name, const std::optional<std::int32_t>& id, std::size_t count) {
  if (id && (*id < 0 || static_cast<std::size_t>(*id) >= count)) {
    throw input_error("vocabulary: {} token id: expected 0 to {}, found {}", name, count - 1, *id);
  }
}

bool comes_from_merging(TokenType type) {
  return type == TokenType::normal || type == TokenType::byte;
}

/// Ids by text; texts that come from merging first, then those that stand for themselves.
Ids ids_by_text(const BytePairVocabulary& vocabulary) {
  Ids ids;
  ids.reserve(vocabulary.tokens.size());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!comes_from_merging(vocabulary.types[id])) continue;
    const auto [place, is_new] =
        ids.try_emplace(vocabulary.tokens[id], static_cast<std::int32_t>(id));
    if (!is_new) {
      throw input_error("vocabulary: tokens {} and {} have the same text '{}'", place->second, id,
                        escaped(vocabulary.tokens[id]));
    }
  }
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    if (comes_from_merging(type) || type == TokenType::unused) continue;
    if (vocabulary.tokens[id].empty()) continue;
    ids.try_emplace(vocabulary.tokens[id], static_cast<std::int32_t>(id));
  }
  return ids;
}

std::vector<Merge> resolve_merges(const BytePairVocabulary& vocabulary, const Ids& ids) {
  std::vector<Merge> merges;
  merges.reserve(vocabulary.merges.size());
  std::string joined;
  for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const std::string_view text = vocabulary.merges[i];
    const std::size_t space = text.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == text.size()) {
      throw input_error("merge {}: expected 'left right', found '{}'", i, escaped(text));
    }
    const std::string_view left = text.substr(0, space), right = text.substr(space + 1);
    joined.assign(left);
    joined += right;
    std::int32_t found[3];
    const std::string_view parts[] = {left, right, joined};
    for (int part = 0; part < 3; ++part) {
      const auto id = ids.find(parts[part]);
      if (id == ids.end()) {
        throw input_error("merge {}: '{}': '{}' is not a token", i, escaped(text),
                          escaped(parts[part]));
      }
      found[part] = id->second;
    }
    // A rule that could spell a control token would let ordinary text write it: left out.
    if (vocabulary.types[found[2]] == TokenType::control) continue;
    merges.push_back({found[0], found[1], found[2]});
  }
  return merges;
}

/// Bytes of printable text. Control characters and the first bytes of planes 4 to 16 may lack a
/// token: published models do, and the reference implementations drop them.
bool text_needs(int byte) {
  if (byte < 0x80) return byte == '\t' || byte == '\n' || (byte >= ' ' && byte < 0x7F);
  return byte < 0xC0 || (byte >= 0xC2 && byte <= 0xF0);
}

std::array<std::int32_t, 256> resolve_bytes(const BytePairVocabulary& vocabulary, const Ids& ids) {
  std::array<std::int32_t, 256> byte_ids;
  byte_ids.fill(-1);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string raw(1, static_cast<char>(byte));
    auto id = ids.find(to_byte_level(raw));
    if (id == ids.end()) id = ids.find(raw);
    const bool usable = id != ids.end() && vocabulary.types[id->second] != TokenType::control;
    if (usable) {
      byte_ids[byte] = id->second;
    } else if (text_needs(byte) && !(vocabulary.emit_unk && vocabulary.unk)) {
      throw input_error(
          "vocabulary: no token for the byte 0x{:02X} and no unknown token: text would vanish",
          byte);
    }
  }
  return byte_ids;
}

}  // namespace

CheckedVocabulary check_vocabulary(BytePairVocabulary& vocabulary) {
  fill_types(vocabulary);
  const std::size_t count = vocabulary.tokens.size();
  check_id("bos", vocabulary.bos, count);
  check_id("eos", vocabulary.eos, count);
  check_id("unk", vocabulary.unk, count);
  check_id("pad", vocabulary.pad, count);
  for (const AddedTokenMatch& match : vocabulary.matching) check_id("added", match.id, count);
  if (vocabulary.pre_tokenizer_json.empty()) {
    const NamedPreTokenizer& named = named_pre_tokenizer(vocabulary.pre);
    vocabulary.pre_tokenizer_json = named.json;
    vocabulary.ignore_merges |= named.ignore_merges;
    if (vocabulary.normalizer_json.empty() && !named.normalizer.empty()) {
      vocabulary.normalizer_json = dump_json({{"type", named.normalizer}});
    }
  }
  if (vocabulary.normalizer_json.empty()) vocabulary.normalizer_json = "null";
  const Ids ids = ids_by_text(vocabulary);
  return {resolve_bytes(vocabulary, ids), resolve_merges(vocabulary, ids)};
}

}  // namespace bantam
