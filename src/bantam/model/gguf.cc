#include "bantam/model/gguf.h"

#include <charconv>
#include <limits>
#include <system_error>
#include <type_traits>

#include "bantam/base/options.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

constexpr std::uint64_t kAutomaticCheckBytes = 2'000'000'000;
constexpr std::int64_t kMaxParts = 99999;

// "model-00002-of-00003.gguf" taken apart.
struct PartName {
  std::string stem;
  std::int64_t number = 0, count = 0;
};

std::optional<PartName> part_name(const Path& path) {
  const std::string name = path.filename().string();
  constexpr std::string_view suffix = ".gguf";
  constexpr std::size_t tail = std::string_view("-00001-of-00002").size();
  if (name.size() <= tail + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  const std::string numbers = name.substr(name.size() - suffix.size() - tail, tail);
  if (numbers[0] != '-' || numbers.substr(6, 4) != "-of-") return std::nullopt;
  PartName part{.stem = name.substr(0, name.size() - suffix.size() - tail)};
  const char* text = numbers.data();
  const auto first = std::from_chars(text + 1, text + 6, part.number);
  const auto second = std::from_chars(text + 10, text + 15, part.count);
  if (first.ptr != text + 6 || second.ptr != text + 15) return std::nullopt;
  return part;
}

Path path_of_part(const Path& folder, const PartName& part, std::int64_t number) {
  return gguf_part_path(folder / (part.stem + ".gguf"), number, part.count);
}

template <class T>
constexpr bool is_integer = std::is_integral_v<T> && !std::is_same_v<T, bool>;

std::optional<std::int64_t> as_integer(const GgufValue& value) {
  return std::visit(
      [](const auto& v) -> std::optional<std::int64_t> {
        using T = std::decay_t<decltype(v)>;
        if constexpr (is_integer<T>) {
          if (std::in_range<std::int64_t>(v)) return static_cast<std::int64_t>(v);
        }
        return std::nullopt;
      },
      value);
}

std::optional<double> as_number(const GgufValue& value) {
  return std::visit(
      [](const auto& v) -> std::optional<double> {
        using T = std::decay_t<decltype(v)>;
        if constexpr (is_integer<T> || std::is_floating_point_v<T>) return static_cast<double>(v);
        return std::nullopt;
      },
      value);
}

std::int64_t split_value(const GgufHeader& header, std::string_view key, std::string_view where,
                         std::int64_t missing) {
  for (const auto& [name, value] : header.metadata) {
    if (name != key) continue;
    if (const auto number = as_integer(value)) return *number;
    throw input_error("{}: key '{}': expected an integer, found {}", where, key, type_text(value));
  }
  return missing;
}

}  // namespace

Path gguf_part_path(const Path& path, std::int64_t number, std::int64_t count) {
  return path.parent_path() /
         fmt::format("{}-{:05d}-of-{:05d}.gguf", path.stem().string(), number, count);
}

bool is_gguf_part_of(const Path& part, const Path& path) {
  const auto name = part_name(part);
  return name && name->stem == path.stem().string();
}

std::string gguf_type_name(std::uint32_t number) {
  constexpr std::string_view names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                        "bool", "string", "array", "u64", "i64", "f64"};
  if (number < std::size(names)) return std::string(names[number]);
  return fmt::format("unknown type {}", number);
}

std::size_t GgufArray::size() const {
  return std::visit(
      [](const auto& list) -> std::size_t {
        if constexpr (std::is_same_v<std::decay_t<decltype(list)>, std::monostate>) {
          return 0;
        } else {
          return list.size();
        }
      },
      items);
}

std::string type_text(const GgufValue& value) {
  if (const auto* array = std::get_if<GgufArray>(&value)) {
    return fmt::format("array of {} {}", with_commas(static_cast<std::int64_t>(array->size())),
                       gguf_type_name(static_cast<std::uint32_t>(array->element())));
  }
  return gguf_type_name(static_cast<std::uint32_t>(value.index()));
}

namespace {

template <class T>
std::string item_text(const T& item, std::size_t limit) {
  if constexpr (std::is_same_v<T, std::string>) {
    return "\"" + escaped(item, limit) + "\"";
  } else if constexpr (std::is_same_v<T, bool>) {
    return item ? "true" : "false";
  } else {
    return fmt::format("{}", item);
  }
}

std::string array_text(const GgufArray& array, std::size_t limit) {
  return std::visit(
      [&](const auto& list) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(list)>, std::monostate>) {
          return "[]";
        } else {
          using T = typename std::decay_t<decltype(list)>::value_type;
          std::string text = "[";
          for (std::size_t i = 0; i < list.size(); ++i) {
            if (text.size() > limit) return text + ", …]";
            text += (i == 0 ? "" : ", ") + item_text<T>(list[i], limit);
          }
          return text + "]";
        }
      },
      array.items);
}

}  // namespace

