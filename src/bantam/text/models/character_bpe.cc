#include "bantam/text/models/character_bpe.h"

#include "bantam/text/models/symbol_list.h"
#include "bantam/text/unicode.h"

namespace bantam {

CharacterBpe::CharacterBpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges)
    : unk_(vocabulary.emit_unk ? vocabulary.unk.value_or(-1) : -1),
      fuse_unk_(vocabulary.fuse_unk),
      bytes_(vocabulary),
      rules_(merges) {
  for (const bool first : {false, true}) {
    for (const bool last : {false, true}) {
      ids_[2 * first + last] = character_ids(vocabulary, first, last);
    }
  }
}

CharacterBpe::CharacterIds CharacterBpe::character_ids(const Vocabulary& vocabulary, bool first,
                                                       bool last) const {
  const std::string_view prefix =
      first ? "" : std::string_view(vocabulary.continuing_subword_prefix);
  const std::string_view suffix = last ? std::string_view(vocabulary.end_of_word_suffix) : "";
  CharacterIds ids;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    std::string_view text = vocabulary.tokens[id];
    if (!model_knows(vocabulary, id)) continue;
    if (!text.starts_with(prefix) || !text.ends_with(suffix)) continue;
    if (text.size() <= prefix.size() + suffix.size()) continue;
    text.remove_prefix(prefix.size());
    text.remove_suffix(suffix.size());
    const CodePoint c = code_point_at(text, 0);
    if (!c.valid || static_cast<std::size_t>(c.length) != text.size()) continue;
    ids.set(c.value, static_cast<std::int32_t>(id));
  }
  return ids;
}

void CharacterBpe::encode(std::string_view piece, std::vector<MergedToken>& tokens) const {
  thread_local std::vector<Symbol> symbols;
  SymbolList list(symbols, unk_, fuse_unk_);
  for (std::size_t at = 0; at < piece.size();) {
    const CodePoint c = code_point_at(piece, at);
    const auto length = static_cast<std::size_t>(c.length);
    const CharacterIds& ids = ids_at(at == 0, at + length == piece.size());
    const std::int32_t id = c.valid ? ids.find(c.value) : -1;
    const std::string_view text = piece.substr(at, length);
    if (id >= 0) {
      list.add(id, static_cast<std::uint32_t>(length));
    } else if (bytes_.have(text)) {
      for (const char byte : text) list.add(bytes_.id(byte), 1);
    } else {
      list.add_unknown(static_cast<std::uint32_t>(length));
    }
    at += length;
  }
  rules_.merge(symbols, tokens);
  release_if_large(symbols);
}

}  // namespace bantam
