// The values of a template: Python's, as far as templates can see them. They have no attributes of
// a host language.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/text/jinja/text.h"

namespace bantam::jinja {

class Context;
class Value;

/// What goes wrong inside a template; the template adds the line and makes it an Error.
struct Fault {
  std::string message;
};

using Items = std::vector<Value>;

struct None {
  bool operator==(const None&) const = default;
};

/// A name or attribute that does not exist: empty when printed, an error when used.
struct Undefined {
  std::shared_ptr<const std::string> why;
};

struct Sequence;
struct Dict;
struct Generator;
struct Function;
struct Namespace;
struct Loop;

class Value {
 public:
  using Data =
      std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const Text>,
                   std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>,
                   std::shared_ptr<Generator>, std::shared_ptr<const Function>,
                   std::shared_ptr<Namespace>, std::shared_ptr<Loop>>;

  Value() : data_(None{}) {}
  static Value undefined(std::string why);
  static Value boolean(bool value) { return Value(Data(value)); }
  static Value integer(std::int64_t value) { return Value(Data(value)); }
  static Value real(double value) { return Value(Data(value)); }
  static Value text(Text value);
  static Value text(std::string_view written) { return text(Text{std::string(written), {}}); }
  static Value list(Items items);
  static Value tuple(Items items);
  /// dict.items() and its kin: can be walked and counted, not indexed. `label` is how it prints.
  static Value view(Items items, std::string label);
  static Value range(Items items, std::string label);
  static Value dict(Dict dict);
  static Value generator(Items items);
  static Value function(std::string name,
                        std::function<Value(Context&, const struct Arguments&)> body);
  explicit Value(Data data) : data_(std::move(data)) {}

  const Data& data() const { return data_; }
  template <class T>
  const T* as() const {
    return std::get_if<T>(&data_);
  }
  bool is_undefined() const { return as<Undefined>() != nullptr; }
  bool is_none() const { return as<None>() != nullptr; }
  const Text* as_text() const;
  const Sequence* as_sequence() const;  // list, tuple, view or range
  const Dict* as_dict() const;
  /// Booleans count as 0 and 1, as in Python.
  std::optional<std::int64_t> as_integer() const;
  std::optional<double> as_number() const;

  /// Python's name of the type, for messages.
  std::string_view type_name() const;

 private:
  Data data_;
};

/// How deep values may hold values; bounds every walk over them.
inline constexpr int depth_limit = 200;

struct Sequence {
  enum class Kind { list, tuple, view, range };
  Kind kind;
  Items items;
  std::string label;
  int depth = 1;
};

struct Dict {
  std::vector<std::pair<Value, Value>> items;
  int depth = 1;

  /// Later values replace earlier ones in their place. Throws Fault for keys that Python cannot
  /// hash.
  void set(Value key, Value value);
  void set(std::string_view key, Value value) { set(Value::text(key), std::move(value)); }
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;

 private:
  std::unordered_map<std::string, std::size_t> index_;
};

/// What filters such as map and selectattr give: can be walked once, is always true.
struct Generator {
  Items items;
  std::size_t next = 0;
};

struct Arguments {
  Items positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

struct Function {
  std::string name;
  std::function<Value(Context&, const Arguments&)> body;
};

/// The only thing a template can change.
struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;
  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

/// State of a `for`.
struct Loop {
  Items items;
  std::size_t index = 0;
  int depth = 0;
  Items last_changed;
  bool has_changed = false;
  std::function<Value(Context&, const Value&)> recurse;  // only in loops marked recursive
};

/// Strings in it (keys too) get `source`.
Value from_json(const Json& json, std::int32_t source);

bool truth(const Value& value);
/// Python's ==.
bool equal(const Value& a, const Value& b);
/// Python's <. Throws Fault when the types have no order.
bool less(const Value& a, const Value& b);
/// Python's `in`.
bool contains(const Value& container, const Value& item);
/// The items that a `for` walks over; empties a generator. Throws Fault when it cannot be walked.
Items iterate(const Value& value);
std::optional<std::int64_t> length_of(const Value& value);

/// Python's str() and repr().
Text to_text(const Value& value);
Text repr(const Value& value);
/// Python's repr of a float: shortest digits that read back the same.
std::string real_repr(double value);

struct JsonStyle {
  bool ascii_only = false;
  std::optional<std::string> indent;  // of one level
  std::string item_separator = ", ", key_separator = ": ";
  bool sort_keys = false;
};
/// Python's json.dumps.
Text to_json(const Value& value, const JsonStyle& style);

/// A source found in any of these values, if one holds data.
std::optional<std::int32_t> any_source(const Items& values);

}  // namespace bantam::jinja
