#include "bantam/data/format.h"

#include <algorithm>
#include <array>

#include "bantam/base/error.h"
#include "bantam/base/options.h"
#include "bantam/base/threads.h"
#include "bantam/data/windows.h"

namespace bantam {

/// A row in two parts: what is given and what is learned.
struct Formatter::Parts {
  std::vector<std::int32_t> prompt, answer;
  std::size_t size() const { return prompt.size() + answer.size(); }
};

TooLong too_long_of(std::string_view name) {
  const std::array<std::string, 3> known{"truncate", "split", "drop"};
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i] == name) return static_cast<TooLong>(i);
  }
  throw_unknown_name("policy for rows that are too long", name, known);
}

void Finding::add(const std::string& where) {
  ++count;
  if (first.size() < 5) first.push_back(where);
}

void require_known_ids(const Example& example, std::int64_t vocabulary) {
  for (std::size_t i = 0; i < example.ids.size(); ++i) {
    if (example.ids[i] < 0 || example.ids[i] >= vocabulary) {
      throw input_error(
          "{}: token {} has id {}, but the vocabulary has ids 0 to {}; was it tokenized for "
          "another model?",
          example.id, i, example.ids[i], vocabulary - 1);
    }
  }
}

Formatter::Formatter(std::shared_ptr<const Tokenizer> tokenizer, FormatOptions options)
    : tokenizer_(std::move(tokenizer)), options_(std::move(options)) {
  if (options_.max_tokens < 0 || options_.max_tokens == 1) {
    throw usage_error(
        "max tokens: expected at least 2 (one to see and one to predict), or 0 for no limit, found "
        "{}",
        options_.max_tokens);
  }
}

bool Formatter::is_too_long(std::size_t tokens) const {
  return options_.max_tokens > 0 && tokens > static_cast<std::size_t>(options_.max_tokens);
}

std::vector<std::int32_t> Formatter::begin() const {
  if (tokenizer_->add_bos() && tokenizer_->bos()) return {*tokenizer_->bos()};
  return {};
}

Formatter::Parts Formatter::parts_of_prompt(std::string_view prompt, std::string_view answer,
                                            bool end) const {
  Parts parts;
  parts.prompt = begin();
  const Encoding encoding = tokenizer_->encode(prompt);
  parts.prompt.insert(parts.prompt.end(), encoding.ids.begin(), encoding.ids.end());
  parts.answer = tokenizer_->encode(answer).ids;
  if (end && tokenizer_->eos()) parts.answer.push_back(*tokenizer_->eos());
  return parts;
}

Formatter::Parts Formatter::parts_of(const Row& row) const {
  if (row.kind == Row::Kind::classification) {
    return parts_of_prompt(fill_template(options_.task.prompt, row),
                           fill_template(options_.task.answer, row), options_.end_token);
  }
  return parts_of_prompt(row.prompt, row.completion, options_.end_token);
}

/// Makes parts that are too long fit, or says that it cannot. The answer is kept whole where
/// possible.
bool Formatter::fit_parts(Row row, Parts& parts) const {
  const auto limit = static_cast<std::size_t>(options_.max_tokens);
  if (row.kind == Row::Kind::classification) {
    // The template must survive: the end of the text goes, token by token of its own encoding,
    // until the whole fits.
    while (parts.size() > limit) {
      std::string& text = row.text_pair.size() > row.text.size() ? row.text_pair : row.text;
      if (text.empty()) return false;
      const Encoding encoding = tokenizer_->encode(text);
      const std::size_t over = parts.size() - limit;
      std::size_t keep =
          encoding.ids.size() > over ? encoding.offsets[encoding.ids.size() - over].first : 0;
      while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xc0) == 0x80)
        --keep;  // whole characters
      text.resize(std::min(keep, text.size() - 1));
      parts = parts_of(row);
    }
    return true;
  }
  // A question usually stands at the end of a prompt, so the start goes. An answer longer than the
  // window keeps half of it for the prompt and loses its end.
  const std::size_t first = begin().size();
  const std::size_t answer_room =
      limit - std::min(parts.prompt.size(), std::max<std::size_t>(limit / 2, first + 1));
  const std::size_t answer = std::min(
      parts.answer.size(), std::max(answer_room, limit - std::min(limit, parts.prompt.size())));
  parts.answer.resize(answer);
  const std::size_t over = parts.size() > limit ? parts.size() - limit : 0;
  const auto from = parts.prompt.begin() + static_cast<std::ptrdiff_t>(first);
  parts.prompt.erase(
      from, from + static_cast<std::ptrdiff_t>(std::min(over, parts.prompt.size() - first)));
  return parts.size() <= limit;
}

