#include "bantam/train/nonfinite_policy.h"

#include "bantam/base/error.h"

namespace bantam {

void NonfinitePolicy::skipped(std::int64_t step, const std::string& tensor,
                              const std::string& examples) {
  ++count_;
  ++in_a_row_;
  recent_.push_back(step);
  std::erase_if(recent_, [step](std::int64_t old) { return old <= step - kWindow; });
  const auto in_window = static_cast<std::int64_t>(recent_.size());
  if (in_a_row_ < limit_ && in_window <= kMostInWindow) return;
  const std::string rule = in_a_row_ >= limit_
                               ? fmt::format("{} steps in a row", in_a_row_)
                               : fmt::format("{} of the last {} steps", in_window, kWindow);
  throw Error(Error::Kind::diverged,
              fmt::format("training stopped at step {}: {} is not finite, as in {}; examples of "
                          "this step: {}; no such step changed a weight; lower --lr or look at "
                          "these examples, then resume from the last checkpoint",
                          step, tensor, rule, examples));
}

Json NonfinitePolicy::to_json() const {
  return Json{{"count", count_}, {"in_a_row", in_a_row_}, {"recent", recent_}};
}

void NonfinitePolicy::restore(const Json& json) {
  count_ = json.at("count").get<std::int64_t>();
  in_a_row_ = json.at("in_a_row").get<std::int64_t>();
  recent_ = json.at("recent").get<std::vector<std::int64_t>>();
}

}  // namespace bantam
