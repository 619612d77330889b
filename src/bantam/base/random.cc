#include "bantam/base/random.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace bantam {

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

namespace {

// The finalizer of SplitMix64: every bit of the input reaches every bit of the output.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

struct Block {
  std::uint64_t first, second;
};

Block block_at(std::uint64_t key, std::uint64_t step, std::uint64_t index) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const auto words =
      philox4x32_10({low(index), high(index), low(step), high(step)}, {low(key), high(key)});
  return {words[0] | std::uint64_t{words[1]} << 32, words[2] | std::uint64_t{words[3]} << 32};
}

double to_unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view name, std::uint64_t step)
    : key_(mix(mix(seed) + fnv1a(name))), step_(step) {}

std::uint64_t RandomStream::bits_at(std::uint64_t index) const {
  return block_at(key_, step_, index).first;
}

double RandomStream::uniform_at(std::uint64_t index) const { return to_unit(bits_at(index)); }

double RandomStream::normal_at(std::uint64_t index) const {
  const Block block = block_at(key_, step_, index);
  const double radius = std::sqrt(-2 * std::log(1 - to_unit(block.first)));  // 1 - u is never zero
  return radius * std::cos(2 * std::numbers::pi * to_unit(block.second));
}

std::uint64_t RandomStream::next_below(std::uint64_t bound) {
  // Lemire 2019, "Fast random integer generation in an interval": the low half tells a biased draw.
  while (true) {
    const auto product = static_cast<unsigned __int128>(next_bits()) * bound;
    const auto low = static_cast<std::uint64_t>(product);
    if (low >= bound || low >= (0 - bound) % bound)
      return static_cast<std::uint64_t>(product >> 64);
  }
}

std::vector<std::uint32_t> RandomStream::permutation(std::uint32_t count) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  for (std::uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[next_below(i)]);
  return order;
}

}  // namespace bantam
