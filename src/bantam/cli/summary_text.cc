#include "bantam/cli/summary_text.h"

#include "bantam/base/error.h"
#include "bantam/cli/session.h"
#include "bantam/cli/terminal.h"

namespace bantam {

namespace {

constexpr std::size_t kClassesShown = 30;

std::string lengths_text(const LengthSummary& lengths) {
  return fmt::format("{} to {}, median {}, 90 % up to {}", with_commas(lengths.shortest),
                     with_commas(lengths.longest), with_commas(lengths.median),
                     with_commas(lengths.p90));
}

std::string places(const std::vector<std::string>& first, std::int64_t count) {
  std::string text;
  for (const std::string& place : first) text += (text.empty() ? "" : ", ") + place;
  if (count > static_cast<std::int64_t>(first.size())) text += ", ...";
  return text;
}

std::string shares(const std::vector<std::pair<std::string, std::int64_t>>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ",
                        name.empty() ? "(none)" : escaped(name, 40), with_commas(count));
  }
  return text;
}

Json lengths_json(const LengthSummary& lengths) {
  return {{"shortest", lengths.shortest},
          {"median", lengths.median},
          {"p90", lengths.p90},
          {"p99", lengths.p99},
          {"longest", lengths.longest}};
}

Json finding_json(const Finding& finding) {
  return {{"count", finding.count}, {"first", finding.first}};
}

void print_finding(Session& session, const char* name, const Finding& finding) {
  if (finding.count == 0) return;
  session.print("  {:<16} {} ({})\n", name, with_commas(finding.count),
                places(finding.first, finding.count));
}

}  // namespace

void print_summary(Session& session, const DatasetSummary& summary) {
  session.print("{} rows: {}{}\n", bold(with_commas(summary.rows), session.color()),
                name_of(summary.kind), summary.is_mixed ? " and other kinds" : "");
  if (summary.is_mixed) {
    for (const auto& [kind, count] : summary.kinds)
      session.print("  {:<16} {}\n", name_of(kind), with_commas(count));
  }
  session.print("  {:<16} {} bytes\n", "input", lengths_text(summary.input));
  if (summary.answer.longest > 0)
    session.print("  {:<16} {} bytes\n", "answer", lengths_text(summary.answer));
  if (!summary.splits.empty()) session.print("  {:<16} {}\n", "splits", shares(summary.splits));
  if (summary.sources.size() > 1)
    session.print("  {:<16} {}\n", "sources", shares(summary.sources));
  if (summary.groups > 0) session.print("  {:<16} {}\n", "groups", with_commas(summary.groups));
  if (summary.duplicates > 0) {
    session.print("  {:<16} {} repeat an earlier row ({})\n", "duplicates",
                  with_commas(summary.duplicates),
                  places(summary.first_duplicates, summary.duplicates));
  }
  if (summary.contradictions > 0) {
    session.print("  {:<16} {} give an input that came before another answer ({})\n",
                  "contradictions", with_commas(summary.contradictions),
                  places(summary.first_contradictions, summary.contradictions));
  }
  if (summary.classes.empty()) return;
  session.print("\n");
  Table table({"class", ">rows", ">share"});
  for (std::size_t i = 0; i < std::min(summary.classes.size(), kClassesShown); ++i) {
    const auto& [label, count] = summary.classes[i];
    table.add({escaped(label, 60), with_commas(count),
               fmt::format("{:.1f} %", 100.0 * static_cast<double>(count) /
                                           static_cast<double>(summary.rows))});
  }
  session.print(table);
  if (summary.classes.size() > kClassesShown) {
    session.print("and {} more classes\n", summary.classes.size() - kClassesShown);
  }
}

Json summary_json(const DatasetSummary& summary) {
  Json out = {{"rows", summary.rows}, {"kind", name_of(summary.kind)}};
  for (const auto& [kind, count] : summary.kinds) out["kinds"][std::string(name_of(kind))] = count;
  for (const auto& [label, count] : summary.classes) out["classes"][label] = count;
  for (const auto& [source, count] : summary.sources) out["sources"][source] = count;
  for (const auto& [split, count] : summary.splits) out["splits"][split] = count;
  out["groups"] = summary.groups;
  out["input_bytes"] = lengths_json(summary.input);
  out["answer_bytes"] = lengths_json(summary.answer);
  out["duplicates"] = {{"count", summary.duplicates}, {"first", summary.first_duplicates}};
  out["contradictions"] = {{"count", summary.contradictions},
                           {"first", summary.first_contradictions}};
  return out;
}

void print_format_report(Session& session, const FormatReport& report) {
  session.print("\n{} examples for this model: {} tokens, {} of them targets\n",
                with_commas(report.examples), with_commas(report.tokens),
                with_commas(report.targets));
  session.print("  {:<16} {} tokens\n", "length", lengths_text(report.lengths));
  print_finding(session, "shortened", report.truncated);
  print_finding(session, "split", report.split);
  print_finding(session, "too long", report.dropped_too_long);
  print_finding(session, "without target", report.without_target);
}

Json format_report_json(const FormatReport& report) {
  return {{"examples", report.examples},
          {"tokens", report.tokens},
          {"targets", report.targets},
          {"lengths", lengths_json(report.lengths)},
          {"truncated", finding_json(report.truncated)},
          {"split", finding_json(report.split)},
          {"dropped_too_long", finding_json(report.dropped_too_long)},
          {"without_target", finding_json(report.without_target)}};
}

}  // namespace bantam
