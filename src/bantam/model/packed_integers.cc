// GPTQ and AWQ: weights as small integers q with a scale and a zero point z for each output and
// each group of inputs: w = scale * (q - z). Files hold the transposed weight [K, N].
//
//   gptq   qweight [K bits / 32, N]  a stream of bits down each column
//          qzeros  [groups, N bits / 32]  a stream of bits along each row; less one in format gptq
//          scales  [groups, N], and g_idx [K], the group of each input (desc_act)
//   awq    qweight [K, N / 8], qzeros [groups, N / 8]  along rows, eights in the order 0 2 4 6 1 3
//   5 7
//          scales  [groups, N]
//
// (AutoGPTQ 0.7.1, qlinear_cuda.py; AutoAWQ 0.2.9, gemm.py and packing_utils.py.)
#include <algorithm>
#include <array>
#include <cstring>

#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/model/packed_weights.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/quant/q4_0.h"
#include "bantam/tensor/quant/q5_0.h"
#include "bantam/tensor/quant/q8_0.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

constexpr std::int64_t kBlock = 32;           // elements of Q4_0, Q5_0 and Q8_0
constexpr std::int64_t kColumnsAtATime = 16;  // of a file: a cache line of its words

// Unsigned integers of a few bits in a matrix of 32-bit words. Bits may run over from one word to
// the next.
class PackedMatrix {
 public:
  enum class Order { down_columns, along_rows, along_rows_in_awq_eights };

  PackedMatrix(Tensor words, int bits, Order order)
      : words_(std::move(words)), bits_(bits), order_(order) {}

  std::uint32_t at(std::int64_t row, std::int64_t column) const {
    if (order_ == Order::down_columns) return number(row * bits_, column, words_.size(1));
    if (order_ == Order::along_rows_in_awq_eights) {
      constexpr std::array<int, 8> kPlaces = {0, 4, 1, 5, 2, 6, 3, 7};
      column = column / 8 * 8 + kPlaces[static_cast<std::size_t>(column % 8)];
    }
    return number(column * bits_, row * words_.size(1), 1);
  }

 private:
  // Of the bits from `bit` on in the words first, first + step, ...
  std::uint32_t number(std::int64_t bit, std::int64_t first, std::int64_t step) const {
    const auto* words = words_.data<std::int32_t>() + first + bit / 32 * step;
    const auto shift = static_cast<int>(bit % 32);
    std::uint64_t value = static_cast<std::uint32_t>(words[0]);
    if (shift + bits_ > 32) value |= std::uint64_t{static_cast<std::uint32_t>(words[step])} << 32;
    return static_cast<std::uint32_t>(value >> shift) & ((1u << bits_) - 1);
  }

  Tensor words_;
  int bits_;
  Order order_;
};

// A packed weight with everything that its elements depend on.
struct Integers {
  PackedMatrix levels;  // q [K, N]
  int bits;
  std::int64_t inputs, outputs;
  std::vector<std::int16_t> zeros;     // [groups, N]
  std::vector<float> scales;           // [groups, N]
  std::vector<std::int32_t> group_of;  // [K]

  float scale(std::int64_t input, std::int64_t output) const {
    return scales[static_cast<std::size_t>(group_of[input] * outputs + output)];
  }
};

// The smallest type of blocks that holds scale * (q - z) exactly for all q and z, if there is one.
DType exact_type(const Integers& weight) {
  const auto [least_zero, greatest_zero] = std::ranges::minmax(weight.zeros);
  const int least = -greatest_zero, greatest = (1 << weight.bits) - 1 - least_zero;
  for (std::int64_t k = 0; k < weight.inputs; ++k) {
    if (weight.group_of[k] != weight.group_of[k / kBlock * kBlock]) return DType::f32;
  }
  const bool halves = std::ranges::all_of(
      weight.scales, [](float scale) { return f16_to_float(float_to_f16(scale)) == scale; });
  if (weight.inputs % kBlock != 0 || !halves) return DType::f32;
  if (least >= -8 && greatest <= 7) return DType::q4_0;
  if (least >= -16 && greatest <= 15) return DType::q5_0;
  return least >= -128 && greatest <= 127 ? DType::q8_0 : DType::f32;
}

