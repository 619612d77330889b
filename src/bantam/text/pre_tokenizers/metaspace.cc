// Metaspace: SentencePiece's way with spaces, which become visible characters that begin words.
#include "bantam/base/error.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/pre_tokenizers/behavior.h"
#include "bantam/text/pre_tokenizers/step.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr std::string_view part = "pre_tokenizer: Metaspace";

enum class Prefix { never, first, always };

class Metaspace : public PreTokenizerStep {
 public:
  explicit Metaspace(const Json& value)
      : prefix_(prefix_of(value)), splits_(json_flag(value, "split", true, part)) {
    append_utf8(symbol_, json_character(value, "replacement", part));
  }

  void apply(PreTokenized& state) const override {
    std::vector<Piece> pieces;
    pieces.reserve(state.pieces.size());
    TextEdit edit(state.text);
    for (const Piece& piece : state.pieces) {
      const auto begin = static_cast<std::uint32_t>(edit.size());
      rewrite(state.text, piece, edit);
      pieces.push_back({begin, static_cast<std::uint32_t>(edit.size()), piece.fixed});
    }
    edit.store(state.text);
    state.pieces.swap(pieces);
    if (splits_) split(state);
  }

 private:
  static Prefix prefix_of(const Json& value) {
    if (!json_flag(value, "add_prefix_space", true, part)) return Prefix::never;
    const std::string scheme = json_string(value, "prepend_scheme", "always", part);
    if (scheme == "always") return Prefix::always;
    if (scheme == "first") return Prefix::first;
    if (scheme == "never") return Prefix::never;
    throw input_error("{}: prepend_scheme: expected always, first or never, found '{}'", part,
                      escaped(scheme));
  }

  bool wants_prefix(const AlignedText& text, const Piece& piece) const {
    const std::string_view view = text.view().substr(piece.begin);
    if (view.starts_with(' ') || view.starts_with(symbol_)) return false;
    return prefix_ == Prefix::always ||
           (prefix_ == Prefix::first && text.origin(piece.begin, piece.end).first == 0);
  }

  void rewrite(const AlignedText& text, const Piece& piece, TextEdit& edit) const {
    if (piece.fixed) return edit.keep(piece.begin, piece.end);
    if (wants_prefix(text, piece)) edit.insert_before(piece.begin, symbol_);
    const std::string_view view = text.view().substr(0, piece.end);
    for (std::size_t at = piece.begin; at < view.size();) {
      const std::size_t space = std::min(view.find(' ', at), view.size());
      edit.keep(at, space);
      if (space < view.size()) edit.replace(space, space + 1, symbol_);
      at = space + 1;
    }
  }

  /// Each symbol begins a piece.
  void split(PreTokenized& state) const {
    const std::string_view view = state.text.view();
    std::vector<Piece> pieces;
    pieces.reserve(view.size() / 6 + 1);
    for (const Piece& piece : state.pieces) {
      if (piece.fixed) {
        pieces.push_back(piece);
        continue;
      }
      const std::string_view inside = view.substr(0, piece.end);
      for (std::size_t at = piece.begin; at < piece.end;) {
        const std::size_t next = std::min(inside.find(symbol_, at + 1), inside.size());
        pieces.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(next)});
        at = next;
      }
    }
    state.pieces.swap(pieces);
  }

  std::string symbol_;
  Prefix prefix_;
  bool splits_;
};

}  // namespace

PreTokenizerStepPtr metaspace_step(const Json& value) { return std::make_unique<Metaspace>(value); }

}  // namespace bantam
