// The golden tiny Llama and small data sets that the tests of this room train on.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "bantam/base/progress.h"
#include "bantam/base/random.h"
#include "bantam/data/example.h"
#include "bantam/model/architecture.h"
#include "bantam/model/causal_lm.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/safetensors.h"

namespace bantam {

inline Path golden_folder() { return Path(BANTAM_SOURCE_DIR) / "tests/golden"; }

/// Two layers, three query heads on one key head, vocabulary 97.
inline std::unique_ptr<CausalLM> tiny_model(const std::string& name = "tied") {
  const Path folder = golden_folder() / "model/llama" / name;
  const HfConfig config = HfConfig::read(folder / "config.json");
  const Architecture& family = architecture_of_hf(config.require_string("model_type"));
  const DecoderConfig numbers = family.config_from_hf(config);
  std::vector<std::string> warnings;
  const auto source = SafetensorsFile::open(folder / "model.safetensors");
  return std::make_unique<CausalLM>(
      family, numbers, read_decoder_weights(*source, WeightNaming::hf, family, numbers, warnings));
}

/// Random examples with lengths from `least` to `most`, all but the first third targets.
inline std::vector<Example> random_examples(int count, int least, int most,
                                            std::uint64_t seed = 5) {
  RandomStream random(seed, "test-examples");
  std::vector<Example> examples;
  for (int i = 0; i < count; ++i) {
    Example& example = examples.emplace_back();
    example.id = "row:" + std::to_string(i);
    const auto length = least + random.next_below(static_cast<std::uint64_t>(most - least + 1));
    for (std::uint64_t t = 0; t < length; ++t) {
      example.ids.push_back(static_cast<std::int32_t>(3 + random.next_below(94)));
      example.weights.push_back(t < length / 3 ? 0.0f : 1.0f);
    }
  }
  return examples;
}

inline Json read_json(const Path& path) { return parse_json(read_file(path)); }

/// Notes of a run, kept for looking at.
class NoteKeeper final : public ProgressSink {
 public:
  void begin(std::string_view, double, std::string_view) override {}
  void advance(double, const std::vector<std::pair<std::string, double>>&) override {}
  void end() override {}
  void note(std::string_view text) override { notes.emplace_back(text); }
  bool has(std::string_view part) const {
    for (const std::string& note : notes) {
      if (note.find(part) != std::string::npos) return true;
    }
    return false;
  }
  std::vector<std::string> notes;
};

/// A folder of its own, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bantam-train-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const Path& path() const { return path_; }

 private:
  Path path_;
};

}  // namespace bantam
