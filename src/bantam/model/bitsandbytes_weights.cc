// bitsandbytes: nf4 and fp4 (4-bit codes in blocks with a scale each, two a byte, the first in the
// high half), and int8 (LLM.int8: rows with a scale each).
//
//   x.weight                    u8 [N K / 2, 1], codes          x.weight   i8 [N, K]
//   x.weight.quant_map          f32 [16], value of a code       x.SCB      f32 [N], 127 times the
//   x.weight.absmax             f32 [blocks], the scales                   scale
//   x.weight.quant_state.bitsandbytes__nf4  u8, JSON: blocksize, dtype, shape, ...
//   with double quantization: absmax u8 [blocks], codes of x.weight.nested_quant_map f32 [256] in
//   blocks of nested_blocksize with scales x.weight.nested_absmax, plus nested_offset
//
// (bitsandbytes 0.50.2, functional.py and backends/default/ops.py.)
#include <cstring>

#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/model/packed_weights.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

constexpr std::int64_t kChunk = 1 << 16;
constexpr std::string_view kStateMark = ".weight.quant_state.bitsandbytes__";

// Codes of 8 bits, however the folder stores them: as bytes, or hidden in another type.
std::vector<std::uint8_t> stored_bytes(const Tensor& tensor) {
  if (tensor.dtype() == DType::i32) {  // bytes come as i32 (safetensors.h)
    const auto values = tensor.span<std::int32_t>();
    return {values.begin(), values.end()};
  }
  std::vector<std::uint8_t> bytes(tensor.byte_size());
  if (!bytes.empty()) std::memcpy(bytes.data(), tensor.bytes(), bytes.size());
  return bytes;
}

HfConfig read_state(const WeightSource& source, const std::string& name) {
  const auto bytes = stored_bytes(source.tensor(name));
  const std::string where = fmt::format("{}: {}", source.description(), escaped(name));
  try {
    return HfConfig(
        parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, {.depth = 8}),
        where);
  } catch (const Error& error) {
    throw error.at(where);
  }
}

DType named_float(const HfConfig& state) {
  const std::string name = state.require_string("dtype");
  if (name == "float32") return DType::f32;
  if (name == "bfloat16") return DType::bf16;
  if (name == "float16") return DType::f16;
  throw input_error("{}: dtype is '{}'; known: float32, bfloat16, float16", state.where(),
                    escaped(name));
}

std::int64_t require_positive(const HfConfig& state, std::string_view key) {
  const std::int64_t value = state.require_integer(key);
  if (value > 0) return value;
  throw input_error("{}: {} is {}; expected a positive number", state.where(), key, value);
}

Shape matrix_shape(const HfConfig& state) {
  const auto shape = state.json().find("shape");
  constexpr std::int64_t kMaxExtent = std::int64_t{1} << 31;
  std::vector<std::int64_t> extents;
  if (shape != state.json().end() && shape->is_array() && shape->size() == 2) {
    for (const Json& extent : *shape) {
      if (!extent.is_number_integer()) break;
      const auto size = extent.get<std::int64_t>();
      if (size > 0 && size < kMaxExtent) extents.push_back(size);
    }
  }
  if (extents.size() != 2) {
    throw input_error("{}: shape should be two positive numbers", state.where());
  }
  return Shape(extents);
}

std::vector<float> floats(const WeightSource& source, const std::string& name, std::int64_t count) {
  const Tensor tensor = dequantize(packed_part(source, name, {count}));
  const auto bad = first_bad_block(DType::f32, tensor.bytes(), tensor.count());
  if (bad >= 0) {
    throw input_error(
        "{}: tensor '{}' has a NaN or infinite value in element {}; download it again",
        source.description(), escaped(name), bad);
  }
  return {tensor.span<float>().begin(), tensor.span<float>().end()};
}

// The scales of `count` blocks, unpacked where they are quantized themselves.
std::vector<float> block_scales(const WeightSource& source, const std::string& weight,
                                const HfConfig& state, std::int64_t count) {
  const std::string name = weight + ".absmax";
  if (!source.has(weight + ".nested_absmax")) return floats(source, name, count);
  const std::int64_t block = require_positive(state, "nested_blocksize");
  const auto offset = static_cast<float>(state.require_number("nested_offset"));
  const auto values = floats(source, weight + ".nested_quant_map", 256);
  const auto outer = floats(source, weight + ".nested_absmax", (count + block - 1) / block);
  const auto codes = stored_bytes(packed_part(source, name, {count}));
  std::vector<float> scales(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) scales[i] = values[codes[i]] * outer[i / block] + offset;
  return scales;
}

