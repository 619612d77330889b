#include "bantam/text/jinja/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

int depth_of(const Value& value) {
  if (const Sequence* sequence = value.as_sequence()) return sequence->depth;
  if (const Dict* dict = value.as_dict()) return dict->depth;
  return 0;
}

int depth_above(int deepest) {
  if (deepest + 1 > depth_limit)
    throw Fault{fmt::format("value nested deeper than {}", depth_limit)};
  return deepest + 1;
}

Value make_sequence(Sequence::Kind kind, Items items, std::string label = "") {
  int deepest = 0;
  for (const Value& item : items) deepest = std::max(deepest, depth_of(item));
  return Value(Value::Data(std::make_shared<const Sequence>(
      Sequence{kind, std::move(items), std::move(label), depth_above(deepest)})));
}

/// Equal for keys that Python takes for the same; integers and equal reals share one.
std::string hash_key(const Value& key, int depth = 0) {
  if (depth > depth_limit) throw Fault{"key nested too deep"};
  if (const Text* text = key.as_text()) return "s" + text->bytes;
  if (const auto number = key.as_number()) return fmt::format("n{}", *number);
  if (key.is_none()) return "0";
  if (key.is_undefined()) return "u";
  const Sequence* sequence = key.as_sequence();
  if (sequence && sequence->kind == Sequence::Kind::tuple) {
    std::string joined = "t";
    for (const Value& item : sequence->items) {
      const std::string part = hash_key(item, depth + 1);
      joined += fmt::format("{}:{}", part.size(), part);
    }
    return joined;
  }
  throw Fault{fmt::format("unhashable type: '{}'", key.type_name())};
}

}  // namespace

Value Value::undefined(std::string why) {
  return Value(Data(Undefined{std::make_shared<const std::string>(std::move(why))}));
}
Value Value::text(Text value) {
  return Value(Data(std::make_shared<const Text>(std::move(value))));
}
Value Value::list(Items items) { return make_sequence(Sequence::Kind::list, std::move(items)); }
Value Value::tuple(Items items) { return make_sequence(Sequence::Kind::tuple, std::move(items)); }
Value Value::view(Items items, std::string label) {
  return make_sequence(Sequence::Kind::view, std::move(items), std::move(label));
}
Value Value::range(Items items, std::string label) {
  return make_sequence(Sequence::Kind::range, std::move(items), std::move(label));
}
Value Value::dict(Dict dict) { return Value(Data(std::make_shared<const Dict>(std::move(dict)))); }
Value Value::generator(Items items) {
  return Value(Data(std::make_shared<Generator>(Generator{std::move(items), 0})));
}
Value Value::function(std::string name, std::function<Value(Context&, const Arguments&)> body) {
  return Value(Data(std::make_shared<const Function>(Function{std::move(name), std::move(body)})));
}

const Text* Value::as_text() const {
  const auto* pointer = as<std::shared_ptr<const Text>>();
  return pointer ? pointer->get() : nullptr;
}
const Sequence* Value::as_sequence() const {
  const auto* pointer = as<std::shared_ptr<const Sequence>>();
  return pointer ? pointer->get() : nullptr;
}
const Dict* Value::as_dict() const {
  const auto* pointer = as<std::shared_ptr<const Dict>>();
  return pointer ? pointer->get() : nullptr;
}
std::optional<std::int64_t> Value::as_integer() const {
  if (const auto* value = as<std::int64_t>()) return *value;
  if (const auto* value = as<bool>()) return *value ? 1 : 0;
  return std::nullopt;
}
std::optional<double> Value::as_number() const {
  if (const auto* value = as<double>()) return *value;
  if (const auto value = as_integer()) return static_cast<double>(*value);
  return std::nullopt;
}

std::string_view Value::type_name() const {
  static constexpr std::string_view names[] = {"Undefined", "NoneType", "bool",      "int",
                                               "float",     "str",      "list",      "dict",
                                               "generator", "function", "Namespace", "LoopContext"};
  if (const Sequence* sequence = as_sequence()) {
    static constexpr std::string_view kinds[] = {"list", "tuple", "dict_items", "range"};
    return kinds[static_cast<int>(sequence->kind)];
  }
  return names[data_.index()];
}

void Dict::set(Value key, Value value) {
  depth = std::max(depth, depth_above(std::max(depth_of(key), depth_of(value))));
  const auto [place, is_new] = index_.try_emplace(hash_key(key), items.size());
  if (is_new) {
    items.emplace_back(std::move(key), std::move(value));
  } else {
    items[place->second].second = std::move(value);
  }
}

const Value* Dict::find(const Value& key) const {
  const auto found = index_.find(hash_key(key));
  return found == index_.end() ? nullptr : &items[found->second].second;
}
const Value* Dict::find(std::string_view key) const {
  const auto found = index_.find("s" + std::string(key));
  return found == index_.end() ? nullptr : &items[found->second].second;
}

const Value* Namespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}
void Namespace::set(std::string_view name, Value value) {
  for (auto& [key, old] : attributes) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  attributes.emplace_back(name, std::move(value));
}

Value from_json(const Json& json, std::int32_t source) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::integer(json.get<std::int64_t>());
    case Json::value_t::number_unsigned: {
      const auto value = json.get<std::uint64_t>();
      if (value > INT64_MAX) return Value::real(static_cast<double>(value));
      return Value::integer(static_cast<std::int64_t>(value));
    }
    case Json::value_t::number_float:
      return Value::real(json.get<double>());
    case Json::value_t::string:
      return Value::text(Text::from(json.get<std::string>(), source));
    case Json::value_t::array: {
      Items items;
      for (const Json& item : json) items.push_back(from_json(item, source));
      return Value::list(std::move(items));
    }
    case Json::value_t::object: {
      Dict dict;
      for (const auto& [key, item] : json.items()) {
        dict.set(Value::text(Text::from(key, source)), from_json(item, source));
      }
      return Value::dict(std::move(dict));
    }
    default:
      return Value();
  }
}

