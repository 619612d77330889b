#include <algorithm>
#include <bit>
#include <limits>
#include <memory>

#include "bantam/base/options.h"
#include "bantam/model/gguf.h"
#include "bantam/model/shard_ends.h"

namespace bantam {
namespace {

constexpr std::size_t kMaxTensorNameBytes = 64;
constexpr int kMaxAxes = 4;
constexpr std::uint32_t kVersion = 3;
constexpr std::int64_t kMostParts = 65535;  // their number is a u16
constexpr std::string_view kAlignmentKey = "general.alignment";

// Bytes of the header gathered in memory: it is small beside the tensors.
class HeaderText {
 public:
  template <class T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void string(std::string_view text) {
    number<std::uint64_t>(text.size());
    bytes_.append(text);
  }
  void value(const GgufValue& value) {
    number(static_cast<std::uint32_t>(value.index()));
    std::visit([this](const auto& v) { item(v); }, value);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  template <class T>
  void item(const T& v) {
    if constexpr (std::is_same_v<T, std::string>) {
      string(v);
    } else if constexpr (std::is_same_v<T, bool>) {
      number<std::uint8_t>(v ? 1 : 0);
    } else if constexpr (std::is_same_v<T, GgufArray>) {
      array(v);
    } else {
      number(v);
    }
  }
  void array(const GgufArray& array) {
    number(static_cast<std::uint32_t>(array.element()));
    number<std::uint64_t>(array.size());
    std::visit(
        [this](const auto& list) {
          using List = std::decay_t<decltype(list)>;
          if constexpr (!std::is_same_v<List, std::monostate>) {
            for (const typename List::value_type& v : list) item(v);
          }
        },
        array.items);
  }
  std::string bytes_;
};

std::uint64_t padded(std::uint64_t size, std::uint64_t alignment) {
  return (size + alignment - 1) & ~(alignment - 1);
}

void pad(AtomicFile& file, std::uint64_t alignment) {
  const std::string zeros(padded(file.position(), alignment) - file.position(), '\0');
  file.write(std::string_view(zeros));
}

}  // namespace

void GgufWriter::set(std::string_view key, GgufValue value) {
  if (key.empty() || key.size() > 65535)
    throw input_error("GGUF key '{}': expected 1 to 65,535 bytes", escaped(key));
  if (key == kAlignmentKey) {
    const auto* alignment = std::get_if<std::uint32_t>(&value);
    if (alignment == nullptr || !std::has_single_bit(*alignment) || *alignment > 65536) {
      throw input_error(
          "GGUF key 'general.alignment': expected a u32, a power of two up to "
          "65,536; found {} {}",
          type_text(value), value_text(value));
    }
  }
  for (auto& [known, old] : metadata_) {
    if (known == key) {
      old = std::move(value);
      return;
    }
  }
  metadata_.emplace_back(key, std::move(value));
}

void GgufWriter::add(std::string_view name, Tensor tensor) {
  const Shape shape = tensor.shape();
  const DType dtype = tensor.dtype();
  add(name, shape, dtype, [tensor = std::move(tensor)] { return tensor; });
}

void GgufWriter::add(std::string_view name, const Shape& shape, DType dtype,
                     std::function<Tensor()> make) {
  if (name.empty() || name.size() > kMaxTensorNameBytes) {
    throw input_error("GGUF tensor name '{}' has {} bytes; expected 1 to {}", escaped(name),
                      name.size(), kMaxTensorNameBytes);
  }
  if (shape.rank() > kMaxAxes) {
    throw input_error("GGUF tensor '{}' has shape {}; the format has at most {} axes",
                      escaped(name), shape.text(), kMaxAxes);
  }
  for (const Entry& known : tensors_) {
    if (known.name == name) throw input_error("GGUF tensor '{}' is added twice", escaped(name));
  }
  const DTypeInfo& type = info(dtype);
  const auto bytes =
      static_cast<std::uint64_t>(shape.count() / type.block_elements * type.block_bytes);
  tensors_.push_back({std::string(name), shape, dtype, bytes, std::move(make)});
}

// One file, which appears under its name when it is committed.
class GgufWriter::Part {
 public:
  Part(const Path& path, GgufMetadata metadata, std::span<const Entry> tensors)
      : file_(path), metadata_(std::move(metadata)), tensors_(tensors) {}

