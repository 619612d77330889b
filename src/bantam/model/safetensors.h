// Safetensors: a JSON header and the bytes of its tensors, one file or a folder of shards with an
// index.
//
// The checks are those of the format's security audit (no gap, no overlap, no byte beyond the
// tensors), and an index may only name files of its own folder.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/model/weights.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

using SafetensorsMetadata = std::map<std::string, std::string>;

struct SafetensorsInfo : WeightInfo {
  std::string stored;        ///< "F32", "BF16", "I64", ...: as the file names it
  std::uint64_t offset = 0;  ///< of the first byte, from the start of the file
  std::uint64_t stored_bytes = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsInfo> tensors;  ///< in the order of their bytes
  SafetensorsMetadata metadata;
};

/// Reads and checks the header of a whole file in memory; no tensor byte is touched. Throws
/// Error(input) that begins with `where` and names tensor and ranges.
SafetensorsHeader parse_safetensors(Bytes bytes, std::string_view where);

class SafetensorsFile : public WeightSource {
 public:
  static std::shared_ptr<const SafetensorsFile> open(const Path& path);

  const SafetensorsMetadata& metadata() const { return header_.metadata; }
  std::vector<std::string> names() const;
  std::uint64_t total_bytes() const { return file_->bytes().size(); }

  /// Integers of other widths come as i32; WeightInfo::bytes counts what the tensor will take.
  std::vector<WeightInfo> weights() const override;
  bool has(std::string_view name) const override;
  /// Throws Error(input) as well when a stored integer does not fit i32.
  Tensor tensor(std::string_view name) const override;
  std::string description() const override;

 private:
  SafetensorsFile() = default;
  std::shared_ptr<const MappedFile> file_;
  SafetensorsHeader header_;
  std::unordered_map<std::string, std::size_t> places_;
};

/// File -> tensors, as model.safetensors.index.json says. Throws Error(input) on bad JSON, and
/// Error(refused) on an entry that is not a plain name ending in .safetensors.
std::map<std::string, std::vector<std::string>> parse_shard_index(std::string_view json_text,
                                                                  std::string_view where);

/// model.safetensors, or the shards that model.safetensors.index.json lists.
class SafetensorsFolder : public WeightSource {
 public:
  static std::shared_ptr<const SafetensorsFolder> open(const Path& folder);

  std::vector<Path> paths() const { return paths_; }
  std::uint64_t total_bytes() const;
  std::vector<WeightInfo> weights() const override;
  bool has(std::string_view name) const override;
  Tensor tensor(std::string_view name) const override;
  std::string description() const override;

 private:
  SafetensorsFolder() = default;
  void add_shard(const std::string& name, const std::vector<std::string>* listed);
  Path folder_;
  std::vector<Path> paths_;
  std::vector<std::shared_ptr<const SafetensorsFile>> shards_;
  std::unordered_map<std::string, std::size_t> places_;  ///< tensor -> shard
};

using NamedTensors = std::span<const std::pair<std::string, Tensor>>;

/// A tensor that is made when it is due, so that a file may be larger than memory.
struct SafetensorsEntry {
  std::string name;
  Shape shape;
  DType dtype;
  std::function<Tensor()> make;  ///< called once; must keep what is announced here

  std::uint64_t bytes() const;
};

/// Writes one complete file or nothing. Throws Error(input) on a name used twice and on block
/// types, which the format does not have.
void write_safetensors(const Path& path, std::span<const SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata = {{"format", "pt"}});
void write_safetensors(const Path& path, NamedTensors tensors,
                       const SafetensorsMetadata& metadata = {{"format", "pt"}});

/// Bytes of tensors in one of several files, unless told otherwise; transformers has the same.
inline constexpr std::uint64_t kMaxShardBytes = 5'000'000'000;

/// Writes `folder`/model.safetensors, or shards of at most `max_shard_bytes` with their index when
/// one file would be larger. A tensor larger than the limit gets a shard of its own. Returns the
/// files written.
std::vector<Path> write_safetensors_folder(const Path& folder,
                                           std::span<const SafetensorsEntry> entries,
                                           std::uint64_t max_shard_bytes = kMaxShardBytes,
                                           const SafetensorsMetadata& metadata = {
                                               {"format", "pt"}});
std::vector<Path> write_safetensors_folder(const Path& folder, NamedTensors tensors,
                                           std::uint64_t max_shard_bytes = kMaxShardBytes,
                                           const SafetensorsMetadata& metadata = {
                                               {"format", "pt"}});

}  // namespace bantam
