#include "bantam/text/jinja/template.h"

#include <new>

#include "bantam/base/error.h"
#include "bantam/text/jinja/parser.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {

struct Template::Tree {
  Body body;
};

Template::Template(std::string source, std::unique_ptr<const Tree> tree)
    : source_(std::move(source)), tree_(std::move(tree)) {}
Template::~Template() = default;

std::shared_ptr<const Template> Template::parse(std::string_view source) {
  constexpr std::size_t size_limit = 1 << 20;
  if (source.size() > size_limit) {
    throw input_error("template: expected at most {} bytes, found {}", with_commas(size_limit),
                      with_commas(static_cast<std::int64_t>(source.size())));
  }
  if (!is_valid_utf8(source)) {
    throw input_error("template: byte {} is not UTF-8", valid_utf8_prefix(source));
  }
  auto tree = std::make_unique<const Tree>(Tree{parse_template(source)});
  return std::shared_ptr<const Template>(new Template(std::string(source), std::move(tree)));
}

Rendering Template::render(const std::vector<std::pair<std::string, Value>>& variables,
                           const Limits& limits, std::time_t now) const {
  Context context(limits);
  context.now = now;
  TextBuilder page;
  context.out = context.page = &page;
  for (const auto& [name, value] : variables) context.scope->variables.emplace_back(name, value);
  // What the template sets must not overwrite what it was given for a later macro: its own scope.
  const ScopeGuard guard(context);
  try {
    execute_all(tree_->body, context);
  } catch (const Fault& fault) {
    throw input_error("template line {}: {}", context.line, escaped(fault.message, 500));
  } catch (const std::bad_alloc&) {
    throw resource_error("template line {}: no memory", context.line);
  }
  return {page.take(), std::move(context.generated)};
}

}  // namespace bantam::jinja
