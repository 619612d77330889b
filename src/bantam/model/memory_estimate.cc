#include "bantam/model/memory_estimate.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "bantam/base/checked.h"
#include "bantam/base/options.h"
#include "bantam/tensor/ops/linear.h"

namespace bantam {
namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kForwardTokens = 512;
// The program with oneDNN, and what a token of the vocabulary takes in the tokenizer's tables and
// merges; measured on vocabularies of 32,000 to 152,000 tokens.
constexpr std::uint64_t kProgram = std::uint64_t{30} << 20;
constexpr std::uint64_t kTokenBytes = 250;
// The allocator lets freed tensors wait, an eighth of what was in use and a little
// (tensor/allocator.cc).
constexpr std::uint64_t kWaitingShare = 8;
constexpr std::uint64_t kWaitingLeast = std::uint64_t{4} << 20;
// The store grows in its place, and what nobody wrote takes no memory, but for the rest of the
// last huge page (tensor/ops/paged_attention.cc).
constexpr std::uint64_t kRestOfStore = std::uint64_t{2} << 20;

std::uint64_t add(std::uint64_t a, std::uint64_t b) { return checked_add(a, b).value_or(kLargest); }
std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  return checked_multiply(a, b).value_or(kLargest);
}
std::uint64_t positive(std::int64_t value) {
  return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

// Files of /proc and /sys have no size, so they are read as streams; they are short.
std::string text_of(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data() + begin, text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

// "MemAvailable:   123 kB" -> 123; "inactive_file 77" -> 77.
std::optional<std::uint64_t> field(const std::string& text, std::string_view name) {
  std::size_t at = text.find(name);
  while (at != std::string::npos && at > 0 && text[at - 1] != '\n') at = text.find(name, at + 1);
  if (at == std::string::npos) return std::nullopt;
  return number_in(std::string_view(text).substr(at + name.size()));
}

std::optional<std::uint64_t> left_in_group(const char* limit_file, const char* used_file,
                                           const char* statistics_file,
                                           std::string_view cache_field) {
  const auto limit = number_in(text_of(limit_file));  // "max" is no number: no limit
  const auto used = number_in(text_of(used_file));
  if (!limit || !used) return std::nullopt;
  // Pages of files that can be dropped count as used by the group but are free in truth.
  const std::uint64_t cache = field(text_of(statistics_file), cache_field).value_or(0);
  const std::uint64_t held = *used > cache ? *used - cache : 0;
  return *limit > held ? *limit - held : 0;
}

// Keys and values, as CausalLM::kv_shape() says, in numbers that a damaged file may make any size.
std::uint64_t bytes_of_stored_token(const DecoderConfig& config, const WeightSource& source) {
  const std::vector<WeightInfo> weights = source.weights();
  const bool rounds = std::ranges::any_of(
      weights, [](const WeightInfo& weight) { return rounds_in_answers(weight.dtype); });
  std::uint64_t heads = multiply(positive(config.layers), positive(config.kv_heads));
  if (config.sizes_differ()) {
    heads = 0;
    for (int layer = 0; layer < config.layers; ++layer) {
      heads = add(heads, positive(config.layer(layer).kv_heads));
    }
  }
  const std::uint64_t features =
      multiply(heads, multiply(positive((config.head_width + 15) / 16), 16));
  return multiply(
      features, 2 * static_cast<std::uint64_t>(info(rounds ? DType::f16 : DType::f32).block_bytes));
}

}  // namespace

std::uint64_t available_memory() {
  const auto kilobytes = field(text_of("/proc/meminfo"), "MemAvailable:");
  std::uint64_t available = kilobytes ? multiply(*kilobytes, 1024) : kLargest;
  const auto unified = left_in_group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current",
                                     "/sys/fs/cgroup/memory.stat", "inactive_file ");
  const auto legacy = left_in_group("/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                    "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                                    "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file ");
  for (const auto& group : {unified, legacy})
    if (group) available = std::min(available, *group);
  return available;
}