  void write(ProgressPhase& phase, double& written) {
    std::uint64_t alignment = 32;
    for (const auto& [key, value] : metadata_) {
      if (key == kAlignmentKey) alignment = std::get<std::uint32_t>(value);
    }
    file_.write(header(alignment).bytes());
    pad(file_, alignment);
    for (const Entry& entry : tensors_) {
      const Tensor made = entry.make();
      const Tensor dense = made.is_contiguous() ? made : made.clone();
      if (dense.byte_size() != entry.bytes) {
        throw internal_error("GGUF tensor '{}': announced {} bytes, made {}", entry.name,
                             entry.bytes, dense.byte_size());
      }
      if (entry.bytes > 0) file_.write(Bytes(dense.bytes(), dense.byte_size()));
      pad(file_, alignment);
      phase.advance(++written);
    }
  }
  void commit() { file_.commit(); }

 private:
  HeaderText header(std::uint64_t alignment) const {
    HeaderText header;
    header.number<std::uint32_t>(0x46554747);  // "GGUF"
    header.number(kVersion);
    header.number<std::uint64_t>(tensors_.size());
    header.number<std::uint64_t>(metadata_.size());
    for (const auto& [key, value] : metadata_) {
      header.string(key);
      header.value(value);
    }
    std::uint64_t offset = 0;
    for (const Entry& entry : tensors_) {
      header.string(entry.name);
      header.number(static_cast<std::uint32_t>(entry.shape.rank()));
      for (int axis = entry.shape.rank() - 1; axis >= 0; --axis) {
        header.number<std::int64_t>(entry.shape[axis]);
      }
      header.number(info(entry.dtype).ggml_type);
      header.number(offset);
      offset += padded(entry.bytes, alignment);
    }
    return header;
  }

  AtomicFile file_;
  GgufMetadata metadata_;
  std::span<const Entry> tensors_;
};

std::vector<Path> GgufWriter::write_parts(const Path& path, std::uint64_t max_bytes,
                                          ProgressSink& progress) const {
  const std::uint64_t limit =
      max_bytes == 0 ? std::numeric_limits<std::uint64_t>::max() : max_bytes;
  const auto bytes_of = [&](std::size_t i) { return tensors_[i].bytes; };
  const std::vector<std::size_t> ends = shard_ends(tensors_.size(), bytes_of, limit);
  if (std::ssize(ends) > kMostParts) {
    throw usage_error("a split set has at most {} files, and {} of {} would be needed",
                      with_commas(kMostParts), with_commas(std::ssize(ends)),
                      format_bytes(max_bytes));
  }
  std::vector<Path> paths;
  std::vector<std::unique_ptr<Part>> parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    GgufMetadata metadata = i == 0 ? metadata_ : GgufMetadata();
    if (ends.size() == 1) {
      paths.push_back(path);
    } else {
      paths.push_back(gguf_part_path(path, static_cast<std::int64_t>(i) + 1, std::ssize(ends)));
      const auto alignment =
          std::ranges::find(metadata_, kAlignmentKey, &GgufMetadata::value_type::first);
      if (i > 0 && alignment != metadata_.end()) metadata.push_back(*alignment);
      metadata.emplace_back("split.no", static_cast<std::uint16_t>(i));
      metadata.emplace_back("split.count", static_cast<std::uint16_t>(ends.size()));
      metadata.emplace_back("split.tensors.count", static_cast<std::int32_t>(tensors_.size()));
    }
    parts.push_back(std::make_unique<Part>(paths.back(), std::move(metadata),
                                           std::span(tensors_).subspan(begin, ends[i] - begin)));
    begin = ends[i];
  }
  ProgressPhase phase(progress, "Writing tensors", static_cast<double>(tensors_.size()), "tensors");
  double written = 0;
  for (const auto& part : parts) part->write(phase, written);
  for (const auto& part : parts) part->commit();
  return paths;
}

}  // namespace bantam