Example Formatter::chat_example(const Row& row) const {
  if (!options_.chat_template) {
    throw usage_error(
        "{}: a conversation needs a chat template, and the model has none; choose one with "
        "--chat-template",
        where_is(row));
  }
  Rendered rendered;
  if (row.kind == Row::Kind::chat) {
    rendered = render_for_training(*options_.chat_template, *tokenizer_, row.messages, row.tools);
  } else {
    std::vector<Message> messages(2);
    messages[0].role = "user";
    messages[0].content = row.prompt;
    messages[1].role = "assistant";
    messages[1].content = row.completion;
    rendered = render_for_training(*options_.chat_template, *tokenizer_, messages);
  }
  Example example;
  example.ids = std::move(rendered.ids);
  example.weights = std::move(rendered.weights);
  return example;
}

/// Plain text and rows that were tokenized elsewhere: every token counts, or as the row says.
Example Formatter::sequence_example(const Row& row) const {
  Example example;
  if (row.kind == Row::Kind::tokens) {
    example.ids = row.ids;
    example.weights = row.id_weights;
    return example;
  }
  example.ids = begin();
  const std::vector<std::int32_t> ids = tokenizer_->encode(row.text).ids;
  example.ids.insert(example.ids.end(), ids.begin(), ids.end());
  if (options_.end_token && tokenizer_->eos() && !ids.empty())
    example.ids.push_back(*tokenizer_->eos());
  example.weights.assign(example.ids.size(), 1.f);
  return example;
}

namespace {

// Some labels are given by heads of encoders only: a decoder has no way of writing them.
void require_written(const Row& row) {
  if (row.kind != Row::Kind::multi_label && row.kind != Row::Kind::spans) return;
  throw input_error(
      "{}: {} rows are for encoders; a language model learns from text and label, prompt and "
      "completion, messages or text",
      where_is(row), name_of(row.kind));
}

Example joined(const std::vector<std::int32_t>& prompt, const std::vector<std::int32_t>& answer) {
  Example example;
  example.ids = prompt;
  example.ids.insert(example.ids.end(), answer.begin(), answer.end());
  example.weights.assign(prompt.size(), 0.f);
  example.weights.resize(example.ids.size(), 1.f);
  return example;
}

bool has_target(const Example& example) {
  return std::any_of(example.weights.begin(), example.weights.end(),
                     [](float weight) { return weight != 0; });
}

}  // namespace

std::vector<Example> Formatter::examples_in_parts(const Row& row, FormatReport& report) const {
  Parts parts = parts_of(row);
  if (is_too_long(parts.size())) {
    if (options_.too_long == TooLong::drop || !fit_parts(row, parts)) {
      report.dropped_too_long.add(where_is(row));
      return {};
    }
    report.truncated.add(where_is(row));
  }
  return {joined(parts.prompt, parts.answer)};
}

std::vector<Example> Formatter::examples_in_sequence(const Row& row, FormatReport& report) const {
  const bool plain = row.kind == Row::Kind::text || row.kind == Row::Kind::tokens;
  Example example = plain ? sequence_example(row) : chat_example(row);
  if (!is_too_long(example.ids.size())) return {std::move(example)};
  const auto limit = static_cast<std::size_t>(options_.max_tokens);
  if (options_.too_long == TooLong::split && plain) {
    report.split.add(where_is(row));
    return windows_of(example, limit);
  }
  const bool had_target = has_target(example);
  example.ids.resize(limit);
  example.weights.resize(limit);
  // A conversation whose answer is cut away teaches nothing: it counts as dropped.
  if (options_.too_long == TooLong::drop || (had_target && !has_target(example))) {
    report.dropped_too_long.add(where_is(row));
    return {};
  }
  report.truncated.add(where_is(row));
  return {std::move(example)};
}

