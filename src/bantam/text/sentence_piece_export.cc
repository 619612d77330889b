#include "bantam/text/sentence_piece_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "bantam/base/json.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr std::string_view space_symbol = "\u2581";

/// Every way to cut a token into two tokens, by the score of the whole.
std::vector<std::string> merges_by_score(const Vocabulary& vocabulary) {
  std::unordered_map<std::string_view, std::int32_t> ids;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::normal) {
      ids.try_emplace(vocabulary.tokens[id], static_cast<std::int32_t>(id));
    }
  }
  using Cut = std::tuple<double, std::int32_t, std::int32_t, std::string>;  // -score, left, right
  std::vector<Cut> cuts;
  for (const auto& [text, id] : ids) {
    for (std::size_t at = 1; at < text.size(); ++at) {
      const auto left = ids.find(text.substr(0, at)), right = ids.find(text.substr(at));
      if (left == ids.end() || right == ids.end()) continue;
      cuts.emplace_back(-vocabulary.scores[static_cast<std::size_t>(id)], left->second,
                        right->second, fmt::format("{} {}", left->first, right->first));
    }
  }
  std::sort(cuts.begin(), cuts.end());
  std::vector<std::string> merges;
  merges.reserve(cuts.size());
  for (const Cut& cut : cuts) merges.push_back(std::get<3>(cut));
  return merges;
}

Json replace_step(const Json& pattern, std::string_view content) {
  return {{"type", "Replace"}, {"pattern", pattern}, {"content", content}};
}

/// The steps for a normalizer of type SentencePiece; any other stays.
Json exported_normalizer(const Json& value) {
  if (json_member(value, "type") != Json("SentencePiece")) return value;
  Json steps = Json::array();
  const std::string map = json_string(value, "precompiled_charsmap", "", "normalizer");
  if (!map.empty()) steps.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", map}});
  if (json_flag(value, "remove_extra_whitespaces", true, "normalizer")) {
    steps.push_back({{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}});
    steps.push_back(replace_step({{"Regex", " {2,}"}}, " "));
  }
  if (json_flag(value, "add_dummy_prefix", true, "normalizer")) {
    steps.push_back({{"type", "Prepend"}, {"prepend", space_symbol}});
  }
  steps.push_back(replace_step({{"String", " "}}, space_symbol));
  return {{"type", "Sequence"}, {"normalizers", steps}};
}

}  // namespace

Vocabulary exported_sentence_piece(const Vocabulary& vocabulary) {
  Vocabulary out = vocabulary;
  out.normalizer_json = dump_json(exported_normalizer(parse_json(vocabulary.normalizer_json)));
  out.like_sentence_piece = false;
  out.cuts_user_defined = true;
  out.emit_unk = out.unk.has_value();
  if (vocabulary.kind == TokenModelKind::sentence_piece_bpe) {
    out.kind = TokenModelKind::character_bpe;
    out.fuse_unk = true;
    out.merges = merges_by_score(vocabulary);
  }
  return out;
}

}  // namespace bantam
