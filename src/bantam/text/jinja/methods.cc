// The methods of strings, dicts and lists that templates call. Those that would change a value do
// not exist.
#include <fmt/format.h>

#include <algorithm>

#include "bantam/text/jinja/parameters.h"
#include "bantam/text/jinja/syntax.h"
#include "bantam/text/jinja/text_operations.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

using TextMethod = Value (*)(Context&, const Text&, const Arguments&);

template <Side side>
Value strip(Context& context, const Text& self, const Arguments& given) {
  const Parameters p("strip", given, {"chars"});
  context.make_bytes(self.bytes.size());
  return Value::text(stripped(self, side, p.find_text(0)));
}

Value split_method(Context& context, const Text& self, const Arguments& given) {
  const Parameters p("split", given, {"sep", "maxsplit"});
  return Value::list(split(context, self, p.find_text(0), p.integer(1, -1)));
}

Value rsplit_method(Context& context, const Text& self, const Arguments& given) {
  const Parameters p("rsplit", given, {"sep", "maxsplit"});
  return Value::list(split_from_right(context, self, p.find_text(0), p.integer(1, -1)));
}

Value splitlines_method(Context& context, const Text& self, const Arguments& given) {
  const Parameters p("splitlines", given, {"keepends"});
  return Value::list(split_lines(context, self, p.flag(0, false)));
}

/// startswith and endswith: one string, or a tuple of which any may match.
template <class Matches>
Value any_affix(const char* name, const Arguments& given, Matches matches) {
  const Parameters p(name, given, {"affix"});
  const Sequence* several = p.required(0).as_sequence();
  if (several && several->kind == Sequence::Kind::tuple) {
    for (const Value& item : several->items) {
      if (!item.as_text()) throw Fault{fmt::format("{}: expected a tuple of strings", name)};
      if (matches(item.as_text()->bytes)) return Value::boolean(true);
    }
    return Value::boolean(false);
  }
  return Value::boolean(matches(p.text(0).bytes));
}

Value startswith(Context&, const Text& self, const Arguments& given) {
  return any_affix("startswith", given,
                   [&](const std::string& affix) { return self.bytes.starts_with(affix); });
}

Value endswith(Context&, const Text& self, const Arguments& given) {
  return any_affix("endswith", given,
                   [&](const std::string& affix) { return self.bytes.ends_with(affix); });
}

Value replace_method(Context& context, const Text& self, const Arguments& given) {
  const Parameters p("replace", given, {"old", "new", "count"});
  return Value::text(replaced(context, self, p.text(0).bytes, p.text(1), p.integer(2, -1)));
}

Value join_method(Context& context, const Text& self, const Arguments& given) {
  const Parameters p("join", given, {"iterable"});
  const Items items = iterate(p.required(0));
  for (const Value& item : items) {
    if (!item.as_text()) {
      throw Fault{fmt::format("join: expected strings, found {}", item.type_name())};
    }
  }
  return Value::text(join(context, self, items));
}

template <bool from_right, bool must_exist>
Value find_method(Context&, const Text& self, const Arguments& given) {
  const Parameters p("find", given, {"sub"});
  const std::string& part = p.text(0).bytes;
  const std::size_t at = from_right ? self.bytes.rfind(part) : self.bytes.find(part);
  if (at == std::string::npos) {
    if (must_exist) throw Fault{"substring not found"};
    return Value::integer(-1);
  }
  const auto before = std::string_view(self.bytes).substr(0, at);
  return Value::integer(static_cast<std::int64_t>(count_code_points(before)));
}

Value count_method(Context&, const Text& self, const Arguments& given) {
  const Parameters p("count", given, {"sub"});
  const std::string& part = p.text(0).bytes;
  if (part.empty()) {
    return Value::integer(static_cast<std::int64_t>(count_code_points(self.bytes)) + 1);
  }
  std::int64_t count = 0;
  for (std::size_t at = self.bytes.find(part); at != std::string::npos;
       at = self.bytes.find(part, at + part.size())) {
    ++count;
  }
  return Value::integer(count);
}

