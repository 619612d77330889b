#include "bantam/recipe/bench/bench_row.h"

#include <utility>

namespace bantam {
namespace {

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

}  // namespace

BenchRow rate_row(std::string kind, std::string work_text, double tokens, const Spread& seconds,
                  const Bound& bound, Json facts) {
  BenchRow row;
  row.kind = std::move(kind);
  row.work = std::move(work_text);
  row.unit = "tok/s";
  row.value = {ratio(tokens, seconds.median), ratio(tokens, seconds.high),
               ratio(tokens, seconds.low), seconds.count};
  row.bound = ratio(tokens, bound.seconds);
  row.bound_by = bound.by;
  row.share = ratio(row.value.median, row.bound);
  row.facts = std::move(facts);
  return row;
}

BenchRow time_row(std::string kind, std::string work_text, const Spread& seconds,
                  const Bound& bound, Json facts) {
  BenchRow row;
  row.kind = std::move(kind);
  row.work = std::move(work_text);
  row.unit = "ms";
  row.value = {1e3 * seconds.median, 1e3 * seconds.low, 1e3 * seconds.high, seconds.count};
  row.bound = 1e3 * bound.seconds;
  row.bound_by = bound.by;
  row.share = ratio(row.bound, row.value.median);
  row.facts = std::move(facts);
  return row;
}

Json bench_row_json(const BenchRow& row) {
  return {{"kind", row.kind},   {"work", row.work},
          {"unit", row.unit},   {"value", spread_json(row.value)},
          {"bound", row.bound}, {"bound_by", row.bound_by},
          {"share", row.share}, {"facts", row.facts}};
}

}  // namespace bantam
