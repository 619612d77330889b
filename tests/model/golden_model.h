// Tiny models of transformers with what they compute, as tools/golden/tiny_decoders.py and
// tiny_encoders.py write them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bantam/model/architecture.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/safetensors.h"

namespace bantam {

// Other seeds and shapes than the stored ones, made anywhere with the same script, come from
// `variable`.
inline Path golden_folder(const char* variable, const char* stored) {
  const char* other = std::getenv(variable);
  return other != nullptr ? Path(other) : Path(BANTAM_SOURCE_DIR) / "tests/golden/model" / stored;
}

inline std::vector<std::string> golden_cases(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

// Tensors of a golden file whose names begin with `prefix`, without it.
class Prefixed : public WeightSource {
 public:
  Prefixed(std::shared_ptr<const SafetensorsFile> file, std::string prefix)
      : file_(std::move(file)), prefix_(std::move(prefix)) {}
  std::vector<WeightInfo> weights() const override {
    std::vector<WeightInfo> list;
    for (WeightInfo info : file_->weights()) {
      if (!info.name.starts_with(prefix_)) continue;
      info.name = info.name.substr(prefix_.size());
      list.push_back(info);
    }
    return list;
  }
  bool has(std::string_view name) const override { return file_->has(prefix_ + std::string(name)); }
  Tensor tensor(std::string_view name) const override {
    return file_->tensor(prefix_ + std::string(name));
  }
  std::string description() const override { return file_->description(); }

 private:
  std::shared_ptr<const SafetensorsFile> file_;
  std::string prefix_;
};

template <class Model>
Model read_model(const WeightSource& source, WeightNaming naming, const Architecture& family,
                 const DecoderConfig& config) {
  std::vector<std::string> warnings;
  auto weights = read_decoder_weights(source, naming, family, config, warnings);
  EXPECT_THAT(warnings, testing::IsEmpty());
  return {family, config, std::move(weights)};
}

inline std::vector<std::vector<std::int32_t>> golden_sequences(const SafetensorsFile& golden,
                                                               const char* name,
                                                               const char* lengths = "lengths") {
  const Tensor all = golden.tensor(name);
  std::vector<std::vector<std::int32_t>> sequences;
  std::int64_t begin = 0;
  for (const double length : golden.tensor(lengths).values()) {
    const auto ids = all.span<std::int32_t>().subspan(static_cast<std::size_t>(begin),
                                                      static_cast<std::size_t>(length));
    sequences.emplace_back(ids.begin(), ids.end());
    begin += static_cast<std::int64_t>(length);
  }
  return sequences;
}

// Within 1e-4 of the reference's scale, its root mean square.
inline void expect_golden(const Tensor& found, const Tensor& expected) {
  const std::vector<double> x = found.values(), y = expected.values();
  ASSERT_EQ(x.size(), y.size());
  double scale = 0, largest = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    scale += y[i] * y[i] / static_cast<double>(y.size());
    largest = std::max(largest, std::abs(x[i] - y[i]));
  }
  EXPECT_LE(largest, 1e-4 * std::sqrt(scale));
}

// Differences are measured against the largest gradient of the parameter, and against what rounding
// leaves of a gradient that is zero by nature (the bias of keys moves no softmax).
inline void expect_close(const Tensor& found, const Tensor& expected, const std::string& name) {
  const std::vector<double> x = found.values(), y = expected.values();
  ASSERT_EQ(x.size(), y.size()) << name;
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    largest = std::max(largest, std::abs(y[i]));
    difference = std::max(difference, std::abs(x[i] - y[i]));
  }
  EXPECT_LE(difference, 1e-4 * largest + 1e-7) << name;
}

}  // namespace bantam