MemoryEstimate estimate_memory(const DecoderConfig& config, const WeightSource& source,
                               std::int64_t context, std::int64_t answers) {
  MemoryEstimate estimate;
  // Weights that answers multiply in integers are kept in the order of these products, and their
  // pages of the file leave memory: each counts once.
  std::uint64_t allocated = 0;
  for (const WeightInfo& weight : source.weights()) {
    estimate.weights = add(estimate.weights, weight.bytes);
    // GGUF interleaves the rows of queries and keys (decoder_weights.h).
    const std::string_view name = weight.name;
    if (name.ends_with(".attn_q.weight") || name.ends_with(".attn_k.weight")) {
      estimate.copies = add(estimate.copies, weight.bytes);
    }
    if (rounds_in_answers(weight.dtype)) allocated = add(allocated, weight.bytes);
  }
  estimate.program = add(kProgram, multiply(kTokenBytes, positive(config.vocabulary)));
  const std::uint64_t kv_features =
      multiply(positive(config.kv_heads), positive(config.head_width));
  const std::uint64_t kv_token = bytes_of_stored_token(config, source);
  estimate.context = context;
  estimate.kv_cache = multiply(kv_token, positive(context));
  // A forward pass holds at most the residual stream twice, one branch's inner values, and the
  // logits of one position of each answer.
  const std::uint64_t inner =
      std::max(multiply(3, positive(config.feed_forward)),
               add(multiply(2, multiply(positive(config.heads), positive(config.head_width))),
                   multiply(2, kv_features)));
  const std::uint64_t token = add(multiply(3, positive(config.width)), inner);
  const auto working = [&](std::uint64_t tokens) {
    const std::uint64_t logits = multiply(positive(answers), positive(config.vocabulary));
    return multiply(add(multiply(token, tokens), logits), sizeof(float));
  };
  // A context of few tokens is all that a pass can have.
  estimate.scratch =
      working(context > 0 ? std::min(kForwardTokens, positive(context)) : kForwardTokens);
  const std::uint64_t lasting = add(add(estimate.weights, estimate.copies), estimate.program);
  allocated = add(allocated, estimate.copies);
  const auto without_store = [&](std::uint64_t scratch) {
    return add(add(lasting, scratch), add(kWaitingLeast, add(allocated, scratch) / kWaitingShare));
  };
  const std::uint64_t fixed = without_store(estimate.scratch);
  estimate.total = add(fixed, add(estimate.kv_cache, kRestOfStore));
  estimate.waiting = estimate.total -
                     std::min(estimate.total,
                              add(add(estimate.weights, estimate.copies),
                                  add(add(estimate.program, estimate.scratch), estimate.kv_cache)));
  estimate.available = available_memory();
  const std::uint64_t longest = add(without_store(working(kForwardTokens)), kRestOfStore);
  if (estimate.available > longest && kv_token > 0) {
    estimate.largest_context = static_cast<std::int64_t>(
        std::min<std::uint64_t>((estimate.available - longest) / kv_token, std::uint64_t{1} << 40));
  }
  return estimate;
}

void require_memory(const MemoryEstimate& estimate, const std::string& name) {
  if (estimate.total <= estimate.available) return;
  const std::string parts =
      fmt::format("{} of weights, {} of key/value store for {} tokens, {} of working memory",
                  format_bytes(estimate.weights), format_bytes(estimate.kv_cache),
                  with_commas(estimate.context),
                  format_bytes(estimate.total - estimate.weights - estimate.kv_cache));
  if (estimate.largest_context > 0) {
    throw resource_error(
        "{}: needs {} ({}) but {} are available; a context of at most {} tokens would fit", name,
        format_bytes(estimate.total), parts, format_bytes(estimate.available),
        with_commas(estimate.largest_context));
  }
  throw resource_error(
      "{}: needs {} ({}) but {} are available; a smaller model or a smaller type, such as q4_0, "
      "might fit",
      name, format_bytes(estimate.total), parts, format_bytes(estimate.available));
}

}  // namespace bantam
