#include "bantam/text/jinja/context.h"

#include <fmt/format.h>
#include <time.h>

namespace bantam::jinja {
namespace {

// One level of evaluation takes up to 2 KiB of stack in a debug build with sanitizers; threads have
// 8 MiB.
constexpr int evaluation_depth_limit = 1500;

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

Context::Context(const Limits& given)
    : scope(std::make_shared<Scope>()),
      limits(given),
      deadline_(thread_seconds() + given.seconds) {}

Context::~Context() {
  for (const auto& space : namespaces_) space->attributes.clear();
  for (const auto& captured : captured_) captured->variables.clear();
}

void Context::step(std::int64_t count) {
  steps_ += count;
  if (steps_ > limits.steps) {
    throw Fault{fmt::format("the template took more than {} steps", limits.steps)};
  }
  if (steps_ >= next_check_) {
    next_check_ = steps_ + 256;
    if (thread_seconds() > deadline_) {
      throw Fault{fmt::format("the template took more than {} s", limits.seconds)};
    }
  }
}

void Context::make_bytes(std::size_t length) {
  bytes_ += length;
  if (length > limits.output || bytes_ > limits.total) {
    throw Fault{fmt::format("the template made more than {} bytes of text",
                            length > limits.output ? limits.output : limits.total)};
  }
  step(1 + static_cast<std::int64_t>(length >> 12));
}

Value Context::lookup(const std::string& name) const {
  for (const Scope* at = scope.get(); at; at = at->parent.get()) {
    for (const auto& [key, value] : at->variables) {
      if (key == name) return value;
    }
  }
  if (const Value* global = find_global(name)) return *global;
  return Value::undefined(fmt::format("'{}' is undefined", name));
}

void Context::set(std::string_view name, Value value) {
  for (auto& [key, old] : scope->variables) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  scope->variables.emplace_back(name, std::move(value));
}

std::shared_ptr<Namespace> Context::new_namespace() {
  step();
  namespaces_.push_back(std::make_shared<Namespace>());
  return namespaces_.back();
}

std::shared_ptr<Scope> Context::capture_scope() {
  if (!scope->captured) {
    scope->captured = true;
    captured_.push_back(scope);
  }
  return scope;
}

DepthGuard::DepthGuard(Context& context) : context_(context) {
  if (++context_.depth > evaluation_depth_limit) {
    --context_.depth;
    throw Fault{fmt::format("evaluation deeper than {}", evaluation_depth_limit)};
  }
  try {
    context_.step();
  } catch (...) {
    --context_.depth;
    throw;
  }
}

}  // namespace bantam::jinja
