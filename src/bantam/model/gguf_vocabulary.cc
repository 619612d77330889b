#include "bantam/model/gguf_vocabulary.h"

#include <map>
#include <optional>

#include "bantam/base/error.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {

std::uint32_t gguf_file_type(DType dtype) {
  static const std::map<DType, std::uint32_t> numbers = {
      {DType::f32, 0},     {DType::f16, 1},   {DType::q4_0, 2},  {DType::q4_1, 3},
      {DType::q8_0, 7},    {DType::q5_0, 8},  {DType::q5_1, 9},  {DType::q2_k, 10},
      {DType::q3_k, 11},   {DType::q4_k, 15}, {DType::q5_k, 16}, {DType::q6_k, 18},
      {DType::iq4_nl, 25}, {DType::bf16, 32}};
  const auto found = numbers.find(dtype);
  if (found != numbers.end()) return found->second;
  require_quantizable_to(dtype);
  throw usage_error(
      "a GGUF file of weights in {} is not made; choose f32, f16, bf16 or a block type",
      info(dtype).name);
}

void set_gguf_vocabulary(GgufWriter& writer, const BytePairVocabulary& vocabulary,
                         std::int64_t rows) {
  std::vector<std::string> tokens = vocabulary.tokens;
  std::vector<std::int32_t> types(tokens.size(), static_cast<std::int32_t>(TokenType::normal));
  for (std::size_t i = 0; i < vocabulary.types.size(); ++i)
    types[i] = static_cast<std::int32_t>(vocabulary.types[i]);
  for (auto i = static_cast<std::int64_t>(tokens.size()); i < rows; ++i) {
    tokens.push_back(fmt::format("[PAD{}]", i));
    types.push_back(static_cast<std::int32_t>(TokenType::unused));
  }
  writer.set("tokenizer.ggml.model", std::string("gpt2"));
  writer.set("tokenizer.ggml.pre", vocabulary.pre);
  writer.set("tokenizer.ggml.tokens", gguf_array(std::move(tokens)));
  writer.set("tokenizer.ggml.token_type", gguf_array(std::move(types)));
  writer.set("tokenizer.ggml.merges", gguf_array(vocabulary.merges));
  writer.set("tokenizer.ggml.add_bos_token", vocabulary.add_bos);
  writer.set("tokenizer.ggml.add_space_prefix", false);
  const auto set_id = [&](const char* key, const std::optional<std::int32_t>& id) {
    if (id) writer.set(key, static_cast<std::uint32_t>(*id));
  };
  set_id("tokenizer.ggml.bos_token_id", vocabulary.bos);
  set_id("tokenizer.ggml.eos_token_id", vocabulary.eos);
  set_id("tokenizer.ggml.unknown_token_id", vocabulary.unk);
  set_id("tokenizer.ggml.padding_token_id", vocabulary.pad);
}

}  // namespace bantam
