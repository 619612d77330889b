#include "bantam/model/legacy/word_parts.h"

#include "bantam/base/json.h"
#include "bantam/text/json_fields.h"

namespace bantam {
namespace {

Json sequence(const char* list, Json steps) {
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return steps[0];
  return {{"type", "Sequence"}, {list, std::move(steps)}};
}

}  // namespace

std::string charsmap_of(const Vocabulary& vocabulary) {
  return json_string(parse_json(vocabulary.normalizer_json), "precompiled_charsmap", "",
                     "normalizer");
}

void use_word_parts(Vocabulary& vocabulary, const WordParts& parts) {
  const Json metaspace = {{"type", "Metaspace"},
                          {"replacement", "\u2581"},
                          {"prepend_scheme", "always"},
                          {"split", true}};
  Json normalizers = Json::array(), splitters = Json::array(), decoders = Json::array();
  if (!parts.charsmap.empty()) {
    normalizers.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", parts.charsmap}});
  }
  if (parts.joins_spaces) {
    normalizers.push_back(
        {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}});
  }
  if (parts.splits_white_space) splitters.push_back({{"type", "WhitespaceSplit"}});
  splitters.push_back(metaspace);
  if (vocabulary.byte_fallback) decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back(metaspace);
  vocabulary.normalizer_json = dump_json(sequence("normalizers", std::move(normalizers)));
  vocabulary.pre_tokenizer_json = dump_json(sequence("pretokenizers", std::move(splitters)));
  vocabulary.decoder_json = dump_json(sequence("decoders", std::move(decoders)));
  vocabulary.like_sentence_piece = false;
  vocabulary.cuts_user_defined = true;
  vocabulary.emit_unk = true;
}

}  // namespace bantam
