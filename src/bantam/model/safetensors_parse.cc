// The reader of safetensors headers and shard indexes: works on strangers' bytes.
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "bantam/base/checked.h"
#include "bantam/base/json.h"
#include "bantam/base/utf8.h"
#include "bantam/model/safetensors.h"

namespace bantam {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr int kMaxHeaderDepth = 16;
constexpr int kMaxIndexDepth = 16;

struct StoredType {
  std::string_view name;
  std::uint64_t bytes;
  DType read_as;
};
constexpr StoredType kStoredTypes[] = {
    {"F32", 4, DType::f32}, {"F64", 8, DType::f64}, {"BF16", 2, DType::bf16},
    {"F16", 2, DType::f16}, {"I32", 4, DType::i32}, {"I64", 8, DType::i32},
    {"I16", 2, DType::i32}, {"I8", 1, DType::i32},  {"U8", 1, DType::i32},
    {"U16", 2, DType::i32}, {"U32", 4, DType::i32}, {"BOOL", 1, DType::i32},
};

class HeaderReader {
 public:
  HeaderReader(Bytes bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  SafetensorsHeader read() {
    const Json json = read_json();
    for (const auto& [name, entry] : json.items()) {
      if (name == "__metadata__") {
        read_metadata(entry);
      } else {
        read_tensor(name, entry);
      }
    }
    check_coverage();
    return std::move(header_);
  }

 private:
  template <class... Args>
  Error error(fmt::format_string<Args...> text, Args&&... args) const {
    return input_error("{}: {}", where_, fmt::format(text, std::forward<Args>(args)...));
  }

  Json read_json() {
    if (bytes_.size() < 8) {
      throw error("not a safetensors file: expected at least 8 bytes, found {}: {}", bytes_.size(),
                  first_bytes_text(bytes_));
    }
    std::uint64_t length;
    std::memcpy(&length, bytes_.data(), 8);
    const std::uint64_t left = bytes_.size() - 8;
    if (length > left || length > kMaxHeaderBytes) {
      const std::string kind = content_kind(bytes_);
      throw error("the header states {} bytes, but {} are left and {} are allowed{}", length, left,
                  kMaxHeaderBytes, kind.empty() ? "" : "; this is " + kind);
    }
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + 8, length);
    if (text.empty() || text[0] != '{') {
      throw error("byte 8 of the header: expected '{{', found {}",
                  text.empty() ? "nothing" : "'" + escaped(text.substr(0, 1)) + "'");
    }
    data_offset_ = 8 + length;
    try {
      return parse_json(text, {.depth = kMaxHeaderDepth});
    } catch (const Error& problem) {
      throw problem.at(fmt::format("{}: header, which begins at byte 8", where_));
    }
  }