std::vector<Example> Formatter::format(const Row& row, FormatReport& report) const {
  require_written(row);
  ++report.rows;
  const bool in_parts = row.kind == Row::Kind::classification ||
                        (row.kind == Row::Kind::prompt_completion && !options_.prompts_as_chat);
  std::vector<Example> examples =
      in_parts ? examples_in_parts(row, report) : examples_in_sequence(row, report);
  std::vector<Example> kept;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    Example& example = examples[i];
    example.id = where_is(row);
    if (examples.size() > 1) example.id += fmt::format(" ({} of {})", i + 1, examples.size());
    if (row.kind == Row::Kind::tokens) require_known_ids(example, tokenizer_->vocabulary_size());
    for (float& weight : example.weights) weight *= static_cast<float>(row.weight);
    if (!example.weights.empty()) example.weights[0] = 0;  // nothing stands before the first token
    if (!has_target(example)) {
      report.without_target.add(example.id);
      continue;
    }
    ++report.examples;
    report.tokens += static_cast<std::int64_t>(example.ids.size());
    report.targets += std::count_if(example.weights.begin(), example.weights.end(),
                                    [](float w) { return w != 0; });
    kept.push_back(std::move(example));
  }
  return kept;
}

namespace {

void append(Finding& to, const Finding& from) {
  to.count += from.count;
  for (const std::string& where : from.first) {
    if (to.first.size() < 5) to.first.push_back(where);
  }
}

void append(FormatReport& to, const FormatReport& from) {
  to.rows += from.rows;
  to.examples += from.examples;
  to.tokens += from.tokens;
  to.targets += from.targets;
  append(to.truncated, from.truncated);
  append(to.split, from.split);
  append(to.dropped_too_long, from.dropped_too_long);
  append(to.without_target, from.without_target);
}

}  // namespace

std::vector<Example> Formatter::format(const Dataset& data, FormatReport& report) const {
  constexpr std::int64_t kGrain = 64;
  const auto count = static_cast<std::int64_t>(data.size());
  const auto chunks = static_cast<std::size_t>((count + kGrain - 1) / kGrain);
  std::vector<std::vector<Example>> examples(chunks);
  std::vector<FormatReport> reports(chunks);
  parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    const auto chunk = static_cast<std::size_t>(begin / kGrain);
    for (std::int64_t i = begin; i < end; ++i) {
      for (Example& example : format(data[static_cast<std::size_t>(i)], reports[chunk])) {
        examples[chunk].push_back(std::move(example));
      }
    }
  });
  std::vector<Example> all;
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    append(report, reports[chunk]);
    std::move(examples[chunk].begin(), examples[chunk].end(), std::back_inserter(all));
  }
  if (all.empty()) {
    throw input_error(
        "0 examples to learn from: of {} rows, {} were too long and {} have no target{}",
        report.rows, report.dropped_too_long.count, report.without_target.count,
        report.without_target.first.empty() ? ""
                                            : " (first: " + report.without_target.first[0] + ")");
  }
  std::vector<std::int64_t> lengths;
  for (const Example& example : all)
    lengths.push_back(static_cast<std::int64_t>(example.ids.size()));
  report.lengths = summarize_lengths(std::move(lengths));
  return all;
}

std::vector<std::int32_t> Formatter::prompt_ids(const Row& row) const {
  require_written(row);
  if (row.kind == Row::Kind::classification ||
      (row.kind == Row::Kind::prompt_completion && !options_.prompts_as_chat)) {
    return parts_of(row).prompt;
  }
  if (row.kind == Row::Kind::text || row.kind == Row::Kind::tokens)
    return sequence_example(row).ids;
  const Example example = chat_example(row);
  const auto target = std::find_if(example.weights.rbegin(), example.weights.rend(),
                                   [](float w) { return w != 0; });
  // Back over the last run of targets: what is before it is the conversation so far.
  const auto start = std::find_if(target, example.weights.rend(), [](float w) { return w == 0; });
  const auto length = static_cast<std::ptrdiff_t>(example.weights.rend() - start);
  return {example.ids.begin(), example.ids.begin() + length};
}

std::shared_ptr<const ChatTemplate> chat_template_of_rows(const Dataset& rows,
                                                          const FormatOptions& options,
                                                          const Tokenizer& tokenizer) {
  const auto all_are = [&](Row::Kind kind) {
    return rows.size() > 0 &&
           std::ranges::all_of(rows.rows(), [&](const Row& row) { return row.kind == kind; });
  };
  std::string source;
  if (all_are(Row::Kind::classification)) source = chat_template_source(options.task);
  if (all_are(Row::Kind::prompt_completion) && !options.prompts_as_chat) {
    source = chat_template_source({.prompt = "{text}", .answer = "{label}"});
  }
  if (source.empty()) return options.chat_template;
  return ChatTemplate::parse(source, special_texts(tokenizer));
}

}  // namespace bantam
