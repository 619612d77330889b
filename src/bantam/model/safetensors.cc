#include "bantam/model/safetensors.h"

#include <cstring>
#include <limits>
#include <system_error>
#include <unordered_set>

#include "bantam/model/hub_cache.h"

namespace bantam {
namespace {

constexpr std::uint64_t kMaxIndexBytes = std::uint64_t{100} << 20;

template <class T>
Tensor narrowed(const SafetensorsInfo& tensor, const std::byte* data, std::string_view where) {
  Tensor out = Tensor::empty(tensor.shape, DType::i32);
  auto* values = out.data<std::int32_t>();
  for (std::int64_t i = 0; i < tensor.shape.count(); ++i) {
    T value;
    std::memcpy(&value, data + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
    if (!std::in_range<std::int32_t>(value)) {
      throw input_error("{}: tensor '{}' ({}): element {} is {}, which does not fit 32 bits", where,
                        escaped(tensor.name), tensor.stored, i, value);
    }
    values[i] = static_cast<std::int32_t>(value);
  }
  return out;
}

// The folder's own file, or a blob of the hub's cache that belongs to it. Anything else a link
// points to was not downloaded with the model.
void require_inside(const Path& folder, const Path& file) {
  std::error_code failed;
  const Path real_folder = std::filesystem::canonical(folder, failed);
  const Path real_file = std::filesystem::canonical(file, failed);
  if (failed) return;  // opening it will say why
  if (real_file.parent_path() != real_folder && !is_blob_of(real_folder, real_file)) {
    throw refused_error("{}: links to {}, outside the folder of the model; copy the file here",
                        escaped(file.string()), escaped(real_file.string()));
  }
}

// For a model of the hub that was fetched in part, by a tool that needed only its tokenizer
// perhaps.
std::string how_to_complete(const Path& folder) {
  const auto name = name_in_cache(folder);
  return name ? fmt::format("; bantam model pull {} fetches what is missing", name->text()) : "";
}

}  // namespace

std::shared_ptr<const SafetensorsFile> SafetensorsFile::open(const Path& path) {
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile);
  file->file_ = MappedFile::open(path);
  file->header_ = parse_safetensors(file->file_->bytes(), escaped(path.string()));
  for (std::size_t i = 0; i < file->header_.tensors.size(); ++i)
    file->places_.emplace(file->header_.tensors[i].name, i);
  return file;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const SafetensorsInfo& tensor : header_.tensors) names.push_back(tensor.name);
  return names;
}

std::vector<WeightInfo> SafetensorsFile::weights() const {
  return {header_.tensors.begin(), header_.tensors.end()};
}

bool SafetensorsFile::has(std::string_view name) const {
  return places_.contains(std::string(name));
}

Tensor SafetensorsFile::tensor(std::string_view name) const {
  const auto place = places_.find(std::string(name));
  if (place == places_.end()) throw_missing_tensor(*this, name);
  const SafetensorsInfo& tensor = header_.tensors[place->second];
  const std::byte* data = file_->bytes().data() + tensor.offset;
  const std::string where = description();
  if (tensor.stored == "I64") return narrowed<std::int64_t>(tensor, data, where);
  if (tensor.stored == "U32") return narrowed<std::uint32_t>(tensor, data, where);
  if (tensor.stored == "I16") return narrowed<std::int16_t>(tensor, data, where);
  if (tensor.stored == "U16") return narrowed<std::uint16_t>(tensor, data, where);
  if (tensor.stored == "I8") return narrowed<std::int8_t>(tensor, data, where);
  if (tensor.stored == "U8" || tensor.stored == "BOOL")
    return narrowed<std::uint8_t>(tensor, data, where);
  return tensor_over(file_, data, tensor.shape, tensor.dtype);
}

std::string SafetensorsFile::description() const { return escaped(file_->path().string()); }

std::shared_ptr<const SafetensorsFolder> SafetensorsFolder::open(const Path& folder) {
  std::shared_ptr<SafetensorsFolder> opened(new SafetensorsFolder);
  opened->folder_ = folder;
  std::error_code ignored;
  const Path index = folder / "model.safetensors.index.json";
  if (std::filesystem::exists(folder / "model.safetensors", ignored)) {
    opened->add_shard("model.safetensors", nullptr);
  } else if (std::filesystem::exists(index, ignored)) {
    const auto shards =
        parse_shard_index(read_file(index, kMaxIndexBytes), escaped(index.string()));
    for (const auto& [name, tensors] : shards) opened->add_shard(name, &tensors);
  } else {
    for (const char* pickle :
         {"pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "consolidated.00.pth"}) {
      if (std::filesystem::exists(folder / pickle, ignored)) {
        throw input_error(
            "{}: has only pickled weights ({}); a pickle can run code, so it is not opened: "
            "convert "
            "it to model.safetensors",
            escaped(folder.string()), pickle);
      }
    }
    throw input_error(
        "{}: expected model.safetensors or model.safetensors.index.json, found neither{}",
        escaped(folder.string()), how_to_complete(folder));
  }
  return opened;
}

void SafetensorsFolder::add_shard(const std::string& name, const std::vector<std::string>* listed) {
  const Path path = folder_ / name;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    const std::string advice = how_to_complete(folder_);
    throw input_error("{}: shard '{}' of the index is missing{}", escaped(folder_.string()),
                      escaped(name), advice.empty() ? "; download it again" : advice);
  }
  require_inside(folder_, path);
  auto shard = SafetensorsFile::open(path);
  if (listed != nullptr) {
    for (const std::string& tensor : *listed) {
      if (!shard->has(tensor)) {
        throw input_error("{}: the index puts tensor '{}' into '{}', which does not have it",
                          escaped(folder_.string()), escaped(tensor), escaped(name));
      }
    }
    const std::unordered_set<std::string> expected(listed->begin(), listed->end());
    for (const std::string& tensor : shard->names()) {
      if (!expected.contains(tensor)) {
        const auto other = places_.find(tensor);
        throw input_error(
            "{}: tensor '{}' of shard '{}' is {}", escaped(folder_.string()), escaped(tensor),
            escaped(name),
            other == places_.end()
                ? std::string("not in the index under this shard")
                : "also in shard '" + escaped(paths_[other->second].filename().string()) + "'");
      }
    }
  }
  for (const std::string& tensor : shard->names()) places_.emplace(tensor, shards_.size());
  paths_.push_back(path);
  shards_.push_back(std::move(shard));
}

std::uint64_t SafetensorsFolder::total_bytes() const {
  std::uint64_t total = 0;
  for (const auto& shard : shards_) total += shard->total_bytes();
  return total;
}

std::vector<WeightInfo> SafetensorsFolder::weights() const {
  std::vector<WeightInfo> all;
  for (const auto& shard : shards_) {
    const auto part = shard->weights();
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

bool SafetensorsFolder::has(std::string_view name) const {
  return places_.contains(std::string(name));
}

Tensor SafetensorsFolder::tensor(std::string_view name) const {
  const auto place = places_.find(std::string(name));
  if (place == places_.end()) throw_missing_tensor(*this, name);
  return shards_[place->second]->tensor(name);
}

std::string SafetensorsFolder::description() const { return escaped(folder_.string()); }

}  // namespace bantam