template <bool from_right>
Value partition_method(Context& context, const Text& self, const Arguments& given) {
  const Parameters p("partition", given, {"sep"});
  const Text& separator = p.text(0);
  if (separator.bytes.empty()) throw Fault{"empty separator"};
  context.make_bytes(self.bytes.size());
  const std::size_t at =
      from_right ? self.bytes.rfind(separator.bytes) : self.bytes.find(separator.bytes);
  if (at == std::string::npos) {
    if (from_right) return Value::tuple({Value::text(""), Value::text(""), Value::text(self)});
    return Value::tuple({Value::text(self), Value::text(""), Value::text("")});
  }
  return Value::tuple({Value::text(self.slice(0, at)), Value::text(separator),
                       Value::text(self.slice(at + separator.bytes.size(), self.bytes.size()))});
}

template <Text (*change)(const Text&)>
Value changed(Context& context, const Text& self, const Arguments& given) {
  const Parameters p("method", given, {});
  context.make_bytes(self.bytes.size());
  context.step(static_cast<std::int64_t>(self.bytes.size() / 64));
  return Value::text(change(self));
}

Value removeprefix(Context&, const Text& self, const Arguments& given) {
  const Parameters p("removeprefix", given, {"prefix"});
  const std::string& prefix = p.text(0).bytes;
  return Value::text(self.bytes.starts_with(prefix) ? self.slice(prefix.size(), self.bytes.size())
                                                    : self);
}

Value removesuffix(Context&, const Text& self, const Arguments& given) {
  const Parameters p("removesuffix", given, {"suffix"});
  const std::string& suffix = p.text(0).bytes;
  return Value::text(self.bytes.ends_with(suffix) ? self.slice(0, self.bytes.size() - suffix.size())
                                                  : self);
}

template <Side side>
Value justify(Context& context, const Text& self, const Arguments& given) {
  const Parameters p("justify", given, {"width", "fillchar"});
  p.required(0);
  const Text* fill = p.find_text(1);
  return Value::text(
      justified(context, self, side, p.integer(0, 0), fill ? fill->bytes : std::string(" ")));
}

/// Not empty, and every character has the property.
template <bool (*property)(char32_t)>
Value all_characters(Context&, const Text& self, const Arguments& given) {
  const Parameters p("method", given, {});
  for (std::size_t at = 0; at < self.bytes.size();) {
    const CodePoint c = code_point_at(self.bytes, at);
    if (!c.valid || !property(c.value)) return Value::boolean(false);
    at += c.length;
  }
  return Value::boolean(!self.bytes.empty());
}

bool is_letter_or_digit(char32_t c) { return is_letter(c) || is_numeric(c); }
bool is_any_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

/// Has cased characters, all of one case.
template <bool upper_case>
Value is_case(Context&, const Text& self, const Arguments& given) {
  const Parameters p("method", given, {});
  return Value::boolean(self.bytes != (upper_case ? to_lower(self.bytes) : to_upper(self.bytes)) &&
                        self.bytes == (upper_case ? to_upper(self.bytes) : to_lower(self.bytes)));
}

constexpr std::pair<std::string_view, TextMethod> text_methods[] = {
    {"strip", strip<Side::both>},
    {"lstrip", strip<Side::left>},
    {"rstrip", strip<Side::right>},
    {"split", split_method},
    {"rsplit", rsplit_method},
    {"splitlines", splitlines_method},
    {"startswith", startswith},
    {"endswith", endswith},
    {"replace", replace_method},
    {"join", join_method},
    {"find", find_method<false, false>},
    {"rfind", find_method<true, false>},
    {"index", find_method<false, true>},
    {"rindex", find_method<true, true>},
    {"count", count_method},
    {"partition", partition_method<false>},
    {"rpartition", partition_method<true>},
    {"upper", changed<upper>},
    {"lower", changed<lower>},
    {"casefold", changed<lower>},
    {"capitalize", changed<capitalized>},
    {"title", changed<title_case>},
    {"removeprefix", removeprefix},
    {"removesuffix", removesuffix},
    {"ljust", justify<Side::left>},
    {"rjust", justify<Side::right>},
    {"center", justify<Side::both>},
    {"isdigit", all_characters<is_decimal_digit>},
    {"isdecimal", all_characters<is_decimal_digit>},
    {"isnumeric", all_characters<is_numeric>},
    {"isalpha", all_characters<is_letter>},
    {"isalnum", all_characters<is_letter_or_digit>},
    {"isspace", all_characters<is_any_space>},
    {"isupper", is_case<true>},
    {"islower", is_case<false>},
};

