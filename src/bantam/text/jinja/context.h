// The state of one rendering: variables, output, and what a template may still use up.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bantam/text/jinja/value.h"

namespace bantam::jinja {

struct Limits {
  std::int64_t steps = 1'000'000;              ///< nodes evaluated, items made
  std::size_t output = std::size_t{8} << 20;   ///< bytes of any one string
  std::size_t total = std::size_t{256} << 20;  ///< bytes of all strings made
  double seconds = 1;                          ///< of processor time
  int depth = 100;                             ///< macros inside macros
};

struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> variables;
  bool captured = false;  // a macro was defined here and refers back to it
};

class Context {
 public:
  explicit Context(const Limits& limits);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Throws Fault when a budget is used up.
  void step(std::int64_t count = 1);
  /// A string of this length is about to be made.
  void make_bytes(std::size_t length);

  /// Innermost variable of that name, or a global function, or Undefined.
  Value lookup(const std::string& name) const;
  void set(std::string_view name, Value value);

  std::shared_ptr<Scope> scope;
  TextBuilder* out = nullptr;
  TextBuilder* page = nullptr;  ///< `out` of the template itself: elsewhere text is being captured
  std::vector<std::pair<std::uint32_t, std::uint32_t>>
      generated;  ///< ranges of the page in generation blocks
  int line = 0;   ///< of the node being evaluated
  std::time_t now = 0;
  const Limits limits;

  /// Held until the rendering ends, when what they refer to is let go: macros and namespaces can
  /// form cycles.
  std::shared_ptr<Namespace> new_namespace();
  std::shared_ptr<Scope> capture_scope();

  int macro_depth = 0;
  int depth = 0;

 private:
  double deadline_;
  std::int64_t steps_ = 0;
  std::int64_t next_check_ = 0;
  std::size_t bytes_ = 0;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<std::shared_ptr<Scope>> captured_;
};

/// Enters a new scope for as long as it lives.
class ScopeGuard {
 public:
  ScopeGuard(Context& context, std::shared_ptr<Scope> parent)
      : context_(context), outer_(std::move(context.scope)) {
    context_.scope = std::make_shared<Scope>(Scope{std::move(parent), {}, false});
  }
  explicit ScopeGuard(Context& context) : ScopeGuard(context, context.scope) {}
  ~ScopeGuard() { context_.scope = std::move(outer_); }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Context& context_;
  std::shared_ptr<Scope> outer_;
};

/// Counts the nesting of evaluation; the stack of a thread is finite.
class DepthGuard {
 public:
  explicit DepthGuard(Context& context);
  ~DepthGuard() { --context_.depth; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  Context& context_;
};

/// The functions every template sees (range, namespace, raise_exception, ...), or nullptr.
const Value* find_global(std::string_view name);

}  // namespace bantam::jinja
