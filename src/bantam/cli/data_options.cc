#include "bantam/cli/data_options.h"

#include "bantam/base/error.h"
#include "bantam/cli/session.h"

namespace bantam {

template <>
void describe(Describer<DataOptions>& d) {
  d(&DataOptions::task, "task",
    "What the rows are: classification, multi-label, spans, prompt-completion, chat, text or "
    "tokens; recognized by their fields when unset.");
  d(&DataOptions::map, "map", "Rename a field before anything else: OLD=NEW.");
  d(&DataOptions::skip_bad, "skip_bad", "Skip up to this many bad rows and report them.",
    at_least(0));
  d(&DataOptions::on_duplicate, "on_duplicate", "What to do when rows were given the same id.",
    OneOf{{"error", "keep_first", "keep_last"}});
  d(&DataOptions::by, "by",
    "Field (or meta.KEY) that names the group of a row; a group never straddles a split.");
}

ReadOptions read_options_of(const DataOptions& options) {
  ReadOptions read;
  if (!options.task.empty()) read.row.task = row_kind_of(options.task);
  for (const std::string& entry : options.map) read.row.map.push_back(parse_field_map(entry));
  read.row.group_by = options.by;
  read.skip_bad = options.skip_bad;
  return read;
}

Dataset read_data(Session& session, const std::vector<std::string>& references,
                  const DataOptions& options) {
  std::vector<DataRef> refs;
  for (const std::string& reference : references) refs.push_back(parse_data_ref(reference));
  Dataset data =
      Dataset::open(refs, read_options_of(options), on_duplicate_of(options.on_duplicate),
                    static_cast<std::uint64_t>(session.shared().seed));
  const ReadReport& report = data.report();
  for (const std::string& note : report.notes) session.progress().note(note);
  if (report.skipped > 0) {
    std::string text = fmt::format("skipped {} bad rows:", report.skipped);
    for (const std::string& reason : report.skipped_because) text += "\n  " + reason;
    session.progress().note(text);
  }
  return data;
}

}  // namespace bantam