std::optional<Value> text_method(const Value& object, std::string_view name) {
  for (const auto& [key, method] : text_methods) {
    if (key != name) continue;
    return Value::function(std::string(name),
                           [object, call = method](Context& context, const Arguments& given) {
                             return call(context, *object.as_text(), given);
                           });
  }
  return std::nullopt;
}

Items pairs(const Dict& dict) {
  Items items;
  for (const auto& [key, value] : dict.items) items.push_back(Value::tuple({key, value}));
  return items;
}

std::optional<Value> dict_method(const Value& object, std::string_view name) {
  using Body = Value (*)(Context&, const Dict&, const Arguments&);
  static constexpr std::pair<std::string_view, Body> methods[] = {
      {"get",
       [](Context&, const Dict& self, const Arguments& given) {
         const Parameters p("get", given, {"key", "default"});
         const Value* found = self.find(p.required(0));
         if (found) return *found;
         return p.find(1) ? *p.find(1) : Value();
       }},
      {"items",
       [](Context& context, const Dict& self, const Arguments& given) {
         const Parameters p("items", given, {});
         context.step(static_cast<std::int64_t>(self.items.size()));
         return Value::view(pairs(self), "dict_items");
       }},
      {"keys",
       [](Context& context, const Dict& self, const Arguments& given) {
         const Parameters p("keys", given, {});
         context.step(static_cast<std::int64_t>(self.items.size()));
         Items keys;
         for (const auto& item : self.items) keys.push_back(item.first);
         return Value::view(std::move(keys), "dict_keys");
       }},
      {"values",
       [](Context& context, const Dict& self, const Arguments& given) {
         const Parameters p("values", given, {});
         context.step(static_cast<std::int64_t>(self.items.size()));
         Items values;
         for (const auto& item : self.items) values.push_back(item.second);
         return Value::view(std::move(values), "dict_values");
       }},
      {"copy",
       [](Context& context, const Dict& self, const Arguments& given) {
         const Parameters p("copy", given, {});
         context.step(static_cast<std::int64_t>(self.items.size()));
         return Value::dict(self);
       }},
  };
  for (const auto& [key, method] : methods) {
    if (key != name) continue;
    return Value::function(std::string(name),
                           [object, call = method](Context& context, const Arguments& given) {
                             return call(context, *object.as_dict(), given);
                           });
  }
  for (const std::string_view unsafe :
       {"clear", "pop", "popitem", "setdefault", "update", "fromkeys"}) {
    if (name == unsafe) {
      return Value::undefined(fmt::format("'{}' would change a dict: templates may not", name));
    }
  }
  return std::nullopt;
}

std::optional<Value> sequence_method(const Value& object, std::string_view name) {
  const Sequence& self = *object.as_sequence();
  if (self.kind == Sequence::Kind::view) return std::nullopt;
  if (name == "count") {
    return Value::function("count", [object](Context&, const Arguments& given) {
      const Parameters p("count", given, {"value"});
      const Items& items = object.as_sequence()->items;
      return Value::integer(std::count_if(items.begin(), items.end(),
                                          [&](const Value& v) { return equal(v, p.required(0)); }));
    });
  }
  if (name == "index") {
    return Value::function("index", [object](Context&, const Arguments& given) {
      const Parameters p("index", given, {"value"});
      const Items& items = object.as_sequence()->items;
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (equal(items[i], p.required(0))) return Value::integer(static_cast<std::int64_t>(i));
      }
      throw Fault{"index: the value is not in the list"};
    });
  }
  if (self.kind == Sequence::Kind::list) {
    if (name == "copy") {
      return Value::function("copy", [object](Context&, const Arguments&) { return object; });
    }
    for (const std::string_view unsafe :
         {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"}) {
      if (name == unsafe) {
        return Value::undefined(fmt::format("'{}' would change a list: templates may not", name));
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Value> method_of(const Value& object, std::string_view name) {
  if (object.as_text()) return text_method(object, name);
  if (object.as_dict()) return dict_method(object, name);
  if (object.as_sequence()) return sequence_method(object, name);
  return std::nullopt;
}

}  // namespace bantam::jinja
