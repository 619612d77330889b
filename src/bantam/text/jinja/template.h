// A parsed template that can be rendered many times, by many threads.
//
// The language is the part of Jinja2 that chat templates use (docs: jinja.palletsprojects.com),
// with the options `transformers` sets: trim_blocks, lstrip_blocks, break and continue, {%
// generation %}, tojson as json.dumps, no autoescape. Not there: include, import, extends, block.
// Rendering happens under budgets, and values have no host language behind them, so a template from
// a stranger can waste a second and nothing else.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bantam/text/jinja/context.h"
#include "bantam/text/jinja/value.h"

namespace bantam::jinja {

struct Rendering {
  Text text;
  /// Byte ranges of {% generation %} blocks, in order.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> generated;
};

class Template {
 public:
  /// Throws Error(input) naming the line; source at most 1 MiB.
  static std::shared_ptr<const Template> parse(std::string_view source);
  ~Template();

  /// Throws Error(input) naming the line: what the template raises, a failed operation, a budget
  /// used up.
  Rendering render(const std::vector<std::pair<std::string, Value>>& variables,
                   const Limits& limits = {}, std::time_t now = std::time(nullptr)) const;
  const std::string& source() const { return source_; }

 private:
  struct Tree;
  Template(std::string source, std::unique_ptr<const Tree> tree);
  std::string source_;
  std::unique_ptr<const Tree> tree_;
};

}  // namespace bantam::jinja
