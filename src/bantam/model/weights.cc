#include "bantam/model/weights.h"

#include <algorithm>
#include <cstring>
#include <system_error>

#include "bantam/base/options.h"
#include "bantam/model/gguf.h"
#include "bantam/model/packed_weights.h"
#include "bantam/model/safetensors.h"

namespace bantam {
namespace {

std::size_t alignment_of(DType dtype) {
  switch (info(dtype).block_bytes) {
    case 8:
      return 8;
    case 4:
      return 4;
    default:
      return 2;  // f16, bf16, and blocks, whose widest field is a 16-bit scale
  }
}

std::shared_ptr<const WeightSource> open_folder(const Path& folder) {
  const auto tensors = SafetensorsFolder::open(folder);
  const Path config = folder / "config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(config, ignored)) return tensors;
  return unpack_weights(tensors, HfConfig::read(config));
}

std::string first_text(Bytes bytes, std::size_t count) {
  count = std::min(count, bytes.size());
  return {reinterpret_cast<const char*>(bytes.data()), count};
}

}  // namespace

Tensor tensor_over(std::shared_ptr<const void> owner, const std::byte* data, const Shape& shape,
                   DType dtype) {
  if (reinterpret_cast<std::uintptr_t>(data) % alignment_of(dtype) == 0 && shape.count() > 0)
    return Tensor::view_of(std::move(owner), data, shape, dtype);
  Tensor copy = Tensor::empty(shape, dtype);
  if (copy.byte_size() > 0) std::memcpy(copy.writable_bytes(), data, copy.byte_size());
  return copy;
}

void throw_missing_tensor(const WeightSource& source, std::string_view name) {
  std::vector<std::string> known;
  for (const WeightInfo& weight : source.weights()) known.push_back(weight.name);
  const std::string nearest = nearest_name(name, known);
  throw input_error("{}: no tensor '{}' among {}{}", source.description(), escaped(name),
                    known.size(), nearest.empty() ? "" : "; nearest: " + escaped(nearest));
}

std::string content_kind(Bytes bytes) {
  const std::string start = first_text(bytes, 64);
  const auto begins = [&](std::string_view with) { return start.starts_with(with); };
  if (start.empty()) return "an empty file";
  if (begins("GGUF")) return "a GGUF file";
  if (begins("PK\x03\x04")) return "a zip archive; PyTorch's .bin and .pt files are such";
  if (start.size() >= 2 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5)
    return "a Python pickle, which can run code when loaded";
  if (begins("version https://git-lfs"))
    return "a Git LFS pointer: the real file was not downloaded; run git lfs pull";
  if (begins("<!DO") || begins("<!do") || begins("<htm") || begins("<HTM")) return "an HTML page";
  if (begins("\x1f\x8b")) return "a gzip file";
  if (begins("\x28\xb5\x2f\xfd")) return "a Zstandard file";
  if (begins("tjgg") || begins("lmgg") || begins("fmgg"))
    return "a GGML file from before GGUF; convert it with llama.cpp";
  if (start.size() > 8 && start[8] == '{' && start.substr(5, 3) == std::string(3, '\0'))
    return "a safetensors file";
  if (begins("\x89PNG")) return "a PNG image";
  if (begins("{")) return "JSON text";
  return "";
}

std::string first_bytes_text(Bytes bytes) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(4, bytes.size()); ++i)
    text += fmt::format("{}{:02x}", i == 0 ? "" : " ", std::to_integer<unsigned>(bytes[i]));
  const std::string kind = content_kind(bytes);
  if (text.empty()) return "nothing (an empty file)";
  return kind.empty() ? text : fmt::format("{} ({})", text, kind);
}

std::shared_ptr<const WeightSource> open_weights(const Path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return open_folder(path);
  const auto file = MappedFile::open(path);
  const std::string kind = content_kind(file->bytes());
  if (kind == "a safetensors file") return SafetensorsFile::open(path);
  if (kind.find("pickle") != std::string::npos || kind.find("zip") != std::string::npos) {
    throw input_error(
        "{}: expected a GGUF or safetensors file, found {}; a pickle can run code, so it is not "
        "opened: convert it to safetensors",
        escaped(path.string()), kind);
  }
  return GgufFile::open(path);
}

}  // namespace bantam