bool truth(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (const auto number = value.as_number()) return *number != 0;
  if (const Text* text = value.as_text()) return !text->bytes.empty();
  if (const Sequence* sequence = value.as_sequence()) return !sequence->items.empty();
  if (const Dict* dict = value.as_dict()) return !dict->items.empty();
  return true;
}

bool equal(const Value& a, const Value& b) {
  if (const auto x = a.as_integer()) {
    if (const auto y = b.as_integer()) return *x == *y;
  }
  if (const auto x = a.as_number()) {
    const auto y = b.as_number();
    return y && *x == *y;
  }
  if (a.data().index() != b.data().index()) return false;
  if (a.is_undefined() || a.is_none()) return true;
  if (const Text* text = a.as_text()) return text->bytes == b.as_text()->bytes;
  if (const Sequence* x = a.as_sequence()) {
    const Sequence* y = b.as_sequence();
    return x->kind == y->kind &&
           std::equal(x->items.begin(), x->items.end(), y->items.begin(), y->items.end(), equal);
  }
  if (const Dict* x = a.as_dict()) {
    const Dict* y = b.as_dict();
    if (x->items.size() != y->items.size()) return false;
    return std::all_of(x->items.begin(), x->items.end(), [&](const auto& item) {
      const Value* other = y->find(item.first);
      return other && equal(item.second, *other);
    });
  }
  return std::visit(
      [&](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (requires { x.get(); }) {
          return x.get() == std::get<T>(b.data()).get();
        } else {
          return false;
        }
      },
      a.data());
}

bool less(const Value& a, const Value& b) {
  const auto x = a.as_integer(), y = b.as_integer();
  if (x && y) return *x < *y;
  const auto u = a.as_number(), v = b.as_number();
  if (u && v) return *u < *v;
  if (a.as_text() && b.as_text()) return a.as_text()->bytes < b.as_text()->bytes;
  const Sequence *p = a.as_sequence(), *q = b.as_sequence();
  if (p && q && p->kind == q->kind && p->kind <= Sequence::Kind::tuple) {
    for (std::size_t i = 0; i < p->items.size() && i < q->items.size(); ++i) {
      if (!equal(p->items[i], q->items[i])) return less(p->items[i], q->items[i]);
    }
    return p->items.size() < q->items.size();
  }
  for (const Value* value : {&a, &b}) {
    if (const auto* undefined = value->as<Undefined>()) throw Fault{*undefined->why};
  }
  throw Fault{fmt::format("'<' not supported between instances of '{}' and '{}'", a.type_name(),
                          b.type_name())};
}

bool contains(const Value& container, const Value& item) {
  if (const Text* text = container.as_text()) {
    const Text* part = item.as_text();
    if (!part) {
      throw Fault{
          fmt::format("'in <string>' requires string as left operand, not {}", item.type_name())};
    }
    return text->bytes.find(part->bytes) != std::string::npos;
  }
  if (const Dict* dict = container.as_dict()) return dict->find(item) != nullptr;
  const Items items = iterate(container);
  return std::any_of(items.begin(), items.end(), [&](const Value& v) { return equal(v, item); });
}

Items iterate(const Value& value) {
  if (value.is_undefined()) return {};
  if (const Sequence* sequence = value.as_sequence()) return sequence->items;
  if (const auto* generator = value.as<std::shared_ptr<Generator>>()) {
    Generator& all = **generator;
    Items rest(all.items.begin() + static_cast<std::ptrdiff_t>(all.next), all.items.end());
    all.next = all.items.size();
    return rest;
  }
  Items items;
  if (const Dict* dict = value.as_dict()) {
    for (const auto& [key, _] : dict->items) items.push_back(key);
    return items;
  }
  if (const Text* text = value.as_text()) {
    for (std::size_t at = 0; at < text->bytes.size();) {
      const std::size_t length = code_point_at(text->bytes, at).length;
      items.push_back(Value::text(text->slice(at, at + length)));
      at += length;
    }
    return items;
  }
  throw Fault{fmt::format("'{}' object is not iterable", value.type_name())};
}

std::optional<std::int64_t> length_of(const Value& value) {
  if (value.is_undefined()) return 0;
  if (const Text* text = value.as_text()) {
    return static_cast<std::int64_t>(count_code_points(text->bytes));
  }
  if (const Sequence* sequence = value.as_sequence()) {
    return static_cast<std::int64_t>(sequence->items.size());
  }
  if (const Dict* dict = value.as_dict()) return static_cast<std::int64_t>(dict->items.size());
  if (const auto* loop = value.as<std::shared_ptr<Loop>>()) {
    return static_cast<std::int64_t>((*loop)->items.size());
  }
  return std::nullopt;
}

std::optional<std::int32_t> any_source(const Items& values) {
  for (const Value& value : values) {
    std::optional<std::int32_t> source;
    if (const Text* text = value.as_text()) {
      if (!text->origins.empty()) source = text->origins.front().source;
    } else if (const Sequence* sequence = value.as_sequence()) {
      source = any_source(sequence->items);
    } else if (const Dict* dict = value.as_dict()) {
      for (const auto& [key, item] : dict->items) {
        if (!source) source = any_source({key, item});
      }
    }
    if (source) return source;
  }
  return std::nullopt;
}

}  // namespace bantam::jinja
