// The reader of GGUF headers: works on strangers' bytes, so every length is compared with what is
// left before it is used, and nothing is reserved because a file says so.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "bantam/base/checked.h"
#include "bantam/model/gguf.h"

namespace bantam {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF data is used in place");

constexpr std::uint64_t kMaxTensors = 65536, kMaxKeys = 65536;
constexpr std::uint64_t kMaxStringBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxKeyBytes = 65535;
constexpr std::uint64_t kMaxTensorNameBytes = 64;
constexpr std::uint64_t kMaxArrayItems = std::uint64_t{1} << 24;
constexpr std::uint32_t kMaxAlignment = 65536;
constexpr std::uint32_t kMaxAxes = 4;

// Numbers of ggml that stand for no type of weights, so that errors can say what they were.
std::string_view foreign_type_name(std::uint32_t number) {
  if (number == 4 || number == 5) return "q4_2 or q4_3, which ggml gave up";
  if (number == 9) return "q8_1, which ggml has for activations only";
  if (number >= 31 && number <= 33) return "q4_0 repacked for a CPU, which ggml gave up";
  if (number >= 36 && number <= 38) return "iq4_nl repacked for a CPU, which ggml gave up";
  return "unknown";
}

class HeaderReader {
 public:
  HeaderReader(Bytes bytes, std::string_view where, GgufTexts texts)
      : bytes_(bytes), where_(where), texts_(texts) {}

  GgufHeader read() {
    read_start();
    read_metadata();
    find_alignment();
    read_tensor_table();
    place_tensors();
    return std::move(header_);
  }

 private:
  std::uint64_t left() const { return bytes_.size() - position_; }

  // Where reading stands, for errors: "key 3 of 20 ('general.name')".
  std::string place() const {
    if (part_.empty()) return "the header";
    std::string text = fmt::format("{} {} of {}", part_, index_ + 1, count_);
    if (!name_.empty()) text += fmt::format(" ('{}')", escaped(name_));
    return text;
  }

  template <class... Args>
  Error error(fmt::format_string<Args...> text, Args&&... args) const {
    return input_error("{}: {}", where_, fmt::format(text, std::forward<Args>(args)...));
  }

  void require_left(std::uint64_t wanted, std::string_view field) const {
    if (wanted <= left()) return;
    throw error("ends at byte {} while reading the {} of {} at byte {}; download it again",
                with_commas(static_cast<std::int64_t>(bytes_.size())), field, place(),
                with_commas(static_cast<std::int64_t>(position_)));
  }

  template <class T>
  T number(std::string_view field) {
    require_left(sizeof(T), field);
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  std::string_view string(std::string_view field, std::uint64_t limit = kMaxStringBytes) {
    // Vocabularies are hundreds of thousands of strings: their errors are worded only when needed.
    if (left() < sizeof(std::uint64_t)) {
      require_left(sizeof(std::uint64_t), fmt::format("length of the {}", field));
    }
    const auto length = number<std::uint64_t>(field);
    if (length > left()) {
      throw error("the {} of {} has length {} but {} bytes are left at byte {}", field, place(),
                  length, left(), position_);
    }
    if (length > limit) {
      throw error("the {} of {} has length {}; at most {} is allowed", field, place(), length,
                  limit);
    }
    const auto* start = reinterpret_cast<const char*>(bytes_.data() + position_);
    position_ += length;
    return {start, static_cast<std::size_t>(length)};
  }

  void read_start() {
    if (bytes_.size() < 4 || std::memcmp(bytes_.data(), "GGUF", 4) != 0) {
      throw error("not a GGUF file: expected it to begin with 47 47 55 46 (GGUF), found {}",
                  first_bytes_text(bytes_));
    }
    position_ = 4;
    header_.version = number<std::uint32_t>("version");
    if (header_.version != 2 && header_.version != 3) {
      const bool swapped = header_.version == 0x02000000 || header_.version == 0x03000000;
      throw error("GGUF version {}{} is not supported; expected version 2 or 3, little-endian",
                  header_.version, swapped ? " (a big-endian file)" : "");
    }
    tensor_count_ = number<std::uint64_t>("tensor count");
    require_at_most(tensor_count_, kMaxTensors, "tensors");
    key_count_ = number<std::uint64_t>("key count");
    require_at_most(key_count_, kMaxKeys, "keys");
  }

  void require_at_most(std::uint64_t count, std::uint64_t limit, std::string_view what) const {
    if (count > limit)
      throw error("states {} {}; at most {} are allowed: the file is damaged", count, what, limit);
  }

  void read_metadata() {
    std::unordered_map<std::string, std::uint64_t> places;
    part_ = "key";
    count_ = key_count_;
    for (index_ = 0; index_ < key_count_; ++index_) {
      name_.clear();
      std::string key(string("name", kMaxKeyBytes));
      if (key.empty()) throw error("the name of {} is empty", place());
      name_ = key;
      const auto [known, fresh] = places.emplace(key, index_);
      if (!fresh) {
        throw error("key '{}' stands twice, at positions {} and {}", escaped(key),
                    known->second + 1, index_ + 1);
      }
      const auto type = number<std::uint32_t>("type");
      header_.metadata.emplace_back(std::move(key), value(type));
    }
    name_.clear();
  }

  GgufValue value(std::uint32_t type) {
    GgufValue value;
    if (!read_alternative<0>(type, value))
      throw error("{} has value type {}; known types are 0 to 12", place(), type);
    return value;
  }

  // Tries each alternative of GgufValue: its position is its type number.
  template <std::size_t I>
  bool read_alternative(std::uint32_t type, GgufValue& value) {
    if constexpr (I < std::variant_size_v<GgufValue>) {
      if (type != I) return read_alternative<I + 1>(type, value);
      using T = std::variant_alternative_t<I, GgufValue>;
      if constexpr (std::is_same_v<T, bool>) {
        value.emplace<I>(boolean());
      } else if constexpr (std::is_same_v<T, std::string>) {
        value.emplace<I>(string("value"));
      } else if constexpr (std::is_same_v<T, GgufArray>) {
        value.emplace<I>(array());
      } else {
        value.emplace<I>(number<T>("value"));
      }
      return true;
    } else {
      return false;
    }
  }

  bool boolean() {
    const auto byte = number<std::uint8_t>("value");
    if (byte > 1) throw error("{} is a bool of value {}; expected 0 or 1", place(), byte);
    return byte == 1;
  }

  template <class T>
  void read_items(std::uint64_t count, std::vector<T>& items) {
    const auto bytes = checked_multiply(count, sizeof(T));
    if (!bytes || *bytes > left()) {
      throw error("the array of {} has {} items of {} bytes but {} bytes are left", place(), count,
                  sizeof(T), left());
    }
    items.resize(static_cast<std::size_t>(count));
    if (count > 0) std::memcpy(items.data(), bytes_.data() + position_, *bytes);
    position_ += *bytes;
  }

  void read_items(std::uint64_t count, std::vector<bool>& items) {
    require_left(count, "array");
    items.reserve(static_cast<std::size_t>(count));
    for (std::uint64_t i = 0; i < count; ++i) items.push_back(boolean());
  }

  void read_items(std::uint64_t count, std::vector<std::string>& items) {
    // A string takes eight bytes at least, so this bounds what the loop may allocate.
    if (count > left() / 8)
      throw error("the array of {} has {} strings but {} bytes are left", place(), count, left());
    const bool kept = texts_ == GgufTexts::kept;
    if (kept) items.reserve(static_cast<std::size_t>(count));
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string_view text = string("array");
      if (kept) items.emplace_back(text);
    }
  }

