// a.b, a[b] and a[b:c:d]: Python's rules, with no attribute of a host language behind them.
#include <fmt/format.h>

#include <algorithm>

#include "bantam/text/jinja/syntax.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

Value missing(const Value& object, std::string_view name) {
  return Value::undefined(
      fmt::format("'{} object' has no attribute '{}'", object.type_name(), name));
}

Value loop_attribute(const std::shared_ptr<Loop>& loop, const Value& object,
                     const std::string& name) {
  const auto index = static_cast<std::int64_t>(loop->index);
  const auto count = static_cast<std::int64_t>(loop->items.size());
  if (name == "index") return Value::integer(index + 1);
  if (name == "index0") return Value::integer(index);
  if (name == "revindex") return Value::integer(count - index);
  if (name == "revindex0") return Value::integer(count - index - 1);
  if (name == "first") return Value::boolean(index == 0);
  if (name == "last") return Value::boolean(index + 1 == count);
  if (name == "length") return Value::integer(count);
  if (name == "depth") return Value::integer(loop->depth + 1);
  if (name == "depth0") return Value::integer(loop->depth);
  if (name == "previtem") {
    return index > 0 ? loop->items[index - 1] : Value::undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return index + 1 < count ? loop->items[index + 1] : Value::undefined("there is no next item");
  }
  if (name == "cycle") {
    return Value::function(name, [index](Context&, const Arguments& given) {
      if (given.positional.empty()) throw Fault{"no items for cycling given"};
      return given.positional[static_cast<std::size_t>(index) % given.positional.size()];
    });
  }
  if (name == "changed") {
    return Value::function(name, [loop = std::weak_ptr<Loop>(loop)](Context&,
                                                                    const Arguments& given) {
      const auto state = loop.lock();
      if (!state) throw Fault{"the loop has ended"};
      const bool same = state->has_changed &&
                        std::equal(given.positional.begin(), given.positional.end(),
                                   state->last_changed.begin(), state->last_changed.end(), equal);
      state->has_changed = true;
      state->last_changed = given.positional;
      return Value::boolean(!same);
    });
  }
  return missing(object, name);
}

/// Byte offsets of the code points of a text, and its end.
std::vector<std::size_t> code_point_offsets(const std::string& bytes) {
  std::vector<std::size_t> offsets;
  for (std::size_t at = 0; at < bytes.size(); at += code_point_at(bytes, at).length) {
    offsets.push_back(at);
  }
  offsets.push_back(bytes.size());
  return offsets;
}

std::optional<Value> indexed(const Value& object, std::int64_t index) {
  const auto length = length_of(object);
  if (!length) return std::nullopt;
  if (index < 0) index += *length;
  if (index < 0 || index >= *length) return std::nullopt;
  if (const Sequence* sequence = object.as_sequence()) {
    if (sequence->kind == Sequence::Kind::view) return std::nullopt;
    return sequence->items[static_cast<std::size_t>(index)];
  }
  if (const Text* text = object.as_text()) {
    const auto offsets = code_point_offsets(text->bytes);
    return Value::text(text->slice(offsets[index], offsets[index + 1]));
  }
  return std::nullopt;
}

struct Steps {
  std::int64_t begin, step, count;
};

std::optional<std::int64_t> slice_bound(const Value& value) {
  if (value.is_none()) return std::nullopt;
  if (const auto* undefined = value.as<Undefined>()) throw Fault{*undefined->why};
  if (const auto integer = value.as_integer()) return integer;
  throw Fault{"slice indices must be integers or None"};
}

/// Python's slice.indices().
Steps slice_steps(const Value& begin, const Value& end, const Value& by, std::int64_t length) {
  const std::int64_t step = slice_bound(by).value_or(1);
  if (step == 0) throw Fault{"slice step cannot be zero"};
  const std::int64_t low = step < 0 ? -1 : 0, high = step < 0 ? length - 1 : length;
  const auto bound = [&](const Value& value, std::int64_t otherwise) {
    const auto given = slice_bound(value);
    if (!given) return otherwise;
    const std::int64_t at = *given < 0 ? std::max(*given, -length - 1) + length : *given;
    return std::clamp(at, low, high);
  };
  const std::int64_t from = bound(begin, step < 0 ? high : low);
  const std::int64_t to = bound(end, step < 0 ? low : high);
  std::int64_t count = 0;
  if (step > 0 && from < to) count = (to - from - 1) / step + 1;
  if (step < 0 && to < from) count = (to - from + 1) / step + 1;
  return {from, step, count};
}

}  // namespace

Value attribute_of(const Value& object, const std::string& name) {
  if (const auto* undefined = object.as<Undefined>()) throw Fault{*undefined->why};
  if (name.starts_with("__") && name.ends_with("__")) {
    return Value::undefined(
        fmt::format("access to attribute '{}' of '{}' object is unsafe", name, object.type_name()));
  }
  if (auto method = method_of(object, name)) return *method;
  if (const Dict* dict = object.as_dict()) {
    const Value* found = dict->find(name);
    return found ? *found : missing(object, name);
  }
  if (const auto* space = object.as<std::shared_ptr<Namespace>>()) {
    const Value* found = (*space)->find(name);
    return found ? *found : missing(object, name);
  }
  if (const auto* loop = object.as<std::shared_ptr<Loop>>()) {
    return loop_attribute(*loop, object, name);
  }
  return missing(object, name);
}

Value item_of(const Value& object, const Value& key) {
  if (const auto* undefined = object.as<Undefined>()) throw Fault{*undefined->why};
  if (const Dict* dict = object.as_dict()) {
    if (const Value* found = dict->find(key)) return *found;
  } else if (const auto index = key.as_integer()) {
    if (auto found = indexed(object, *index)) return *found;
  }
  if (const Text* name = key.as_text()) {
    if (object.as_dict()) {  // its own keys have been looked at
      if (auto method = method_of(object, name->bytes)) return *method;
      return missing(object, name->bytes);
    }
    return attribute_of(object, name->bytes);
  }
  return Value::undefined(
      fmt::format("'{} object' has no element {}", object.type_name(), to_text(key).bytes));
}

Value slice_of(const Value& object, const Value& begin, const Value& end, const Value& step) {
  if (const auto* undefined = object.as<Undefined>()) throw Fault{*undefined->why};
  if (const Sequence* sequence = object.as_sequence();
      sequence && sequence->kind != Sequence::Kind::view) {
    const auto length = static_cast<std::int64_t>(sequence->items.size());
    const Steps steps = slice_steps(begin, end, step, length);
    Items items;
    for (std::int64_t i = 0; i < steps.count; ++i) {
      items.push_back(sequence->items[steps.begin + i * steps.step]);
    }
    return sequence->kind == Sequence::Kind::tuple ? Value::tuple(std::move(items))
                                                   : Value::list(std::move(items));
  }
  const Text* text = object.as_text();
  if (!text) return Value::undefined(fmt::format("'{}' object has no slices", object.type_name()));
  const auto offsets = code_point_offsets(text->bytes);
  const Steps steps = slice_steps(begin, end, step, static_cast<std::int64_t>(offsets.size()) - 1);
  if (steps.count == 0) return Value::text("");
  if (steps.step == 1) {
    return Value::text(text->slice(offsets[steps.begin], offsets[steps.begin + steps.count]));
  }
  TextBuilder builder;
  for (std::int64_t i = 0; i < steps.count; ++i) {
    const std::int64_t at = steps.begin + i * steps.step;
    builder.append(*text, offsets[at], offsets[at + 1]);
  }
  return Value::text(builder.take());
}

}  // namespace bantam::jinja
