// An encoder that learns to tag words.
#include "bantam/base/error.h"
#include "bantam/cli/encoder_subject.h"
#include "bantam/data/encoder_examples.h"
#include "bantam/data/tagged_text.h"
#include "bantam/generate/text_tagger.h"
#include "bantam/recipe/tune/tune_report.h"
#include "bantam/stats/bootstrap.h"
#include "bantam/stats/set_scores.h"

namespace bantam {
namespace {

// What is right of one text, or of several when summed.
struct TagScores {
  std::int64_t words = 0, right = 0;
  SetScores entities = {};

  void add(const TagScores& other) {
    words += other.words;
    right += other.right;
    entities.add(other.entities);
  }
  double accuracy() const {
    return words == 0 ? 0 : static_cast<double>(right) / static_cast<double>(words);
  }
};

class TaggerSubject final : public EncoderSubject {
 public:
  explicit TaggerSubject(const TrainingJobOptions& options)
      : EncoderSubject(options, HeadKind::token) {}

  std::string usual_objective() const override { return "tag"; }

  std::string meet(const Dataset& rows, std::uint64_t seed) override {
    require_tagged(rows);
    if (has_head()) return fmt::format("tags of the model's head: {}", listed_labels());
    std::vector<std::string> found = tags_of(rows);
    if (found.size() < 2) {
      throw input_error(
          "the rows have {}; expected at least two tags to tell apart",
          found.empty() ? "no span" : fmt::format("one tag, {}", escaped(found.front(), 60)));
    }
    make_head({.kind = HeadKind::token, .labels = std::move(found)}, seed);
    return fmt::format("a new head for {} tags, in alphabetical order: {}", labels().size(),
                       listed_labels());
  }

  std::vector<Example> format(const Dataset& rows, const FormatOptions& format,
                              FormatReport& report) override {
    return tagged_examples(
        rows, *loaded().tokenizer, labels(),
        {.longest = format.max_tokens, .drop_longer = format.too_long == TooLong::drop}, report);
  }

  std::function<EvaluationFigures()> measure(std::span<const Example> dev) override {
    if (dev.empty()) return {};
    return [this, dev]() -> EvaluationFigures {
      TagScores all;
      for (const TagScores& one : scores(dev)) all.add(one);
      return {{"accuracy", all.accuracy()}, {"entity_f1", all.entities.f1()}};
    };
  }

  Verdict judge(std::span<const Example> dev) override {
    if (dev.empty()) return {};
    const std::vector<TagScores> each = scores(dev);
    const auto interval = [&](double (*figure)(const TagScores&)) {
      return bootstrap_statistic(static_cast<std::uint32_t>(each.size()),
                                 [&](std::span<const std::uint32_t> rows) {
                                   TagScores all;
                                   for (const std::uint32_t row : rows) all.add(each[row]);
                                   return figure(all);
                                 });
    };
    const Interval accuracy = interval([](const TagScores& all) { return all.accuracy(); });
    const Interval f1 = interval([](const TagScores& all) { return all.entities.f1(); });
    return {.lines = {fmt::format("on {} dev rows: token accuracy {}, entity F1 {}", dev.size(),
                                  text_of(accuracy), text_of(f1))},
            .json = {{"rows", dev.size()},
                     {"accuracy", accuracy.value},
                     {"entity_f1", f1.value},
                     {"labels", labels()}}};
  }

  std::string command_to_try(const std::string& reference) const override {
    return fmt::format("bantam predict tag -m {} TEXT", reference);
  }

 private:
  static void require_tagged(const Dataset& rows) {
    const Row::Kind kind = require_one_kind(rows);
    if (kind == Row::Kind::spans) return;
    throw input_error(
        "{}: --objective tag learns from rows with text and spans, or tokens and tags, found {}; "
        "--map OLD=NEW renames fields",
        where_is(rows[0]), name_of(kind));
  }

  // Of each example, over the tokens that have a tag to learn: the first of each word.
  std::vector<TagScores> scores(std::span<const Example> dev) const {
    const auto found = tags_of_tokens(encoder(), inputs_of(dev));
    std::vector<TagScores> all;
    for (std::size_t i = 0; i < dev.size(); ++i) {
      TagScores& one = all.emplace_back();
      std::vector<std::string> truth, prediction;
      for (std::size_t token = 0; token < dev[i].labels.size(); ++token) {
        if (dev[i].labels[token] < 0) continue;
        truth.push_back(tag(dev[i].labels[token]));
        prediction.push_back(tag(found[i].tags[token]));
        ++one.words;
        one.right += truth.back() == prediction.back() ? 1 : 0;
      }
      one.entities.add(entities_of(truth), entities_of(prediction));
    }
    return all;
  }

  const std::string& tag(std::int32_t place) const {
    return labels()[static_cast<std::size_t>(place)];
  }
};

}  // namespace

std::unique_ptr<TrainingSubject> load_tagger_subject(const TrainingJobOptions& options) {
  return std::make_unique<TaggerSubject>(options);
}

}  // namespace bantam
