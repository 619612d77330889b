#include "bantam/cli/commands/tokenizer_texts.h"

#include "bantam/base/error.h"
#include "bantam/data/reader.h"
#include "bantam/data/row_texts.h"

namespace bantam {

template <>
void describe(Describer<TokenizerTexts>& d) {
  d(&TokenizerTexts::data, "data", "Texts: [NAME=]PATH[#SPLIT]; may be repeated.");
  d(&TokenizerTexts::map, "map", "Rename a field before anything else: OLD=NEW.");
  d(&TokenizerTexts::skip_bad, "skip_bad", "Skip up to this many bad rows and report them.",
    at_least(0));
}

void read_texts(Session& session, const TokenizerTexts& options,
                const std::function<void(std::span<const std::string_view>)>& take) {
  if (options.data.empty()) throw usage_error("--data: expected texts, found none");
  ReadOptions reading;
  reading.skip_bad = options.skip_bad;
  reading.row.require_answers = false;
  for (const std::string& entry : options.map) reading.row.map.push_back(parse_field_map(entry));
  ReadReport report;
  ProgressPhase phase(session.progress(), "Reading texts", static_cast<double>(options.data.size()),
                      "files");
  for (std::size_t i = 0; i < options.data.size(); ++i) {
    const std::vector<Row> rows = read_rows(parse_data_ref(options.data[i]), reading, &report);
    std::vector<std::string_view> texts;
    for (const Row& row : rows) {
      const std::vector<std::string_view> more = texts_of(row);
      texts.insert(texts.end(), more.begin(), more.end());
    }
    take(texts);
    phase.advance(static_cast<double>(i + 1));
    if (const int signal = Interrupt::requested(); signal != 0) {
      throw Interrupted(signal, "stopped while texts were read");
    }
  }
  for (const std::string& note : report.notes) session.progress().note(note);
  for (const std::string& why : report.skipped_because) session.progress().note("skipped " + why);
}

}  // namespace bantam