  template <std::size_t I>
  bool read_array(std::uint32_t type, std::uint64_t count, GgufArray::Items& items) {
    if constexpr (I < std::variant_size_v<GgufArray::Items>) {
      if (type != I) return read_array<I + 1>(type, count, items);
      using List = std::variant_alternative_t<I, GgufArray::Items>;
      if constexpr (std::is_same_v<List, std::monostate>) {
        return false;
      } else {
        read_items(count, items.emplace<I>());
        return true;
      }
    } else {
      return false;
    }
  }

  GgufArray array() {
    const auto type = number<std::uint32_t>("element type");
    const auto count = number<std::uint64_t>("item count");
    if (count > kMaxArrayItems) {
      throw error("{} is an array of {} {}; at most {} items are allowed", place(), count,
                  gguf_type_name(type), kMaxArrayItems);
    }
    GgufArray array;
    if (!read_array<0>(type, count, array.items)) {
      throw error("{} is an array of {} items of {}; expected numbers, bools or strings", place(),
                  count, gguf_type_name(type));
    }
    return array;
  }

  void find_alignment() {
    for (const auto& [key, value] : header_.metadata) {
      if (key != "general.alignment") continue;
      const auto* alignment = std::get_if<std::uint32_t>(&value);
      if (alignment == nullptr) {
        throw error("key 'general.alignment': expected u32, found {}", type_text(value));
      }
      if (!std::has_single_bit(*alignment) || *alignment > kMaxAlignment) {
        throw error("general.alignment is {}; expected a power of two up to {}", *alignment,
                    kMaxAlignment);
      }
      header_.alignment = *alignment;
    }
  }

  void read_tensor_table() {
    std::unordered_map<std::string, std::uint64_t> places;
    part_ = "tensor";
    count_ = tensor_count_;
    for (index_ = 0; index_ < tensor_count_; ++index_) {
      name_.clear();
      GgufTensorInfo tensor;
      tensor.name = string("name", kMaxTensorNameBytes);
      if (tensor.name.empty() || std::any_of(tensor.name.begin(), tensor.name.end(), is_control)) {
        throw error("the name of {} is '{}'; expected 1 to {} bytes without control characters",
                    place(), escaped(tensor.name), kMaxTensorNameBytes);
      }
      name_ = tensor.name;
      const auto [known, fresh] = places.emplace(tensor.name, index_);
      if (!fresh) {
        throw error("tensor '{}' stands twice, at positions {} and {}", escaped(tensor.name),
                    known->second + 1, index_ + 1);
      }
      read_tensor(tensor);
      header_.tensors.push_back(std::move(tensor));
    }
    part_ = {};
    name_.clear();
  }