std::string value_text(const GgufValue& value, std::size_t limit) {
  return std::visit(
      [limit](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, GgufArray>) {
          return array_text(v, limit);
        } else {
          return item_text<T>(v, limit);
        }
      },
      value);
}

std::shared_ptr<const GgufFile> GgufFile::open(const Path& path, WeightCheck check,
                                               GgufTexts texts) {
  std::shared_ptr<GgufFile> file(new GgufFile);
  file->add_part(path, 0, texts);
  const std::string where = escaped(path.string());
  const std::int64_t count = split_value(file->headers_[0], "split.count", where, 1);
  if (count > 1) {
    const auto name = part_name(path);
    if (!name || name->count != count || count > kMaxParts || name->number < 1 ||
        name->number > count) {
      throw input_error(
          "{}: is one of {} parts, so its name must end in -00001-of-{:05d}.gguf or the number of "
          "another part",
          where, count, count);
    }
    const std::int64_t opened = name->number;
    GgufFile whole;
    for (std::int64_t number = 1; number <= count; ++number) {
      const Path part = path_of_part(path.parent_path(), *name, number);
      std::error_code ignored;
      if (number != opened && !std::filesystem::exists(part, ignored)) {
        throw input_error("{}: part {} of {} is missing; put it beside the others",
                          escaped(part.string()), number, count);
      }
      whole.add_part(part, static_cast<std::size_t>(number - 1), texts);
    }
    whole.check_parts(static_cast<std::size_t>(count));
    *file = std::move(whole);
  }
  file->check(check);
  return file;
}

void GgufFile::check(WeightCheck check) const {
  if (check == WeightCheck::always ||
      (check == WeightCheck::automatic && total_bytes() <= kAutomaticCheckBytes)) {
    check_blocks();
  }
}

void GgufFile::add_part(const Path& path, std::size_t part, GgufTexts texts) {
  auto mapped = MappedFile::open(path);
  const std::string where = escaped(path.string());
  GgufHeader header = parse_gguf(mapped->bytes(), where, texts);
  for (GgufTensorInfo& tensor : header.tensors) {
    tensor.part = part;
    const auto [known, fresh] = tensor_places_.emplace(tensor.name, tensors_.size());
    if (!fresh) {
      throw input_error("{}: tensor '{}' also stands in part {}: a part is repeated", where,
                        escaped(tensor.name), tensors_[known->second].part + 1);
    }
    tensors_.push_back(tensor);
  }
  header.tensors.clear();
  // What every part may repeat is taken from the first; the header keeps what tells parts apart.
  GgufMetadata own;
  for (auto& [key, value] : header.metadata) {
    if (key.starts_with("split.") || key == "general.architecture") own.emplace_back(key, value);
    if (key_places_.emplace(key, metadata_.size()).second) {
      metadata_.emplace_back(std::move(key), std::move(value));
    }
  }
  header.metadata = std::move(own);
  headers_.push_back(std::move(header));
  files_.push_back(std::move(mapped));
  paths_.push_back(path);
}

void GgufFile::check_parts(std::size_t count) const {
  std::int64_t stated_tensors = -1;
  for (std::size_t part = 0; part < count; ++part) {
    const std::string where = escaped(paths_[part].string());
    const GgufHeader& header = headers_[part];
    const auto number = split_value(header, "split.no", where, -1);
    const auto parts = split_value(header, "split.count", where, -1);
    if (number != static_cast<std::int64_t>(part)) {
      throw input_error("{}: says it is part {} but its name says part {}: a part is repeated",
                        where, number + 1, part + 1);
    }
    const auto tensors = split_value(header, "split.tensors.count", where, -1);
    if (part == 0) stated_tensors = tensors;
    if (parts != static_cast<std::int64_t>(count) || tensors != stated_tensors) {
      throw input_error(
          "{}: belongs to another model: it is of a set of {} parts and {} tensors, the first part "
          "of {} and {}",
          where, parts, tensors, count, stated_tensors);
    }
    for (const auto& [key, value] : header.metadata) {
      if (key == "general.architecture" && !(value == *find(key))) {
        throw input_error("{}: belongs to another model: architecture {}, the first part {}", where,
                          value_text(value), value_text(*find(key)));
      }
    }
  }
  if (stated_tensors >= 0 && stated_tensors != static_cast<std::int64_t>(tensors_.size())) {
    throw input_error("{}: the set states {} tensors but its {} parts hold {}", description(),
                      stated_tensors, count, tensors_.size());
  }
}

