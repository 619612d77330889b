#include "bantam/text/bpe.h"

#include "bantam/text/models/symbol_list.h"

namespace bantam {

PairMerger::PairMerger(const std::array<std::int32_t, 256>& byte_ids,
                       const std::vector<Merge>& merges, std::int32_t unk, bool fuse_unk)
    : byte_ids_(byte_ids), unk_(unk), fuse_unk_(fuse_unk), rules_(merges) {}

void PairMerger::merge(std::string_view piece, std::vector<MergedToken>& tokens) const {
  thread_local std::vector<Symbol> symbols;
  SymbolList list(symbols, unk_, fuse_unk_);
  for (const char c : piece) {
    const std::int32_t id = byte_ids_[static_cast<unsigned char>(c)];
    id < 0 ? list.add_unknown(1) : list.add(id, 1);
  }
  rules_.merge(symbols, tokens);
  release_if_large(symbols);
}

}  // namespace bantam
