// What is put around one text or a pair of texts before a model reads them: the `post_processor` of
// tokenizer.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"

namespace bantam {

struct Vocabulary;

/// One part of a template: special tokens, or the tokens of a text.
struct TemplatePart {
  int text = -1;                  ///< 0 or 1: which text; -1: the ids
  std::vector<std::int32_t> ids;  ///< special tokens
  std::int32_t type_id = 0;       ///< segment of these tokens
};

class PostProcessor {
 public:
  /// Reads null, TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and a Sequence in
  /// which one of them adds tokens. Throws Error(input) naming another type, or a token that
  /// `vocabulary` lacks.
  static PostProcessor from_json(const Json& value, const Vocabulary& vocabulary);

  const std::vector<TemplatePart>& single() const { return single_; }
  const std::vector<TemplatePart>& pair() const { return pair_; }
  /// The token before (or after) a single text, if it is exactly one.
  std::optional<std::int32_t> before() const;
  std::optional<std::int32_t> after() const;
  /// White space at the ends of tokens is outside their offsets.
  bool trims_offsets() const { return trims_offsets_; }
  /// Then the space before the first token was put there and is outside already.
  bool adds_prefix_space() const { return adds_prefix_space_; }

 private:
  void add(const Json& value, const Vocabulary& vocabulary, int depth);
  void put_around(const Json& value, bool roberta, const Vocabulary& vocabulary);
  void set_trimming(const Json& value);

  std::vector<TemplatePart> single_{{.text = 0, .ids = {}, .type_id = 0}};
  std::vector<TemplatePart> pair_{{.text = 0, .ids = {}, .type_id = 0},
                                  {.text = 1, .ids = {}, .type_id = 1}};
  bool adds_tokens_ = false, trims_offsets_ = false, adds_prefix_space_ = false;
};

/// The TemplateProcessing that puts these parts together.
Json template_processing(const std::vector<TemplatePart>& single,
                         const std::vector<TemplatePart>& pair, const Vocabulary& vocabulary);

/// bos and eos around each text, as the vocabulary's add_bos and add_eos say; for byte-level BPE
/// without either, what its files hold.
Json default_post_processor(const Vocabulary& vocabulary);

}  // namespace bantam
