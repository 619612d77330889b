// A loaded model that completes prompts: many at once, streamed, deterministic for a seed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "bantam/generate/completion.h"
#include "bantam/generate/generate_hooks.h"
#include "bantam/generate/scheduler.h"
#include "bantam/model/load_model.h"

namespace bantam {

class Generator {
 public:
  explicit Generator(LoadedModel model, const GeneratorOptions& options = {});

  /// One completion for each request, in order. All requests are checked before any is begun
  /// (Scheduler::check); an error names the request. A request that fails on the way has its
  /// `error` set, the others go on. Keys and values of the last sequences stay, so that a
  /// conversation that goes on is not read again.
  std::vector<Completion> generate(std::span<const Request> requests,
                                   const GenerateHooks& hooks = {});

  /// The ids of a plain prompt: bos if the tokenizer adds one, then the text, in which control
  /// tokens are ordinary text.
  std::vector<std::int32_t> encode_prompt(std::string_view text) const;

  const LoadedModel& model() const { return model_; }
  std::int64_t context() const { return scheduler_.context(); }

 private:
  LoadedModel model_;
  AnswerTokens tokens_;
  GeneratorOptions options_;
  Scheduler scheduler_;
};

/// The same without a Generator.
std::vector<std::int32_t> encode_prompt(const Tokenizer& tokenizer, std::string_view text);

}  // namespace bantam
