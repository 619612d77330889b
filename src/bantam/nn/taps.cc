#include "bantam/nn/taps.h"

#include "bantam/base/error.h"
#include "bantam/base/options.h"
#include "bantam/tensor/tape.h"

namespace bantam {

void Taps::record(std::string site) { wishes_[std::move(site)].record = true; }
void Taps::replace(std::string site, Replacement fn) {
  wishes_[std::move(site)].replace = std::move(fn);
}
void Taps::freeze(std::string site) { wishes_[std::move(site)].freeze = true; }
void Taps::want_gradient(std::string site) {
  Wish& wish = wishes_[std::move(site)];
  wish.record = true;
  wish.gradient = true;
}

const Tensor& Taps::recorded(std::string_view site) const {
  const auto found = recorded_.find(site);
  if (found != recorded_.end()) return found->second;
  throw input_error("taps: nothing was recorded at '{}'; nearest site that was passed: '{}'", site,
                    nearest_name(site, passed_));
}

Tensor Taps::gradient(std::string_view site) const {
  const auto found = gradients_.find(site);
  return found == gradients_.end() ? Tensor() : *found->second;
}

Tensor Taps::pass(const std::string& site, const Tensor& x) {
  if (seen_.emplace(site, true).second) passed_.push_back(site);
  const auto found = wishes_.find(site);
  if (found == wishes_.end()) return x;
  const Wish& wish = found->second;
  Tensor passed = x;
  if (wish.replace) {
    passed = wish.replace(x);
    if (!(passed.shape() == x.shape()) || passed.dtype() != x.dtype()) {
      throw input_error("taps: the replacement at '{}' returned {} {}; expected {} {}", site,
                        info(passed.dtype()).name, passed.shape().text(), info(x.dtype()).name,
                        x.shape().text());
    }
  }
  if (wish.freeze) passed = passed.stop_gradient();
  if (wish.gradient) {
    // An identity on the tape: its backward sees the site's gradient, whether or not anything
    // before it wants one.
    auto slot = std::make_shared<Tensor>();
    gradients_[site] = slot;
    const Tensor source = passed.wants_gradient() ? passed : passed.as_variable();
    passed = bantam::record("tap", {source}, passed, [slot](const Tensor& dy) {
      *slot = dy;
      return Gradients{dy};
    });
  }
  if (wish.record) recorded_.insert_or_assign(site, passed);
  return passed;
}

}  // namespace bantam
