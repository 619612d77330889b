#include <system_error>
#include <unordered_set>

#include "bantam/base/json.h"
#include "bantam/base/system_error.h"
#include "bantam/model/safetensors.h"

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

std::string header_text(NamedTensors tensors, const SafetensorsMetadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    if (name.empty() || name == "__metadata__" || header.contains(name))
      throw input_error("safetensors: name '{}' is reserved, empty or used twice", escaped(name));
    const auto extents = tensor.shape().extents();
    header[name] = {{"dtype", stored_name(name, tensor.dtype())},
                    {"shape", std::vector<std::int64_t>(extents.begin(), extents.end())},
                    {"data_offsets", {offset, offset + tensor.byte_size()}}};
    offset += tensor.byte_size();
  }
  std::string text = dump_json(header);
  text.append((8 - text.size() % 8) % 8, ' ');  // so that data begins aligned
  return text;
}

std::uint64_t bytes_of(NamedTensors tensors) {
  std::uint64_t total = 0;
  for (const auto& [name, tensor] : tensors) total += tensor.byte_size();
  return total;
}

// Consecutive tensors, filled up to the limit.
std::vector<NamedTensors> split(NamedTensors tensors, std::uint64_t limit) {
  std::vector<NamedTensors> shards;
  std::size_t begin = 0;
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::uint64_t bytes = tensors[i].second.byte_size();
    if (i > begin && size + bytes > limit) {
      shards.push_back(tensors.subspan(begin, i - begin));
      begin = i;
      size = 0;
    }
    size += bytes;
  }
  shards.push_back(tensors.subspan(begin));
  return shards;
}

}  // namespace

void write_safetensors(const Path& path, NamedTensors tensors,
                       const SafetensorsMetadata& metadata) {
  const std::string header = header_text(tensors, metadata);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(Bytes(reinterpret_cast<const std::byte*>(&length), sizeof(length)));
  file.write(std::string_view(header));
  for (const auto& [name, tensor] : tensors) {
    const Tensor dense = tensor.is_contiguous() ? tensor : tensor.clone();
    if (dense.byte_size() > 0) file.write(Bytes(dense.bytes(), dense.byte_size()));
  }
  file.commit();
}

std::vector<Path> write_safetensors_folder(const Path& folder, NamedTensors tensors,
                                           std::uint64_t max_shard_bytes,
                                           const SafetensorsMetadata& metadata) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw system_error(failed.value(), folder, "make the folder", Error::Kind::usage);
  const auto shards = split(tensors, max_shard_bytes);
  if (shards.size() == 1) {
    const Path path = folder / "model.safetensors";
    write_safetensors(path, tensors, metadata);
    return {path};
  }
  std::unordered_set<std::string> names;
  for (const auto& [name, tensor] : tensors)
    if (!names.insert(name).second)
      throw input_error("safetensors: name '{}' is used twice", escaped(name));
  Json map = Json::object();
  std::vector<Path> paths;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name =
        fmt::format("model-{:05d}-of-{:05d}.safetensors", i + 1, shards.size());
    write_safetensors(folder / name, shards[i], metadata);
    for (const auto& [tensor, data] : shards[i]) map[tensor] = name;
    paths.push_back(folder / name);
  }
  // The index comes last: until it stands, nothing refers to the shards.
  const Json index = {{"metadata", {{"total_size", bytes_of(tensors)}}}, {"weight_map", map}};
  paths.push_back(folder / "model.safetensors.index.json");
  write_file_atomically(paths.back(), dump_json(index, 2) + "\n");
  return paths;
}

}  // namespace bantam