void set_levels(const std::int16_t* levels, Q4_0Block& block) {
  for (int i = 0; i < 16; ++i) {
    block.levels[i] = static_cast<std::uint8_t>((levels[i] + 8) | ((levels[i + 16] + 8) << 4));
  }
}

void set_levels(const std::int16_t* levels, Q5_0Block& block) {
  std::uint32_t fifth = 0;
  for (int i = 0; i < 16; ++i) {
    const int low = levels[i] + 16, high = levels[i + 16] + 16;
    block.levels[i] = static_cast<std::uint8_t>((low & 15) | ((high & 15) << 4));
    fifth |= static_cast<std::uint32_t>(low >> 4) << i;
    fifth |= static_cast<std::uint32_t>(high >> 4) << (i + 16);
  }
  std::memcpy(block.fifth_bits, &fifth, sizeof fifth);
}

void set_levels(const std::int16_t* levels, Q8_0Block& block) {
  for (int i = 0; i < 32; ++i) block.levels[i] = static_cast<std::int8_t>(levels[i]);
}

// Row `output` of the result from its levels q - z [K].
using WriteRow = void (*)(const Integers& weight, std::int64_t output, const std::int16_t* levels,
                          std::byte* row);

template <class Block>
void write_blocks(const Integers& weight, std::int64_t output, const std::int16_t* levels,
                  std::byte* row) {
  for (std::int64_t k = 0; k < weight.inputs; k += kBlock) {
    Block block;
    block.scale = float_to_f16(weight.scale(k, output));
    set_levels(levels + k, block);
    std::memcpy(row + k / kBlock * sizeof block, &block, sizeof block);
  }
}

void write_floats(const Integers& weight, std::int64_t output, const std::int16_t* levels,
                  std::byte* row) {
  auto* values = reinterpret_cast<float*>(row);
  for (std::int64_t k = 0; k < weight.inputs; ++k) {
    values[k] = weight.scale(k, output) * static_cast<float>(levels[k]);
  }
}

WriteRow row_writer(DType type) {
  switch (type) {
    case DType::q4_0:
      return write_blocks<Q4_0Block>;
    case DType::q5_0:
      return write_blocks<Q5_0Block>;
    case DType::q8_0:
      return write_blocks<Q8_0Block>;
    default:
      return write_floats;
  }
}

Tensor decode(const Integers& weight, DType type) {
  Tensor out = Tensor::empty({weight.outputs, weight.inputs}, type);
  std::byte* bytes = out.writable_bytes();
  const std::int64_t row_bytes = static_cast<std::int64_t>(out.byte_size()) / weight.outputs;
  const WriteRow write = row_writer(type);
  parallel_for(weight.outputs, kColumnsAtATime, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int16_t> levels(static_cast<std::size_t>((end - begin) * weight.inputs));
    for (std::int64_t k = 0; k < weight.inputs; ++k) {
      const std::int16_t* zeros = weight.zeros.data() + weight.group_of[k] * weight.outputs;
      for (std::int64_t n = begin; n < end; ++n) {
        levels[(n - begin) * weight.inputs + k] =
            static_cast<std::int16_t>(static_cast<int>(weight.levels.at(k, n)) - zeros[n]);
      }
    }
    for (std::int64_t n = begin; n < end; ++n) {
      write(weight, n, levels.data() + (n - begin) * weight.inputs, bytes + n * row_bytes);
    }
  });
  return out;
}

// "model.layers.0.mlp.up_proj" for each tensor "model.layers.0.mlp.up_proj.qweight".
std::vector<std::string> packed_names(const WeightSource& source) {
  constexpr std::string_view kSuffix = ".qweight";
  std::vector<std::string> names;
  for (const WeightInfo& weight : source.weights()) {
    if (!weight.name.ends_with(kSuffix)) continue;
    names.push_back(weight.name.substr(0, weight.name.size() - kSuffix.size()));
  }
  return names;
}

