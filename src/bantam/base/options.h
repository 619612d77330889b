// Options declared once: a struct's field becomes a flag, a TOML key, a line of help and a row of
// the docs.
//
//   struct SamplerOptions { float temperature = 0.7f; int top_k = 0; };
//   template <> void describe(Describer<SamplerOptions>& d) {
//     d(&SamplerOptions::temperature, "temperature", "Softness of the choice; 0 takes the most
//     likely token.",
//       at_least(0.0f));
//   }
//
// Names are given with `_`; flags show `-`. Values understand 10%, 8k, 2GiB, 90s, 10m where the
// field says so.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/base/json.h"

namespace bantam {

/// How an option's text is read and shown in help.
enum class OptionKind { flag, integer, number, text, path, duration, bytes, list };

/// One declared option bound to one field of one live struct.
struct Option {
  std::string key;   ///< "top_k"; the flag is "--top-k"
  std::string help;  ///< one sentence with the unit
  OptionKind kind = OptionKind::text;
  std::string default_text;          ///< as help shows it; "" when there is none
  std::string range_text;            ///< "at least 0", or the allowed values
  std::vector<std::string> choices;  ///< closed set of values, for errors and completion
  /// Parses, checks range, stores. Throws Error(usage) naming key, value and what was expected.
  std::function<void(const Json&)> set;
  std::function<Json()> get;
  bool was_set = false;
};

/// Durations in seconds and sizes in bytes are distinct types, so that the declaration says how
/// text is read.
struct Duration {
  double seconds = 0;
};
struct ByteCount {
  std::uint64_t bytes = 0;
};

/// "10m" -> 600, "90s", "1h30m", "250ms"; a bare number is seconds. Throws Error(usage).
Duration parse_duration(std::string_view text);
std::string format_duration(double seconds);  ///< 372.4 -> "6m12s"
/// "2GiB" -> 2^31, "5GB" -> 5e9, "8k" -> 8000 (counts). Throws Error(usage).
ByteCount parse_bytes(std::string_view text);
std::string format_bytes(std::uint64_t bytes);  ///< "97.9 MiB"
/// "8k" -> 8000, "1m" is refused (ambiguous); plain integers otherwise; range of int64 checked.
std::int64_t parse_count(std::string_view text);

/// Range checks: each carries its words for help and errors.
template <class T>
struct Check {
  std::function<bool(const T&)> holds;
  std::string text;
};
template <class T>
Check<T> at_least(T low) {
  return {[low](const T& v) { return v >= low; }, fmt::format("at least {}", low)};
}
template <class T>
Check<T> between(T low, T high) {
  return {[=](const T& v) { return v >= low && v <= high; },
          fmt::format("from {} to {}", low, high)};
}
template <class T>
Check<T> above(T low) {
  return {[low](const T& v) { return v > low; }, fmt::format("more than {}", low)};
}
/// Allowed words; a wrong one is answered with the nearest.
struct OneOf {
  std::vector<std::string> values;
};

/// The visitor handed to describe(): collects Options bound to `object`.
/// Field types: bool, int, int64_t, float, double, std::string, Path, Duration, ByteCount,
/// std::vector<std::string>, and std::optional of these (an unset optional means "derived", and
/// help says so).
template <class S>
class Describer {
 public:
  Describer(S& object, std::vector<Option>& out) : object_(object), out_(out) {}
  template <class T>
  void operator()(T S::*field, std::string key, std::string help);
  template <class T, class C>
  void operator()(T S::*field, std::string key, std::string help, Check<C> check);
  void operator()(std::string S::*field, std::string key, std::string help, OneOf choices);
  /// Options of a nested struct, declared by its own describe().
  template <class T>
  void nested(T S::*field);

 private:
  S& object_;
  std::vector<Option>& out_;
};

template <class S>
void describe(Describer<S>& d);  // specialized beside each option struct

/// All options of `object`, bound to it.
template <class S>
std::vector<Option> options_of(S& object) {
  std::vector<Option> out;
  Describer<S> d(object, out);
  describe(d);
  return out;
}

/// The candidate with the smallest edit distance (Damerau), or "" when none is near (more than a
/// third different).
std::string nearest_name(std::string_view wanted, std::span<const std::string> candidates);

/// Sets options from a TOML file (keys as declared, nested tables flattened with "." unless the
/// declaration is text). Unknown key: names key, line and the nearest known key. Wrong type:
/// expected and found. Limits 4 MiB, depth 32.
void apply_config_file(std::span<Option> options, const std::string& path);
/// The resolved options as TOML, for --print-config and the run record.
std::string print_config(std::span<const Option> options);

/// "name:key=value,key=value", "name:main": a registry value with parameters.
struct Spec {
  std::string name;
  std::string main;  ///< bare first value, "" if none
  std::vector<std::pair<std::string, std::string>> parameters;
};
Spec parse_spec(std::string_view text);

/// A named list of values that one can read: the place where objectives, schedules, samplers … are
/// listed.
template <class T>
struct Registry {
  struct Entry {
    std::string name;
    std::string help;
    T value;
  };
  std::string what;  ///< "objective": used in errors
  std::vector<Entry> entries;

  /// Throws Error(usage) "unknown objective 'sftt'; nearest: sft; known: pretrain, sft".
  const T& find(std::string_view name) const {
    std::vector<std::string> names;
    for (const Entry& entry : entries) {
      if (entry.name == name) return entry.value;
      names.push_back(entry.name);
    }
    throw_unknown(what, name, names);
  }
  [[noreturn]] static void throw_unknown(std::string_view what, std::string_view name,
                                         std::span<const std::string> known);
};

[[noreturn]] void throw_unknown_name(std::string_view what, std::string_view name,
                                     std::span<const std::string> known);
template <class T>
void Registry<T>::throw_unknown(std::string_view what, std::string_view name,
                                std::span<const std::string> known) {
  throw_unknown_name(what, name, known);
}

}  // namespace bantam

#include "bantam/base/options_inl.h"
