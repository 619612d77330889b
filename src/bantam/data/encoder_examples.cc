#include "bantam/data/encoder_examples.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/data/tagged_text.h"
#include "bantam/text/model_inputs.h"
#include "bantam/text/word_tags.h"

namespace bantam {
namespace {

constexpr std::int64_t kRowsPerChunk = 64;  // that a thread formats at a time

struct Formatted {
  Example example = {};
  bool was_longer = false;
  bool was_widened = false;  ///< a span, to whole words
};

void require_kind(const Row& row, Row::Kind kind, std::string_view fields) {
  if (row.kind == kind) return;
  throw input_error("{}: expected a {} row ({}), found {}; --map OLD=NEW renames fields",
                    where_is(row), name_of(kind), fields, name_of(row.kind));
}

// All rows, each by `format_one`; what happened to them goes to `report`.
std::vector<Example> examples_of(const Dataset& rows, bool drop_longer,
                                 const std::function<Formatted(const Row&)>& format_one,
                                 FormatReport& report) {
  std::vector<Formatted> all(rows.size());
  parallel_for(std::ssize(all), kRowsPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      all[i] = format_one(rows[i]);
    }
  });
  std::vector<Example> examples;
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Example& example = all[i].example;
    example.id = where_is(rows[i]);
    ++report.rows;
    if (all[i].was_widened) report.widened.add(example.id);
    if (all[i].was_longer) {
      (drop_longer ? report.dropped_too_long : report.truncated).add(example.id);
      if (drop_longer) continue;
    }
    const auto targets =
        std::ranges::count_if(example.weights, [](float weight) { return weight != 0; });
    if (targets == 0 || example.ids.empty()) {
      report.without_target.add(example.id);
      continue;
    }
    ++report.examples;
    report.tokens += example.tokens();
    report.targets += targets;
    lengths.push_back(example.tokens());
    examples.push_back(std::move(example));
  }
  if (examples.empty()) {
    throw input_error(
        "0 examples to learn from: of {} rows, {} were too long and {} have no target", report.rows,
        report.dropped_too_long.count, report.without_target.count);
  }
  report.lengths = summarize_lengths(std::move(lengths));
  return examples;
}

// Of a label or tag (`what`) among those of the model.
std::int32_t place_of(const std::string& label, std::string_view what, const Row& row,
                      std::span<const std::string> labels) {
  const auto found = std::ranges::find(labels, label);
  if (found != labels.end()) return static_cast<std::int32_t>(found - labels.begin());
  constexpr std::size_t kMostNamed = 8;
  std::string known;
  for (std::size_t i = 0; i < std::min(kMostNamed, labels.size()); ++i) {
    known += (i == 0 ? "" : ", ") + escaped(labels[i], 40);
  }
  throw input_error(
      "{}: {} '{}' is not one of the model's {}: {}{}; --new-head makes a head of the data's {}s",
      where_is(row), what, escaped(label, 60), labels.size(), known,
      labels.size() > kMostNamed ? ", …" : "", what);
}

// The tokens of a text or a pair, whose answer has the weight of the row.
Formatted formatted_text(const Row& row, const Tokenizer& tokenizer, const EncoderFormat& format) {
  ModelInput input = row.text_pair.empty() ? tokenizer.model_input(row.text)
                                           : tokenizer.model_input(row.text, row.text_pair);
  Formatted formatted;
  formatted.was_longer = shorten(input, format.longest);
  formatted.example.ids = std::move(input.ids);
  formatted.example.types = std::move(input.type_ids);
  formatted.example.weights = {static_cast<float>(row.weight)};
  return formatted;
}

}  // namespace

std::vector<Example> labelled_examples(const Dataset& rows, const Tokenizer& tokenizer,
                                       std::span<const std::string> labels,
                                       const EncoderFormat& format, FormatReport& report) {
  const auto format_one = [&](const Row& row) {
    require_kind(row, Row::Kind::classification, "text and label");
    Formatted formatted = formatted_text(row, tokenizer, format);
    formatted.example.labels = {place_of(row.label, "label", row, labels)};
    return formatted;
  };
  return examples_of(rows, format.drop_longer, format_one, report);
}

std::vector<Example> multi_label_examples(const Dataset& rows, const Tokenizer& tokenizer,
                                          std::span<const std::string> labels,
                                          const EncoderFormat& format, FormatReport& report) {
  const auto format_one = [&](const Row& row) {
    const bool has_one = row.kind == Row::Kind::classification;
    if (!has_one) require_kind(row, Row::Kind::multi_label, "text and labels");
    Formatted formatted = formatted_text(row, tokenizer, format);
    std::vector<float>& targets = formatted.example.targets;
    targets.assign(labels.size(), 0);
    for (const std::string& label : has_one ? std::vector{row.label} : row.labels) {
      targets[static_cast<std::size_t>(place_of(label, "label", row, labels))] = 1;
    }
    return formatted;
  };
  return examples_of(rows, format.drop_longer, format_one, report);
}

std::vector<Example> tagged_examples(const Dataset& rows, const Tokenizer& tokenizer,
                                     std::span<const std::string> tags, const EncoderFormat& format,
                                     FormatReport& report) {
  const auto format_one = [&](const Row& row) {
    require_kind(row, Row::Kind::spans, "text and spans, or tokens and tags");
    const TaggedText tagged = tagged_text(row);
    ModelInput input = tokenizer.model_input(row.text);
    Formatted formatted{.was_longer = shorten(input, format.longest),
                        .was_widened = tagged.was_widened};
    Example& example = formatted.example;
    example.labels.assign(input.ids.size(), -1);
    example.weights.assign(input.ids.size(), 0);
    const std::vector<WordToken> tokens = first_tokens(input, tagged.words);
    for (std::size_t word = 0; word < tokens.size(); ++word) {
      if (!tokens[word].is_own) continue;
      const auto token = static_cast<std::size_t>(tokens[word].token);
      example.labels[token] = place_of(tagged.tags[word], "tag", row, tags);
      example.weights[token] = static_cast<float>(row.weight);
    }
    example.ids = std::move(input.ids);
    example.types = std::move(input.type_ids);
    return formatted;
  };
  return examples_of(rows, format.drop_longer, format_one, report);
}

std::vector<Example> answered_examples(const Dataset& rows, const AnswerTokens& tokens,
                                       const EncoderFormat& format, FormatReport& report) {
  const auto format_one = [&](const Row& row) {
    require_kind(row, Row::Kind::prompt_completion, "prompt and completion");
    ModelInput prompt = tokens.prompts.model_input(row.prompt);
    ModelInput completion = tokens.completions.model_input(row.completion);
    Formatted formatted;
    const bool cut_prompt = shorten(prompt, format.longest);
    const bool cut_completion = shorten(completion, format.longest);
    formatted.was_longer = cut_prompt || cut_completion;
    Example& example = formatted.example;
    example.source = std::move(prompt.ids);
    example.ids = {tokens.start};
    example.ids.insert(example.ids.end(), completion.ids.begin(), completion.ids.end());
    example.weights.assign(example.ids.size(), static_cast<float>(row.weight));
    example.weights.front() = 0;  // nothing stands before the first token
    return formatted;
  };
  return examples_of(rows, format.drop_longer, format_one, report);
}

}  // namespace bantam
