#include "bantam/generate/completion.h"

namespace bantam {

std::int64_t Completion::generated_tokens() const {
  std::int64_t total = 0;
  for (const Choice& choice : choices) total += static_cast<std::int64_t>(choice.tokens.size());
  return total;
}

Json completion_to_json(const std::string& prompt, const Completion& completion) {
  Json row = Json::object();
  row["prompt"] = prompt;
  row["completions"] = Json::array();
  for (const Choice& choice : completion.choices) {
    Json one = Json::object();
    one["text"] = choice.text;
    one["tokens"] = choice.tokens;
    if (!choice.log_probabilities.empty()) one["logprobs"] = choice.log_probabilities;
    one["finish_reason"] = name_of(choice.finish_reason);
    if (!choice.stop.empty()) one["stop"] = choice.stop;
    if (choice.score) one["score"] = *choice.score;
    row["completions"].push_back(std::move(one));
  }
  if (!completion.error.empty()) row["error"] = completion.error;
  return row;
}

}  // namespace bantam
