// ByteLevel as a pre-tokenizer, but for its pattern (split.cc).
#include "bantam/text/byte_level.h"

#include "bantam/text/pre_tokenizers/step.h"

namespace bantam {
namespace {

class PrefixSpace : public PreTokenizerStep {
 public:
  void apply(PreTokenized& state) const override {
    TextEdit edit(state.text);
    for (Piece& piece : state.pieces) {
      const auto begin = static_cast<std::uint32_t>(edit.size());
      if (!piece.fixed && state.text.view()[piece.begin] != ' ') {
        edit.insert_before(piece.begin, " ");
      }
      edit.keep(piece.begin, piece.end);
      piece = {begin, static_cast<std::uint32_t>(edit.size()), piece.fixed};
    }
    edit.store(state.text);
  }
};

class ByteAlphabet : public PreTokenizerStep {
 public:
  void apply(PreTokenized& state) const override {
    TextEdit edit(state.text);
    const std::string_view view = state.text.view();
    for (Piece& piece : state.pieces) {
      const auto begin = static_cast<std::uint32_t>(edit.size());
      for (std::size_t at = piece.begin; at < piece.end; ++at) {
        edit.replace(at, at + 1, byte_level_character(static_cast<unsigned char>(view[at])));
      }
      piece = {begin, static_cast<std::uint32_t>(edit.size()), false};
    }
    edit.store(state.text);
  }
};

}  // namespace

PreTokenizerStepPtr prefix_space_step() { return std::make_unique<PrefixSpace>(); }
PreTokenizerStepPtr byte_alphabet_step() { return std::make_unique<ByteAlphabet>(); }

}  // namespace bantam