Tensor decode_4bit(const WeightSource& source, const std::string& weight, const HfConfig& state) {
  const Shape shape = matrix_shape(state);
  const std::int64_t count = shape.count(), block = require_positive(state, "blocksize");
  const auto values = floats(source, weight + ".quant_map", 16);
  const auto scales = block_scales(source, weight, state, (count + block - 1) / block);
  const auto codes = stored_bytes(source.tensor(weight));
  if (static_cast<std::int64_t>(codes.size()) != (count + 1) / 2) {
    throw input_error("{}: tensor '{}' has {} bytes; expected {} for {}", source.description(),
                      escaped(weight), codes.size(), (count + 1) / 2, shape.text());
  }
  Tensor out = Tensor::empty(shape);
  float* to = out.data<float>();
  parallel_for(count, kChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int code = i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15;
      to[i] = values[code] * scales[i / block];
    }
  });
  const DType type = named_float(state);
  return type == DType::f32 ? out : quantize(out, type);
}

PackedWeight packed_4bit(std::shared_ptr<const WeightSource> source, const std::string& mark) {
  const std::string kind = mark.substr(mark.find(kStateMark) + kStateMark.size());
  if (kind != "nf4" && kind != "fp4") {
    throw input_error("{}: '{}' is packed as '{}'; known: nf4, fp4, int8", source->description(),
                      escaped(mark), escaped(kind));
  }
  const std::string weight = mark.substr(0, mark.find(".quant_state."));
  const HfConfig state = read_state(*source, mark);
  const Shape shape = matrix_shape(state);
  const DType type = named_float(state);
  PackedWeight packed;
  packed.info = {.name = weight,
                 .shape = shape,
                 .dtype = type,
                 .bytes = static_cast<std::uint64_t>(shape.count() * info(type).block_bytes)};
  packed.parts = {weight, mark};
  for (const char* part : {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"}) {
    packed.parts.push_back(weight + part);
  }
  packed.decode = [source, weight, state] { return decode_4bit(*source, weight, state); };
  return packed;
}

Tensor decode_int8(const WeightSource& source, const std::string& name) {
  const Tensor levels = source.tensor(name + ".weight");
  if (levels.rank() != 2 || !info(levels.dtype()).is_integer()) {
    throw input_error("{}: tensor '{}.weight' is {} {}; expected a matrix of 8-bit integers",
                      source.description(), escaped(name), info(levels.dtype()).name,
                      levels.shape().text());
  }
  const std::int64_t rows = levels.size(0), width = levels.size(1);
  const auto scales = floats(source, name + ".SCB", rows);
  Tensor out = dequantize(levels);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t k = 0; k < width; ++k) {
      // In the order in which bitsandbytes rounds.
      float& value = out.data<float>()[row * width + k];
      value = value * scales[row] * (1.0f / 127);
    }
  }
  return out;
}

PackedWeight packed_int8(std::shared_ptr<const WeightSource> source, const std::string& name,
                         const Shape& shape) {
  PackedWeight packed;
  packed.info = {.name = name + ".weight",
                 .shape = shape,
                 .dtype = DType::f32,
                 .bytes = static_cast<std::uint64_t>(shape.count()) * sizeof(float)};
  packed.parts = {name + ".weight", name + ".SCB", name + ".weight_format"};
  packed.decode = [source, name] { return decode_int8(*source, name); };
  return packed;
}

}  // namespace

std::vector<PackedWeight> bitsandbytes_weights(std::shared_ptr<const WeightSource> source) {
  constexpr std::string_view kWeight = ".weight";
  std::vector<PackedWeight> found;
  for (const WeightInfo& tensor : source->weights()) {
    if (tensor.name.find(kStateMark) != std::string::npos) {
      found.push_back(packed_4bit(source, tensor.name));
    } else if (tensor.name.ends_with(kWeight)) {
      const std::string name = tensor.name.substr(0, tensor.name.size() - kWeight.size());
      if (source->has(name + ".SCB")) found.push_back(packed_int8(source, name, tensor.shape));
    }
  }
  return found;
}

}  // namespace bantam
