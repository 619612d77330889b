// Tokens by their texts.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bantam {

/// A hash table over texts that stay where they are. Open addressing: a vocabulary is put in and
/// looked through once whenever a model is loaded, and the nodes of a std::unordered_map took most
/// of that time.
class TokenTable {
 public:
  /// Empty. texts[id] is the text of token id; the texts outlive the table and do not change.
  explicit TokenTable(const std::vector<std::string>& texts)
      : texts_(texts), slots_(std::bit_ceil(2 * texts.size() + 2)) {}

  /// The id now found for the text of `id`: itself, or one with the same text that was there
  /// before.
  std::int32_t insert(std::int32_t id) {
    const std::string_view text = texts_[static_cast<std::size_t>(id)];
    Slot& slot = slots_[slot_of(text)];
    if (slot.id < 0) slot = {hash(text), id};
    return slot.id;
  }
  /// The same, but `id` takes the place of one that was there before.
  void assign(std::int32_t id) {
    const std::string_view text = texts_[static_cast<std::size_t>(id)];
    slots_[slot_of(text)] = {hash(text), id};
  }
  std::optional<std::int32_t> find(std::string_view text) const {
    const std::int32_t id = slots_[slot_of(text)].id;
    return id < 0 ? std::nullopt : std::optional(id);
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t id = -1;  // none
  };

  static std::uint32_t hash(std::string_view text) {
    return static_cast<std::uint32_t>(std::hash<std::string_view>()(text));
  }
  // Where `text` is, or the empty slot where it belongs: at most half are full.
  std::size_t slot_of(std::string_view text) const {
    const std::uint32_t key = hash(text);
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = key & mask;
    while (slots_[at].id >= 0 &&
           (slots_[at].hash != key || texts_[static_cast<std::size_t>(slots_[at].id)] != text)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  const std::vector<std::string>& texts_;
  std::vector<Slot> slots_;
};

}  // namespace bantam
