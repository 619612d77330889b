#include "bantam/cli/split_output.h"

#include <array>
#include <filesystem>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/base/system_error.h"
#include "bantam/cli/session.h"
#include "bantam/data/summary.h"

namespace bantam {

namespace {

struct Side {
  const char* name;
  const Dataset& data;
};

}  // namespace

void write_splits(Session& session, const Splits& splits, const std::string& folder,
                  std::span<const Path> inputs) {
  const std::array sides{Side{"train", splits.train}, Side{"dev", splits.dev},
                         Side{"test", splits.test}};
  const auto file_of = [&](const Side& side) {
    return Path(folder) / (std::string(side.name) + ".jsonl");
  };
  for (const Side& side : sides) {
    if (!side.data.empty()) require_fresh_output(file_of(side), session.shared().force, inputs);
  }
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw system_error(failure.value(), folder, "make the folder", Error::Kind::usage);

  Json out = {{"out", folder}, {"notes", splits.notes}};
  Table table({"file", ">rows", ">classes"});
  for (const Side& side : sides) {
    if (side.data.empty()) continue;
    write_jsonl(file_of(side).string(), side.data);
    const std::size_t classes = labels_of(side.data).size();
    out[side.name] = {{"rows", side.data.size()}, {"sha256", side.data.content_hash()}};
    table.add({file_of(side).string(), with_commas(static_cast<std::int64_t>(side.data.size())),
               classes > 0 ? std::to_string(classes) : ""});
  }
  if (session.json()) {
    session.result(out);
    return;
  }
  for (const std::string& note : splits.notes) session.progress().note(note);
  session.print(table);
}

}  // namespace bantam
