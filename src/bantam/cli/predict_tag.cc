// Entities of texts, or the tag of each of their words.
#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/cli/predict_task.h"
#include "bantam/cli/session.h"
#include "bantam/data/tagged_text.h"
#include "bantam/generate/text_tagger.h"
#include "bantam/stats/set_scores.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

class TagTask final : public PredictTask {
 public:
  using PredictTask::PredictTask;

  std::vector<std::size_t> predict(const PredictItems& items, ProgressSink& progress) override {
    for (std::size_t i = 0; i < items.texts.size(); ++i) {
      const std::string& text = items.texts[i].text;
      texts_.push_back({text, items.rows.empty() ? words_of(text) : words_of(items.rows[i])});
    }
    TaggedTexts found = tag_texts(model(), texts_, progress);
    tagged_ = std::move(found.texts);
    return std::move(found.truncated);
  }

  // What a row says of itself stays: its spans or tags are kept, and the predicted ones stand
  // beside them in the same form.
  void add_to(Json& row, std::size_t i) const override {
    if (row.contains("tags")) {
      row["prediction"] = tagged_[i].tags;
    } else {
      row[row.contains("spans") ? "prediction" : "spans"] = spans(i);
    }
  }

  void show(Session& session, const PredictItems& /*items*/) const override {
    const bool several = texts_.size() > 1;
    std::vector<std::string> header = {"entity", "label", ">start", ">end", ">score"};
    if (several) header.insert(header.begin(), ">text");
    Table table(header);
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      for (const Json& span : spans(i)) {
        std::vector<std::string> line = {escaped(span["text"].get<std::string>(), 60),
                                         escaped(span["label"].get<std::string>(), 40),
                                         dump_json(span["start"]), dump_json(span["end"]),
                                         fmt::format("{:.3f}", span["score"].get<double>())};
        if (several) line.insert(line.begin(), std::to_string(i + 1));
        table.add(line);
      }
    }
    table.empty() ? session.print("no entities\n") : session.print(table);
  }

  std::string verdict(const PredictItems& items) const override {
    SetScores entities;
    std::size_t words = 0, right = 0, rows = 0;
    for (std::size_t i = 0; i < items.rows.size(); ++i) {
      if (items.rows[i].kind != Row::Kind::spans) return "";
      const std::vector<std::string> truth = tagged_text(items.rows[i]).tags;
      for (std::size_t word = 0; word < truth.size(); ++word) {
        right += truth[word] == tagged_[i].tags[word] ? 1 : 0;
      }
      words += truth.size();
      ++rows;
      entities.add(entities_of(truth), entities_of(tagged_[i].tags));
    }
    if (words == 0) return "";
    return fmt::format(
        "on {} tagged rows: accuracy of words {:.3f}, entity F1 {:.3f} (precision {:.3f}, recall "
        "{:.3f})",
        rows, static_cast<double>(right) / static_cast<double>(words), entities.f1(),
        entities.precision(), entities.recall());
  }

 private:
  // The entities of text `i`, with offsets in code points.
  Json spans(std::size_t i) const {
    Json list = Json::array();
    const std::string_view text = texts_[i].text;
    for (const FoundEntity& entity : entities_of(tagged_[i], texts_[i].words)) {
      const auto [begin, end] = entity.where;
      const std::string_view found = text.substr(begin, end - begin);
      const std::size_t start = count_code_points(text.substr(0, begin));
      list.push_back({{"start", start},
                      {"end", start + count_code_points(found)},
                      {"label", entity.label},
                      {"text", found},
                      {"score", rounded(entity.score)}});
    }
    return list;
  }

  std::vector<TextToTag> texts_;
  std::vector<TaggedWords> tagged_;
};

}  // namespace

std::unique_ptr<PredictTask> make_tag_task(const PredictOptions& options) {
  refuse_threshold(options, "tag gives each word its likeliest tag");
  return std::make_unique<TagTask>(load_classifier(options.model, HeadKind::token));
}

}  // namespace bantam