void GgufFile::check_blocks() const {
  for (const GgufTensorInfo& tensor : tensors_) {
    const std::byte* data = files_[tensor.part]->bytes().data() + tensor.offset;
    if (tensor.bytes == 0) continue;
    const std::int64_t block = first_bad_block(tensor.dtype, data, tensor.shape.count());
    if (block < 0) continue;
    const DTypeInfo& type = info(tensor.dtype);
    throw input_error("{}: tensor '{}' ({}) has a NaN or infinite {} in {} {}; download it again",
                      escaped(paths_[tensor.part].string()), escaped(tensor.name), type.name,
                      type.is_quantized ? "scale" : "value",
                      type.is_quantized ? "block" : "element", block);
  }
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto place = key_places_.find(std::string(key));
  return place == key_places_.end() ? nullptr : &metadata_[place->second].second;
}

void GgufFile::throw_type(std::string_view key, std::string_view expected) const {
  const GgufValue* value = find(key);
  std::string found = value == nullptr ? "no such key" : type_text(*value);
  if (value != nullptr && value->index() != static_cast<std::size_t>(GgufType::array))
    found += " " + value_text(*value);
  throw input_error("{}: key '{}': expected {}, found {}", description(), escaped(key), expected,
                    found);
}

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = as_integer(*value);
  if (!number) throw_type(key, "an integer");
  return number;
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = as_number(*value);
  if (!number) throw_type(key, "a number");
  return number;
}

std::optional<bool> GgufFile::boolean(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const bool* answer = std::get_if<bool>(value);
  if (answer == nullptr) throw_type(key, "a bool");
  return *answer;
}

std::optional<std::string> GgufFile::string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(value);
  if (text == nullptr) throw_type(key, "a string");
  return *text;
}

std::optional<std::vector<std::string>> GgufFile::strings(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* array = std::get_if<GgufArray>(value);
  const auto* list =
      array == nullptr ? nullptr : std::get_if<std::vector<std::string>>(&array->items);
  if (list == nullptr) throw_type(key, "an array of strings");
  return *list;
}

std::optional<std::vector<std::int64_t>> GgufFile::integers(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  std::optional<std::vector<std::int64_t>> result;
  if (const auto* array = std::get_if<GgufArray>(value)) {
    std::visit(
        [&](const auto& list) {
          using List = std::decay_t<decltype(list)>;
          if constexpr (!std::is_same_v<List, std::monostate>) {
            if constexpr (is_integer<typename List::value_type>) {
              result.emplace(list.begin(), list.end());
            }
          }
        },
        array->items);
  }
  if (!result) throw_type(key, "an array of integers");
  return result;
}

std::optional<std::vector<double>> GgufFile::numbers(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  std::optional<std::vector<double>> result;
  if (const auto* array = std::get_if<GgufArray>(value)) {
    std::visit(
        [&](const auto& list) {
          using List = std::decay_t<decltype(list)>;
          if constexpr (!std::is_same_v<List, std::monostate>) {
            if constexpr (std::is_floating_point_v<typename List::value_type>) {
              result.emplace(list.begin(), list.end());
            }
          }
        },
        array->items);
  }
  if (!result) throw_type(key, "an array of f32 or f64");
  return result;
}

std::int64_t GgufFile::require_integer(std::string_view key) const {
  const auto value = integer(key);
  if (!value) throw_type(key, "an integer");
  return *value;
}

double GgufFile::require_number(std::string_view key) const {
  const auto value = number(key);
  if (!value) throw_type(key, "a number");
  return *value;
}

std::string GgufFile::require_string(std::string_view key) const {
  auto value = string(key);
  if (!value) throw_type(key, "a string");
  return *std::move(value);
}

std::vector<std::string> GgufFile::require_strings(std::string_view key) const {
  auto value = strings(key);
  if (!value) throw_type(key, "an array of strings");
  return *std::move(value);
}

std::uint64_t GgufFile::total_bytes() const {
  std::uint64_t total = 0;
  for (const auto& file : files_) total += file->bytes().size();
  return total;
}

std::vector<WeightInfo> GgufFile::weights() const { return {tensors_.begin(), tensors_.end()}; }

bool GgufFile::has(std::string_view name) const {
  return tensor_places_.contains(std::string(name));
}

Tensor GgufFile::tensor(std::string_view name) const {
  const auto place = tensor_places_.find(std::string(name));
  if (place == tensor_places_.end()) throw_missing_tensor(*this, name);
  const GgufTensorInfo& tensor = tensors_[place->second];
  const auto& file = files_[tensor.part];
  return tensor_over(file, file->bytes().data() + tensor.offset, tensor.shape, tensor.dtype);
}

std::string GgufFile::description() const { return escaped(paths_.front().string()); }

}  // namespace bantam
