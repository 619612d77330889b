// GGUF, the single-file format of llama.cpp: typed metadata, a table of tensors, aligned data.
// Versions 2 and 3, little-endian, whole or split into -0000i-of-0000N parts.
//
// Everything a file states is checked before it is believed: counts, lengths, products and offsets,
// so that a hostile file costs no more than a short refusal.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/progress.h"
#include "bantam/model/weights.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// Numbers of the format. They are also the positions in GgufValue and GgufArray::Items.
enum class GgufType : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12
};

/// "u32"; "unknown type 77".
std::string gguf_type_name(std::uint32_t number);

struct GgufArray {
  /// The ninth place keeps positions equal to type numbers: arrays of arrays do not exist.
  using Items =
      std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
                   std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>,
                   std::vector<float>, std::vector<bool>, std::vector<std::string>, std::monostate,
                   std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<double>>;
  Items items;

  GgufType element() const { return static_cast<GgufType>(items.index()); }
  std::size_t size() const;
  bool operator==(const GgufArray&) const = default;
};

using GgufValue = std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                               std::uint32_t, std::int32_t, float, bool, std::string, GgufArray,
                               std::uint64_t, std::int64_t, double>;

/// "u32", "string", "array of 49,152 string".
std::string type_text(const GgufValue& value);
/// The value itself on one line, strings escaped and cut, long arrays cut.
std::string value_text(const GgufValue& value, std::size_t limit = 60);

struct GgufTensorInfo : WeightInfo {
  std::uint64_t offset = 0;  ///< of the first byte, from the start of its file
  std::size_t part = 0;      ///< which file of a split set
};

using GgufMetadata = std::vector<std::pair<std::string, GgufValue>>;

/// All that stands before the data of one file.
struct GgufHeader {
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;
  GgufMetadata metadata;
  std::vector<GgufTensorInfo> tensors;
  std::uint64_t data_offset = 0;
};

/// What becomes of arrays of strings, which are most of a header: the tokens and merges.
enum class GgufTexts { kept, left_out };

/// Reads and checks the header of a whole file in memory; no tensor byte is touched. Arrays of
/// strings that are left out are checked, too, and empty. Throws Error(input) that begins with
/// `where` and names offset, field, key or tensor.
GgufHeader parse_gguf(Bytes bytes, std::string_view where, GgufTexts texts = GgufTexts::kept);

enum class WeightCheck {
  automatic,  ///< when the files together have at most 2 GB
  always,
  never,
};

class GgufFile : public WeightSource {
 public:
  /// `path` may be any part of a split set: all its parts are opened. The check refuses a block
  /// whose scale is NaN or infinite, naming tensor and block.
  static std::shared_ptr<const GgufFile> open(const Path& path,
                                              WeightCheck check = WeightCheck::automatic,
                                              GgufTexts texts = GgufTexts::kept);

  const GgufMetadata& metadata() const { return metadata_; }
  const GgufValue* find(std::string_view key) const;

  // Typed reading. Any integer type serves as integer; numbers may be integers too. A missing key
  // or a wrong type is Error(input) naming file, key, expected and found.
  std::int64_t require_integer(std::string_view key) const;
  double require_number(std::string_view key) const;
  std::string require_string(std::string_view key) const;
  std::vector<std::string> require_strings(std::string_view key) const;
  // The same, with nothing where the key is missing. A wrong type is an error all the same.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string> string(std::string_view key) const;
  std::optional<std::vector<std::string>> strings(std::string_view key) const;
  std::optional<std::vector<std::int64_t>> integers(std::string_view key) const;
  std::optional<std::vector<double>> numbers(std::string_view key) const;

  const std::vector<GgufTensorInfo>& tensors() const { return tensors_; }
  std::uint64_t total_bytes() const;
  const std::vector<Path>& paths() const { return paths_; }

  std::vector<WeightInfo> weights() const override;
  bool has(std::string_view name) const override;
  Tensor tensor(std::string_view name) const override;
  std::string description() const override;

  /// The check of open(), for a file that was opened without it.
  void check(WeightCheck check) const;

 private:
  GgufFile() = default;
  void add_part(const Path& path, std::size_t part, GgufTexts texts);
  void check_parts(std::size_t count) const;
  void check_blocks() const;
  [[noreturn]] void throw_type(std::string_view key, std::string_view expected) const;

  std::vector<Path> paths_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::vector<GgufHeader> headers_;  ///< metadata and tensors moved out; kept for split.* checks
  GgufMetadata metadata_;
  std::vector<GgufTensorInfo> tensors_;
  std::unordered_map<std::string, std::size_t> key_places_, tensor_places_;
};

/// "model.gguf", part 2 of 3: "model-00002-of-00003.gguf".
Path gguf_part_path(const Path& path, std::int64_t number, std::int64_t count);
/// Whether `part` has the name of a part of `path`, of however many.
bool is_gguf_part_of(const Path& part, const Path& path);

/// Collects metadata and tensors, then writes one complete file or nothing. Tensors are kept as
/// handles until then, or made one at a time while writing.
class GgufWriter {
 public:
  /// A key set again takes the new value and keeps its place. "general.alignment" (u32) decides the
  /// alignment.
  void set(std::string_view key, GgufValue value);
  /// Throws Error(input) on a name that is empty, longer than 64 bytes or used before, and on more
  /// than four axes.
  void add(std::string_view name, Tensor tensor);
  /// `make` is called once, when the tensor is due, and must keep what is announced here.
  void add(std::string_view name, const Shape& shape, DType dtype, std::function<Tensor()> make);
  /// Replaces whatever stood at `path` once everything is on the disk.
  void write(const Path& path, ProgressSink& progress = silent_progress()) const {
    write_parts(path, 0, progress);
  }
  /// The same as a split set whose parts hold at most `max_bytes` of tensors, or one larger tensor:
  /// gguf_part_path()s, the first with all metadata. One file at `path` where that is enough, or
  /// when max_bytes is 0. Returns what was written, in order.
  std::vector<Path> write_parts(const Path& path, std::uint64_t max_bytes,
                                ProgressSink& progress = silent_progress()) const;

 private:
  struct Entry {
    std::string name;
    Shape shape;
    DType dtype;
    std::uint64_t bytes;
    std::function<Tensor()> make;
  };
  class Part;

  GgufMetadata metadata_;
  std::vector<Entry> tensors_;
};

}  // namespace bantam
