// What SentencePiece does to a text before encoding it (normalizer.cc of
// https://github.com/google/sentencepiece): the charsmap, spaces written as U+2581.
#include "bantam/base/error.h"
#include "bantam/text/byte_trie.h"
#include "bantam/text/charsmap.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/normalizers/step.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr std::string_view part = "normalizer: SentencePiece";
constexpr std::string_view space_symbol = "\u2581";

class SentencePieceNormalizer : public NormalizerStep {
 public:
  explicit SentencePieceNormalizer(const Json& value)
      : map_(decode_base64(json_string(value, "precompiled_charsmap", "", part))),
        add_dummy_prefix_(json_flag(value, "add_dummy_prefix", true, part)),
        remove_extra_(json_flag(value, "remove_extra_whitespaces", true, part)),
        escape_(json_flag(value, "escape_whitespaces", true, part)) {
    for (const Json& text : json_member(value, "protected")) {
      if (!text.is_string() || text.get<std::string>().empty()) {
        throw input_error("{}: protected: expected a list of texts", part);
      }
      protected_.insert(text.get<std::string>(), 0);
    }
  }

  void apply(AlignedText& text) const override {
    const std::string_view view = text.view();
    std::size_t at = 0;
    while (remove_extra_ && at < view.size()) {
      const Chunk chunk = next_chunk(view, at);
      if (chunk.text != " ") break;
      at += chunk.length;
    }
    TextEdit edit(text);
    if (at < view.size()) {
      if (add_dummy_prefix_) edit.insert_before(at, space());
      rewrite(view, at, edit);
    }
    edit.store(text);
    if (remove_extra_) remove_trailing_spaces(text);
  }

 private:
  struct Chunk {
    std::size_t length;     // of the input
    std::string_view text;  // what it becomes
  };

  std::string_view space() const { return escape_ ? space_symbol : " "; }

  Chunk next_chunk(std::string_view view, std::size_t at) const {
    const std::string_view rest = view.substr(at);
    if (const auto [length, value] = protected_.longest_prefix(rest); length > 0) {
      return {length, rest.substr(0, length)};
    }
    if (const auto match = map_.longest(rest)) return {match->length, match->text};
    const auto length = static_cast<std::size_t>(code_point_at(view, at).length);
    return {length, rest.substr(0, length)};
  }

  void rewrite(std::string_view view, std::size_t at, TextEdit& edit) const {
    bool after_space = remove_extra_;
    std::string out;
    while (at < view.size()) {
      const Chunk chunk = next_chunk(view, at);
      std::string_view rest = chunk.text;
      while (after_space && rest.starts_with(' ')) rest.remove_prefix(1);
      if (!rest.empty()) {
        out.clear();
        for (const char c : rest) {
          if (c == ' ') {
            out += space();
          } else {
            out += c;
          }
        }
        edit.replace(at, at + chunk.length, out);
        after_space = remove_extra_ && rest.ends_with(' ');
      }
      at += chunk.length;
    }
  }

  void remove_trailing_spaces(AlignedText& text) const {
    const std::string_view view = text.view();
    std::size_t end = view.size();
    while (view.substr(0, end).ends_with(space())) end -= space().size();
    TextEdit edit(text);
    edit.keep(0, end);
    edit.store(text);
  }

  Charsmap map_;
  bool add_dummy_prefix_, remove_extra_, escape_;
  ByteTrie protected_;
};

}  // namespace

NormalizerStepPtr sentence_piece_normalizer(const Json& value) {
  return std::make_unique<SentencePieceNormalizer>(value);
}

}  // namespace bantam
