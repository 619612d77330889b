// One door to every activation: a Taps object passed with the forward call may record, replace or
// freeze what flows through a named site. Sites are named "layers.3.mlp.down.in"; docs/concepts
// lists them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/tensor/tensor.h"

namespace bantam {

class Taps {
 public:
  using Replacement = std::function<Tensor(const Tensor&)>;

  /// Keeps the tensor that passes `site` (the last one, if the model is run again).
  void record(std::string site);
  /// Passes fn(x) on instead of x. Must keep shape and type; a differentiable fn keeps gradients
  /// flowing.
  void replace(std::string site, Replacement fn);
  /// Passes x on as a constant: nothing before the site receives a gradient through it.
  void freeze(std::string site);
  /// Keeps the gradient that backward() brings to `site`, and the tensor itself.
  void want_gradient(std::string site);

  /// The tensor recorded at `site`. Throws Error(input) when nothing was, naming near sites that
  /// were passed.
  const Tensor& recorded(std::string_view site) const;
  /// The gradient that arrived at `site`; undefined before backward() reached it.
  Tensor gradient(std::string_view site) const;
  /// Every site passed so far, in order of first passage: what a model offers, as seen by running
  /// it.
  const std::vector<std::string>& passed() const { return passed_; }

  /// Called by layers.
  Tensor pass(const std::string& site, const Tensor& x);

 private:
  struct Wish {
    bool record = false, freeze = false, gradient = false;
    Replacement replace;
  };
  std::map<std::string, Wish, std::less<>> wishes_;
  std::map<std::string, Tensor, std::less<>> recorded_;
  std::map<std::string, std::shared_ptr<Tensor>, std::less<>> gradients_;
  std::vector<std::string> passed_;
  std::map<std::string, bool, std::less<>> seen_;
};

/// What layers write: x unchanged when nobody listens; the name is only built when somebody does.
inline Tensor tap(Taps* taps, const std::string& layer, const char* point, const Tensor& x) {
  return taps == nullptr ? x : taps->pass(layer + point, x);
}

}  // namespace bantam