  static bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

  void read_tensor(GgufTensorInfo& tensor) {
    const auto axes = number<std::uint32_t>("dimension count");
    if (axes > kMaxAxes)
      throw error("{} has {} dimensions; at most {} are allowed", place(), axes, kMaxAxes);
    std::array<std::int64_t, kMaxAxes> extents{};
    std::string shown;
    for (std::uint32_t axis = 0; axis < axes; ++axis) {
      // The file lists the innermost extent first.
      extents[axes - 1 - axis] = number<std::int64_t>("dimensions");
      shown += fmt::format("{}{}", axis == 0 ? "" : " x ", extents[axes - 1 - axis]);
    }
    std::uint64_t count = 1;
    for (std::uint32_t axis = 0; axis < axes; ++axis) {
      if (extents[axis] < 0) throw error("{} has a negative dimension: {}", place(), shown);
      const auto product = checked_multiply(count, static_cast<std::uint64_t>(extents[axis]));
      if (!product || *product > std::numeric_limits<std::int64_t>::max())
        throw error("the size of {} does not fit: {}", place(), shown);
      count = *product;
    }
    tensor.shape = Shape(std::span(extents.data(), axes));
    read_type(tensor, count);
    tensor.offset = number<std::uint64_t>("offset");
  }

  void read_type(GgufTensorInfo& tensor, std::uint64_t count) {
    const auto number_in_file = number<std::uint32_t>("type");
    const auto types = all_dtypes();
    const auto type = std::find_if(types.begin(), types.end(), [&](const DTypeInfo& known) {
      return known.ggml_type == number_in_file;
    });
    if (type == types.end()) {
      std::string known;
      for (const DTypeInfo& each : types)
        known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
      throw error("{} has type {} ({}), which is not read; known types: {}", place(),
                  number_in_file, foreign_type_name(number_in_file), known);
    }
    tensor.dtype = type->dtype;
    const std::int64_t row = tensor.shape.rank() == 0 ? 1 : tensor.shape[-1];
    if (row % type->block_elements != 0) {
      throw error("{} has type {} ({}) with blocks of {} elements, but its rows have {}", place(),
                  number_in_file, type->name, type->block_elements, row);
    }
    const auto bytes = checked_multiply(count / type->block_elements, type->block_bytes);
    if (!bytes) throw error("the size of {} does not fit: {}", place(), tensor.shape.text());
    tensor.bytes = *bytes;
  }

  // Turns offsets into positions in the file, and refuses tensors that leave it or overlap.
  void place_tensors() {
    const std::uint64_t mask = header_.alignment - 1;
    const auto padded = checked_add(position_, mask);
    header_.data_offset = *padded & ~mask;  // the position is below the size of a file: no wrap
    for (GgufTensorInfo& tensor : header_.tensors) {
      if ((tensor.offset & mask) != 0) {
        throw error("tensor '{}' has offset {}, which is not a multiple of the alignment {}",
                    escaped(tensor.name), tensor.offset, header_.alignment);
      }
      const auto begin = checked_add(header_.data_offset, tensor.offset);
      const auto end = begin ? checked_add(*begin, tensor.bytes) : std::nullopt;
      if (!end) {
        throw error("tensor '{}' at offset {} with {} bytes: the size does not fit",
                    escaped(tensor.name), tensor.offset, tensor.bytes);
      }
      if (*end > bytes_.size() && !(tensor.bytes == 0 && tensor.offset == 0)) {
        throw error("tensor '{}' ends at byte {} but the file has {}; download it again",
                    escaped(tensor.name), *end, bytes_.size());
      }
      tensor.offset = *begin;
    }
    refuse_overlap();
  }

  void refuse_overlap() const {
    std::vector<const GgufTensorInfo*> sorted;
    for (const GgufTensorInfo& tensor : header_.tensors)
      if (tensor.bytes > 0) sorted.push_back(&tensor);
    std::sort(sorted.begin(), sorted.end(),
              [](const auto* a, const auto* b) { return a->offset < b->offset; });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      const GgufTensorInfo &before = *sorted[i - 1], &after = *sorted[i];
      if (before.offset + before.bytes > after.offset) {
        throw error("tensors '{}' and '{}' overlap: bytes {} to {} and {} to {}",
                    escaped(before.name), escaped(after.name), before.offset,
                    before.offset + before.bytes, after.offset, after.offset + after.bytes);
      }
    }
  }

  Bytes bytes_;
  std::string_view where_;
  GgufTexts texts_;
  std::uint64_t position_ = 0, tensor_count_ = 0, key_count_ = 0;
  std::string_view part_;  // "key", "tensor", or nothing: with index_, count_ and name_, the place
  std::uint64_t index_ = 0, count_ = 0;
  std::string name_;
  GgufHeader header_;
};

}  // namespace

GgufHeader parse_gguf(Bytes bytes, std::string_view where, GgufTexts texts) {
  return HeaderReader(bytes, where, texts).read();
}

}  // namespace bantam