// Settings of a folder, and what differs between the two programs.
struct Packing {
  int bits;
  std::int64_t group_size;  // -1: one group
  PackedMatrix::Order level_order, zero_order;
  int zero_offset;  // what files leave out of zero points
};

Tensor words(const WeightSource& source, const std::string& name) {
  Tensor tensor = source.tensor(name);
  if (tensor.rank() != 2 || tensor.dtype() != DType::i32 || tensor.count() == 0) {
    throw input_error("{}: tensor '{}' is {} {}; expected a matrix of 32-bit integers",
                      source.description(), escaped(name), info(tensor.dtype()).name,
                      tensor.shape().text());
  }
  return tensor;
}

std::vector<float> finite_scales(const WeightSource& source, const std::string& name,
                                 const Shape& shape) {
  const Tensor scales = dequantize(packed_part(source, name, shape));
  const auto bad = first_bad_block(DType::f32, scales.bytes(), scales.count());
  if (bad >= 0) {
    throw input_error(
        "{}: tensor '{}' has a NaN or infinite scale in element {}; download it again",
        source.description(), escaped(name), bad);
  }
  return {scales.span<float>().begin(), scales.span<float>().end()};
}

// From g_idx where the folder has it (desc_act), else by position.
std::vector<std::int32_t> groups_of_inputs(const WeightSource& source, const std::string& name,
                                           std::int64_t inputs, std::int64_t group_size,
                                           std::int64_t groups) {
  std::vector<std::int32_t> group_of(static_cast<std::size_t>(inputs));
  for (std::int64_t k = 0; k < inputs; ++k) {
    group_of[k] = static_cast<std::int32_t>(k / group_size);
  }
  const std::string index = name + ".g_idx";
  if (source.has(index)) {
    const auto given = packed_part(source, index, {inputs}).values();
    std::ranges::transform(given, group_of.begin(),
                           [](double group) { return static_cast<std::int32_t>(group); });
  }
  for (std::int64_t k = 0; k < inputs; ++k) {
    if (group_of[k] >= 0 && group_of[k] < groups) continue;
    throw input_error("{}: input {} of '{}' is of group {}, but its scales have {} groups",
                      source.description(), k, escaped(name), group_of[k], groups);
  }
  return group_of;
}

Integers read_integers(const WeightSource& source, const std::string& name,
                       const Packing& packing) {
  using Order = PackedMatrix::Order;
  const Tensor packed = words(source, name + ".qweight");
  const bool down = packing.level_order == Order::down_columns;
  const std::int64_t inputs = down ? packed.size(0) * 32 / packing.bits : packed.size(0);
  const std::int64_t outputs = down ? packed.size(1) : packed.size(1) * 32 / packing.bits;
  if (packed.size(down ? 0 : 1) * 32 % packing.bits != 0 || outputs * packing.bits % 32 != 0) {
    throw input_error("{}: tensor '{}.qweight' {} is no whole number of {}-bit integers",
                      source.description(), escaped(name), packed.shape().text(), packing.bits);
  }
  const std::int64_t group_size = packing.group_size > 0 ? packing.group_size : inputs;
  const std::int64_t groups = (inputs + group_size - 1) / group_size;
  const std::int64_t zero_words = outputs * packing.bits / 32;
  const PackedMatrix stored_zeros(packed_part(source, name + ".qzeros", {groups, zero_words}),
                                  packing.bits, packing.zero_order);
  Integers weight{.levels = PackedMatrix(packed, packing.bits, packing.level_order),
                  .bits = packing.bits,
                  .inputs = inputs,
                  .outputs = outputs,
                  .zeros = std::vector<std::int16_t>(static_cast<std::size_t>(groups * outputs)),
                  .scales = finite_scales(source, name + ".scales", {groups, outputs}),
                  .group_of = groups_of_inputs(source, name, inputs, group_size, groups)};
  for (std::int64_t group = 0; group < groups; ++group) {
    for (std::int64_t n = 0; n < outputs; ++n) {
      const int zero = static_cast<int>(stored_zeros.at(group, n)) + packing.zero_offset;
      weight.zeros[static_cast<std::size_t>(group * outputs + n)] = static_cast<std::int16_t>(zero);
    }
  }
  return weight;
}