  void read_metadata(const Json& entry) {
    if (!entry.is_object()) throw error("__metadata__: expected an object of strings");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) {
        throw error("__metadata__: key '{}': expected a string, found {}", escaped(key),
                    value.type_name());
      }
      header_.metadata[key] = value.get<std::string>();
    }
  }

  const Json& member(const std::string& name, const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end()) throw error("tensor '{}' has no '{}'", escaped(name), key);
    return *found;
  }

  std::uint64_t unsigned_value(const std::string& name, const Json& value, const char* key) const {
    if (!value.is_number_unsigned()) {
      throw error("tensor '{}': {} must be whole numbers from 0, found {}", escaped(name), key,
                  escaped(dump_json(value), 40));
    }
    return value.get<std::uint64_t>();
  }

  void read_tensor(const std::string& name, const Json& entry) {
    if (!entry.is_object()) throw error("tensor '{}': expected an object", escaped(name));
    SafetensorsInfo tensor;
    tensor.name = name;
    const StoredType& type = stored_type(name, member(name, entry, "dtype"));
    tensor.stored = type.name;
    tensor.dtype = type.read_as;
    const std::uint64_t count = read_shape(tensor, member(name, entry, "shape"));
    const auto expected = checked_multiply(count, type.bytes);
    if (!expected || *expected > std::numeric_limits<std::int64_t>::max())
      throw error("tensor '{}': the size of {} does not fit", escaped(name), tensor.shape.text());
    tensor.bytes = count * info(tensor.dtype).block_bytes;
    tensor.stored_bytes = *expected;
    read_range(tensor, member(name, entry, "data_offsets"));
    header_.tensors.push_back(std::move(tensor));
  }

  const StoredType& stored_type(const std::string& name, const Json& value) const {
    for (const StoredType& type : kStoredTypes)
      if (value.is_string() && value.get_ref<const std::string&>() == type.name) return type;
    std::string known;
    for (const StoredType& type : kStoredTypes)
      known += fmt::format("{}{}", known.empty() ? "" : ", ", type.name);
    throw error("tensor '{}': unknown dtype {}; known: {}", escaped(name),
                value.is_string() ? "'" + escaped(value.get_ref<const std::string&>(), 40) + "'"
                                  : std::string(value.type_name()),
                known);
  }

  std::uint64_t read_shape(SafetensorsInfo& tensor, const Json& value) const {
    if (!value.is_array() || value.size() > Shape::kMaxRank) {
      throw error("tensor '{}': shape must be a list of at most {} numbers, found {}",
                  escaped(tensor.name), Shape::kMaxRank, escaped(dump_json(value), 60));
    }
    std::vector<std::int64_t> extents;
    std::uint64_t count = 1;
    for (const Json& extent : value) {
      const std::uint64_t size = unsigned_value(tensor.name, extent, "shape");
      const auto product = checked_multiply(count, size);
      if (!product || *product > std::numeric_limits<std::int64_t>::max() ||
          size > std::numeric_limits<std::int64_t>::max()) {
        throw error("tensor '{}': the size of {} does not fit", escaped(tensor.name),
                    escaped(dump_json(value), 60));
      }
      count = *product;
      extents.push_back(static_cast<std::int64_t>(size));
    }
    tensor.shape = Shape(extents);
    return count;
  }

  void read_range(SafetensorsInfo& tensor, const Json& value) const {
    if (!value.is_array() || value.size() != 2) {
      throw error("tensor '{}': data_offsets must be [begin, end], found {}", escaped(tensor.name),
                  escaped(dump_json(value), 60));
    }
    const std::uint64_t begin = unsigned_value(tensor.name, value[0], "data_offsets");
    const std::uint64_t end = unsigned_value(tensor.name, value[1], "data_offsets");
    if (begin > end) {
      throw error("tensor '{}': begins at {} after its end at {}", escaped(tensor.name), begin,
                  end);
    }
    if (end - begin != tensor.stored_bytes) {
      throw error("tensor '{}': {} {} takes {} bytes, but data_offsets {} to {} hold {}",
                  escaped(tensor.name), tensor.stored, tensor.shape.text(), tensor.stored_bytes,
                  begin, end, end - begin);
    }
    tensor.offset = begin;  // counted from the data for now; check_coverage() makes it absolute
  }

  // Tensors must tile the data exactly: a gap or a tail could hide another file.
  void check_coverage() {
    auto& tensors = header_.tensors;
    std::stable_sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
      return std::pair(a.offset, a.offset + a.stored_bytes) <
             std::pair(b.offset, b.offset + b.stored_bytes);
    });
    const std::uint64_t size = bytes_.size() - data_offset_;
    std::uint64_t end = 0;
    std::string before = "the start";
    for (const SafetensorsInfo& tensor : tensors) {
      const std::uint64_t tensor_end = tensor.offset + tensor.stored_bytes;
      if (tensor.offset != end) {
        throw error("{} between '{}', which ends at {}, and '{}', which has bytes {} to {}",
                    tensor.offset < end ? "overlap" : "gap", escaped(before), end,
                    escaped(tensor.name), tensor.offset, tensor_end);
      }
      end = tensor_end;
      before = tensor.name;
    }
    if (end > size) {
      throw error(
          "{} bytes are missing: the tensors take {} but {} follow the header; download it "
          "again",
          end - size, end, size);
    }
    if (end < size)
      throw error("{} bytes follow the last tensor, '{}'", size - end, escaped(before));
    for (SafetensorsInfo& tensor : tensors) tensor.offset += data_offset_;
  }

  Bytes bytes_;
  std::string_view where_;
  std::uint64_t data_offset_ = 0;
  SafetensorsHeader header_;
};

bool is_plain_shard_name(std::string_view name) {
  return name.ends_with(".safetensors") && name.size() <= 255 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte > 0x20 && byte != 0x7f && c != '/' && c != '\\';
         });
}

}  // namespace

SafetensorsHeader parse_safetensors(Bytes bytes, std::string_view where) {
  return HeaderReader(bytes, where).read();
}

std::map<std::string, std::vector<std::string>> parse_shard_index(std::string_view json_text,
                                                                  std::string_view where) {
  Json json;
  try {
    json = parse_json(json_text, {.depth = kMaxIndexDepth});
  } catch (const Error& problem) {
    throw problem.at(where);
  }
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || map == json.end() || !map->is_object())
    throw input_error("{}: expected an object with the object 'weight_map'", where);
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) {
      throw input_error("{}: weight_map: '{}': expected a file name, found {}", where,
                        escaped(tensor), file.type_name());
    }
    const auto& name = file.get_ref<const std::string&>();
    if (!is_plain_shard_name(name)) {
      throw refused_error(
          "{}: weight_map: '{}' names '{}'; expected the name of a .safetensors file in the same "
          "folder",
          where, escaped(tensor), escaped(name));
    }
    shards[name].push_back(tensor);
  }
  return shards;
}

}  // namespace bantam
