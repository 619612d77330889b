// What surrounds a vocabulary in a Hugging Face folder: settings, the tokenizer's class, and the
// special tokens that tokenizer_config.json, special_tokens_map.json and added_tokens.json name.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bantam/base/files.h"
#include "bantam/model/hf_config.h"
#include "bantam/text/post_processor.h"
#include "bantam/text/vocabulary.h"

namespace bantam {

inline constexpr std::uint64_t kMaxVocabularyBytes = std::uint64_t{64} << 20;

struct TokenizerFolder {
  Path path;
  /// tokenizer_config.json. Where it has no added_tokens_decoder, the entries of
  /// special_tokens_map.json come first, as in transformers.
  HfConfig settings;
  std::string class_name;  ///< without "Fast"; empty where no file names one
  std::string model_type;  ///< of config.json; may be empty

  static TokenizerFolder read(const Path& folder);
  /// The path of one of its files as errors show it.
  std::string where(const char* file) const;
  /// Throws Error(input): the class reads these files in a way that is not known.
  [[noreturn]] void refuse_class(const char* file, std::string_view known) const;
};

/// How a special token is matched where no file says it.
struct SpecialTokenDefault {
  const char* text = "";
  bool strip_left = false;
  bool normalized = false;
};

/// Gives special tokens their ids in a vocabulary; those that it lacks come behind it.
class SpecialTokens {
 public:
  /// Places what added_tokens_decoder or added_tokens.json lists. `file` is the vocabulary's.
  SpecialTokens(const TokenizerFolder& folder, const char* file, Vocabulary& vocabulary);

  /// The token that `key` of the settings names, or the default if the vocabulary has that.
  std::optional<std::int32_t> find(const char* key, const SpecialTokenDefault& otherwise = {});
  /// Throws Error(input) if there is none.
  std::int32_t require(const char* key, const SpecialTokenDefault& otherwise);
  /// A token with this text, made if need be.
  std::int32_t place(const std::string& text, TokenType type, AddedTokenMatch match = {});
  /// additional_special_tokens and extra_special_tokens of the settings.
  void place_additional();

 private:
  void place_at(std::int32_t id, const std::string& text, const HfConfig& entry);
  void set(std::int32_t id, TokenType type, AddedTokenMatch match);
  bool is_control(std::int32_t id) const;

  const TokenizerFolder& folder_;
  const char* file_;
  Vocabulary& vocabulary_;
  std::unordered_map<std::string, std::int32_t> ids_;
};

/// Parts of a post-processor.
TemplatePart special_part(std::int32_t id, std::int32_t type_id = 0);
TemplatePart text_part(int which, std::int32_t type_id = 0);

/// vocab.json: a text and an id each. Throws Error(input) naming the id that two tokens share or
/// that none has.
std::vector<std::string> read_vocab_json(const TokenizerFolder& folder, const char* file);

/// A SentencePiece model; errors name file and byte.
Vocabulary read_sentence_piece(const TokenizerFolder& folder, const char* file);

}  // namespace bantam