std::vector<PackedWeight> integer_weights(std::shared_ptr<const WeightSource> source,
                                          const Packing& packing) {
  std::vector<PackedWeight> found;
  for (const std::string& name : packed_names(*source)) {
    const Integers weight = read_integers(*source, name, packing);
    const DType type = exact_type(weight);
    PackedWeight packed;
    packed.info = {
        .name = name + ".weight",
        .shape = {weight.outputs, weight.inputs},
        .dtype = type,
        .bytes = static_cast<std::uint64_t>(weight.outputs * weight.inputs /
                                            info(type).block_elements * info(type).block_bytes)};
    for (const char* part : {".qweight", ".qzeros", ".scales", ".g_idx"}) {
      packed.parts.push_back(name + part);
    }
    packed.decode = [source, name, packing, type] {
      return decode(read_integers(*source, name, packing), type);
    };
    found.push_back(std::move(packed));
  }
  return found;
}

// Under one of the two names that programs of different age give it.
std::int64_t setting(const HfConfig& settings, std::string_view name, std::string_view old_name) {
  const auto value = settings.integer(old_name);
  return value ? *value : settings.require_integer(name);
}

void require_group_size(const HfConfig& settings, std::int64_t size) {
  if (size == -1 || size > 0) return;
  throw input_error("{}: group_size is {}; expected -1 or a positive number", settings.where(),
                    size);
}

}  // namespace

std::vector<PackedWeight> gptq_weights(std::shared_ptr<const WeightSource> source,
                                       const HfConfig& settings) {
  const std::int64_t bits = settings.require_integer("bits");
  if (bits != 2 && bits != 3 && bits != 4 && bits != 8) {
    throw input_error("{}: gptq with bits {}; known: 2, 3, 4, 8", settings.where(), bits);
  }
  const std::string format = settings.string("checkpoint_format").value_or("gptq");
  if (format != "gptq" && format != "gptq_v2") {
    throw input_error("{}: checkpoint_format is '{}'; known: gptq, gptq_v2", settings.where(),
                      escaped(format));
  }
  const auto dynamic = settings.object("dynamic");
  if (dynamic && !dynamic->json().empty()) {
    throw input_error("{}: settings that differ between modules are not read", dynamic->where());
  }
  const std::int64_t group_size = settings.require_integer("group_size");
  require_group_size(settings, group_size);
  using Order = PackedMatrix::Order;
  return integer_weights(std::move(source), {.bits = static_cast<int>(bits),
                                             .group_size = group_size,
                                             .level_order = Order::down_columns,
                                             .zero_order = Order::along_rows,
                                             .zero_offset = format == "gptq" ? 1 : 0});
}

std::vector<PackedWeight> awq_weights(std::shared_ptr<const WeightSource> source,
                                      const HfConfig& settings) {
  const std::int64_t bits = setting(settings, "bits", "w_bit");
  if (bits != 4) throw input_error("{}: awq with bits {}; known: 4", settings.where(), bits);
  const std::string version = settings.string("version").value_or("gemm");
  if (version != "gemm" && version != "GEMM") {
    throw input_error("{}: awq in layout '{}'; known: gemm", settings.where(), escaped(version));
  }
  const std::int64_t group_size = setting(settings, "group_size", "q_group_size");
  require_group_size(settings, group_size);
  constexpr auto kEights = PackedMatrix::Order::along_rows_in_awq_eights;
  return integer_weights(std::move(source), {.bits = 4,
                                             .group_size = group_size,
                                             .level_order = kEights,
                                             .zero_order = kEights,
                                             .zero_offset = 0});
}

}  // namespace bantam
