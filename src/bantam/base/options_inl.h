// The template half of options.h: how a field of each type is read, written and described.
#pragma once

#include <algorithm>
#include <filesystem>
#include <limits>

namespace bantam {

namespace options_detail {

// Conversions of one value. Text is accepted everywhere, as flags and variables give it; each
// throws Error(usage) naming `key`, what was expected and what was found.
bool read_flag(std::string_view key, const Json& value);
std::int64_t read_integer(std::string_view key, const Json& value, std::int64_t low,
                          std::int64_t high);
double read_number(std::string_view key, const Json& value, double largest);
std::string read_text(std::string_view key, const Json& value);
Duration read_duration(std::string_view key, const Json& value);
/// As people write it when that loses nothing, else the number of seconds.
Json write_duration(Duration value);
ByteCount read_byte_count(std::string_view key, const Json& value);
std::vector<std::string> read_list(std::string_view key, const Json& value);

double number_of_digits(const std::string& digits);

/// "top_k (--top-k): expected at least 0, found -1"
[[noreturn]] void throw_out_of_range(std::string_view key, std::string_view expected,
                                     const Json& found);
/// A value as help and messages show it: text bare, lists with commas, null as "".
std::string show(const Json& value);
std::string show_choices(const std::vector<std::string>& choices);
[[noreturn]] void throw_bad_choice(std::string_view key, const std::string& found,
                                   const std::vector<std::string>& choices);

template <class T>
struct Field;

template <>
struct Field<bool> {
  static constexpr OptionKind kind = OptionKind::flag;
  static bool read(std::string_view key, const Json& value) { return read_flag(key, value); }
  static Json write(bool value) { return value; }
};
template <class T>
requires(std::signed_integral<T>) struct Field<T> {
  static constexpr OptionKind kind = OptionKind::integer;
  static T read(std::string_view key, const Json& value) {
    return static_cast<T>(
        read_integer(key, value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
  static Json write(T value) { return static_cast<std::int64_t>(value); }
};
template <class T>
requires(std::floating_point<T>) struct Field<T> {
  static constexpr OptionKind kind = OptionKind::number;
  static T read(std::string_view key, const Json& value) {
    return static_cast<T>(
        read_number(key, value, static_cast<double>(std::numeric_limits<T>::max())));
  }
  // The shortest digits that give the same T back: 0.7f is written 0.7, not 0.699999988.
  static Json write(T value) { return number_of_digits(fmt::format("{}", value)); }
};
template <>
struct Field<std::string> {
  static constexpr OptionKind kind = OptionKind::text;
  static std::string read(std::string_view key, const Json& value) { return read_text(key, value); }
  static Json write(const std::string& value) { return value; }
};
template <>
struct Field<std::filesystem::path> {
  static constexpr OptionKind kind = OptionKind::path;
  static std::filesystem::path read(std::string_view key, const Json& value) {
    return read_text(key, value);
  }
  static Json write(const std::filesystem::path& value) { return value.string(); }
};
template <>
struct Field<Duration> {
  static constexpr OptionKind kind = OptionKind::duration;
  static Duration read(std::string_view key, const Json& value) {
    return read_duration(key, value);
  }
  static Json write(Duration value) { return write_duration(value); }
};
template <>
struct Field<ByteCount> {
  static constexpr OptionKind kind = OptionKind::bytes;
  static ByteCount read(std::string_view key, const Json& value) {
    return read_byte_count(key, value);
  }
  static Json write(ByteCount value) { return value.bytes; }
};
template <>
struct Field<std::vector<std::string>> {
  static constexpr OptionKind kind = OptionKind::list;
  static std::vector<std::string> read(std::string_view key, const Json& value) {
    return read_list(key, value);
  }
  static Json write(const std::vector<std::string>& value) { return value; }
};
// An unset optional is null: "derived from the data", unless something sets it.
template <class T>
struct Field<std::optional<T>> {
  static constexpr OptionKind kind = Field<T>::kind;
  static std::optional<T> read(std::string_view key, const Json& value) {
    if (value.is_null()) return std::nullopt;
    return Field<T>::read(key, value);
  }
  static Json write(const std::optional<T>& value) {
    return value ? Field<T>::write(*value) : Json();
  }
};

template <class T>
Option bind(T& field, std::string key, std::string help) {
  Option option;
  option.key = key;
  option.help = std::move(help);
  option.kind = Field<T>::kind;
  option.default_text = show(Field<T>::write(field));
  option.set = [&field, key](const Json& value) { field = Field<T>::read(key, value); };
  option.get = [&field] { return Field<T>::write(field); };
  return option;
}

template <class T, class C>
void check(const T& value, const Check<C>& rule, std::string_view key, const Json& found) {
  if constexpr (std::is_convertible_v<const T&, C>) {
    if (!rule.holds(static_cast<C>(value))) throw_out_of_range(key, rule.text, found);
  } else {
    if (value && !rule.holds(static_cast<C>(*value))) throw_out_of_range(key, rule.text, found);
  }
}

}  // namespace options_detail

template <class S>
template <class T>
void Describer<S>::operator()(T S::*field, std::string key, std::string help) {
  out_.push_back(options_detail::bind(object_.*field, std::move(key), std::move(help)));
}

template <class S>
template <class T, class C>
void Describer<S>::operator()(T S::*field, std::string key, std::string help, Check<C> check) {
  T& target = object_.*field;
  Option option = options_detail::bind(target, key, std::move(help));
  option.range_text = check.text;
  option.set = [&target, key, check](const Json& value) {
    T parsed = options_detail::Field<T>::read(key, value);
    options_detail::check(parsed, check, key, value);
    target = std::move(parsed);
  };
  out_.push_back(std::move(option));
}

template <class S>
void Describer<S>::operator()(std::string S::*field, std::string key, std::string help,
                              OneOf choices) {
  std::string& target = object_.*field;
  Option option = options_detail::bind(target, key, std::move(help));
  option.choices = choices.values;
  option.range_text = options_detail::show_choices(choices.values);
  option.set = [&target, key, values = std::move(choices.values)](const Json& value) {
    std::string parsed = options_detail::read_text(key, value);
    if (std::find(values.begin(), values.end(), parsed) == values.end()) {
      options_detail::throw_bad_choice(key, parsed, values);
    }
    target = std::move(parsed);
  };
  out_.push_back(std::move(option));
}

template <class S>
template <class T>
void Describer<S>::nested(T S::*field) {
  Describer<T> inner(object_.*field, out_);
  describe(inner);
}

}  // namespace bantam
