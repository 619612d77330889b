#include <system_error>
#include <unordered_set>

#include "bantam/base/json.h"
#include "bantam/base/system_error.h"
#include "bantam/model/safetensors.h"
#include "bantam/model/shard_ends.h"

namespace bantam {
namespace {

std::string_view stored_name(std::string_view tensor, DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::f64:
      return "F64";
    case DType::bf16:
      return "BF16";
    case DType::f16:
      return "F16";
    case DType::i32:
      return "I32";
    default:
      throw input_error("safetensors has no {} (tensor '{}'); dequantize it, or write GGUF instead",
                        info(dtype).name, escaped(tensor));
  }
}

using Entries = std::span<const SafetensorsEntry>;

std::string header_text(Entries entries, const SafetensorsMetadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const SafetensorsEntry& entry : entries) {
    const std::string& name = entry.name;
    if (name.empty() || name == "__metadata__" || header.contains(name))
      throw input_error("safetensors: name '{}' is reserved, empty or used twice", escaped(name));
    const auto extents = entry.shape.extents();
    header[name] = {{"dtype", stored_name(name, entry.dtype)},
                    {"shape", std::vector<std::int64_t>(extents.begin(), extents.end())},
                    {"data_offsets", {offset, offset + entry.bytes()}}};
    offset += entry.bytes();
  }
  std::string text = dump_json(header);
  text.append((8 - text.size() % 8) % 8, ' ');  // so that data begins aligned
  return text;
}

std::uint64_t bytes_of(Entries entries) {
  std::uint64_t total = 0;
  for (const SafetensorsEntry& entry : entries) total += entry.bytes();
  return total;
}

std::vector<SafetensorsEntry> entries_of(NamedTensors tensors) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    entries.push_back({name, tensor.shape(), tensor.dtype(), [tensor = tensor] { return tensor; }});
  }
  return entries;
}

std::vector<Entries> split(Entries entries, std::uint64_t limit) {
  std::vector<Entries> shards;
  std::size_t begin = 0;
  const auto bytes_of = [&](std::size_t i) { return entries[i].bytes(); };
  for (const std::size_t end : shard_ends(entries.size(), bytes_of, limit)) {
    shards.push_back(entries.subspan(begin, end - begin));
    begin = end;
  }
  return shards;
}

}  // namespace

std::uint64_t SafetensorsEntry::bytes() const {
  const DTypeInfo& type = info(dtype);
  return static_cast<std::uint64_t>(shape.count() / type.block_elements * type.block_bytes);
}

void write_safetensors(const Path& path, std::span<const SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata) {
  const std::string header = header_text(entries, metadata);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(Bytes(reinterpret_cast<const std::byte*>(&length), sizeof(length)));
  file.write(std::string_view(header));
  for (const SafetensorsEntry& entry : entries) {
    const Tensor made = entry.make();
    const Tensor dense = made.is_contiguous() ? made : made.clone();
    if (dense.byte_size() != entry.bytes()) {
      throw internal_error("safetensors: tensor '{}': announced {} bytes, made {}", entry.name,
                           entry.bytes(), dense.byte_size());
    }
    if (entry.bytes() > 0) file.write(Bytes(dense.bytes(), dense.byte_size()));
  }
  file.commit();
}

void write_safetensors(const Path& path, NamedTensors tensors,
                       const SafetensorsMetadata& metadata) {
  write_safetensors(path, entries_of(tensors), metadata);
}

std::vector<Path> write_safetensors_folder(const Path& folder,
                                           std::span<const SafetensorsEntry> entries,
                                           std::uint64_t max_shard_bytes,
                                           const SafetensorsMetadata& metadata) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw system_error(failed.value(), folder, "make the folder", Error::Kind::usage);
  const auto shards = split(entries, max_shard_bytes);
  if (shards.size() == 1) {
    const Path path = folder / "model.safetensors";
    write_safetensors(path, entries, metadata);
    return {path};
  }
  std::unordered_set<std::string> names;
  for (const SafetensorsEntry& entry : entries)
    if (!names.insert(entry.name).second)
      throw input_error("safetensors: name '{}' is used twice", escaped(entry.name));
  Json map = Json::object();
  std::vector<Path> paths;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name =
        fmt::format("model-{:05d}-of-{:05d}.safetensors", i + 1, shards.size());
    write_safetensors(folder / name, shards[i], metadata);
    for (const SafetensorsEntry& entry : shards[i]) map[entry.name] = name;
    paths.push_back(folder / name);
  }
  // The index comes last: until it stands, nothing refers to the shards.
  const Json index = {{"metadata", {{"total_size", bytes_of(entries)}}}, {"weight_map", map}};
  paths.push_back(folder / "model.safetensors.index.json");
  write_file_atomically(paths.back(), dump_json(index, 2) + "\n");
  return paths;
}

std::vector<Path> write_safetensors_folder(const Path& folder, NamedTensors tensors,
                                           std::uint64_t max_shard_bytes,
                                           const SafetensorsMetadata& metadata) {
  return write_safetensors_folder(folder, entries_of(tensors), max_shard_bytes, metadata);
}

}  // namespace bantam
