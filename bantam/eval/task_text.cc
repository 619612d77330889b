#include "bantam/eval/task_text.h"

#include <algorithm>
#include <set>

#include "bantam/base/error.h"
#include "bantam/base/random.h"

namespace bantam {
namespace {

// One pass over the template, so that a text which itself contains "{label}" stays as it is.
std::string filled(std::string_view pattern,
                   const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    bool replaced = false;
    for (const auto& [name, value] : fields) {
      if (!pattern.substr(i).starts_with(name)) continue;
      out += value;
      i += name.size();
      replaced = true;
      break;
    }
    if (!replaced) out += pattern[i++];
  }
  return out;
}

}  // namespace

std::string TaskText::prompt_of(const Row& row) const {
  return filled(prompt, {{"{text}", row.text}, {"{text_pair}", row.text_pair}});
}

std::string TaskText::answer_of(std::string_view label) const {
  return filled(answer, {{"{label}", label}});
}

Row TaskText::as_prompt_completion(const Row& row) const {
  Row out = row;
  out.kind = Row::Kind::prompt_completion;
  out.prompt = prompt_of(row);
  out.completion = answer_of(row.label);
  return out;
}

TaskText make_task_text(const std::string& prompt_template) {
  TaskText task;
  if (!prompt_template.empty()) {
    if (prompt_template.find("{text}") == std::string::npos) {
      throw usage_error("template: '{}' lacks {{text}}, the place where a row's text goes",
                        escaped(prompt_template));
    }
    task.prompt = prompt_template;
  }
  return task;
}

std::string few_shot_prefix(const TaskText& task, std::span<const Row> train, int count,
                            std::uint64_t seed) {
  constexpr std::size_t kLongest = 400;
  RandomStream stream(seed, "few-shot");
  const auto order = stream.permutation(static_cast<std::uint32_t>(train.size()));
  std::vector<std::uint32_t> chosen;
  std::set<std::string> labels;
  // First pass: new labels only. Second: whatever comes, until there are enough.
  for (const bool only_new : {true, false}) {
    for (const std::uint32_t row : order) {
      if (static_cast<int>(chosen.size()) >= count) break;
      if (train[row].text.size() > kLongest || std::ranges::find(chosen, row) != chosen.end())
        continue;
      if (labels.insert(train[row].label).second || !only_new) chosen.push_back(row);
    }
  }
  std::string prefix;
  for (const std::uint32_t row : chosen) {
    prefix += task.prompt_of(train[row]) + task.answer_of(train[row].label) + "\n";
  }
  return prefix;
}

}  // namespace bantam
