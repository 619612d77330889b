// Values as people write them: 10%, 8k, 2GiB, 1h30m, yes. One table per unit; nothing here depends
// on the locale.
#include <array>
#include <charconv>
#include <cmath>

#include "bantam/base/options.h"

namespace bantam {

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array<Unit, 6> kTimeUnits = {
    {{"ms", 1e-3}, {"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}}};

constexpr std::array<Unit, 13> kByteUnits = {{{"", 1},
                                              {"B", 1},
                                              {"k", 1e3},
                                              {"kB", 1e3},
                                              {"KB", 1e3},
                                              {"MB", 1e6},
                                              {"GB", 1e9},
                                              {"TB", 1e12},
                                              {"KiB", 1024.0},
                                              {"kiB", 1024.0},
                                              {"MiB", 1048576.0},
                                              {"GiB", 1073741824.0},
                                              {"TiB", 1099511627776.0}}};

// The whole text as a number, or nothing. from_chars knows no locale and no leading blanks; a
// leading "+" is allowed.
template <class T>
std::optional<T> whole_number(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return {};
  }
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// Splits "1.5GiB" into 1.5 and "GiB".
std::optional<std::pair<double, std::string_view>> leading_number(std::string_view text) {
  double value = 0;
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (code != std::errc{} || !std::isfinite(value)) return {};
  return std::pair(value, text.substr(static_cast<std::size_t>(end - text.data())));
}

std::string flag_of(std::string_view key) {
  std::string flag = "--";
  for (const char c : key) flag += c == '_' ? '-' : c;
  return flag;
}

std::string show_found(const Json& value) {
  if (value.is_string())
    return fmt::format("'{}'", escaped(value.get_ref<const std::string&>(), 60));
  return escaped(dump_json(value), 60);
}

Error wrong_value(std::string_view key, std::string_view expected, const Json& found) {
  return usage_error("{}: expected {}, found {}", flag_of(key), expected, show_found(found));
}

}  // namespace

Duration parse_duration(std::string_view text) {
  if (const auto seconds = whole_number<double>(text);
      seconds && std::isfinite(*seconds) && *seconds >= 0) {
    return {*seconds};
  }
  double total = 0;
  std::string_view rest = text;
  bool good = !rest.empty();
  while (good && !rest.empty()) {
    const auto part = leading_number(rest);
    good = part && part->first >= 0;
    if (!good) break;
    const std::size_t end =
        std::min(part->second.find_first_of("0123456789."), part->second.size());
    const std::string_view name = part->second.substr(0, end);
    const auto* unit = std::find_if(kTimeUnits.begin(), kTimeUnits.end(),
                                    [&](const Unit& u) { return u.name == name; });
    good = unit != kTimeUnits.end();
    if (good) total += part->first * unit->factor;
    rest = part->second.substr(end);
  }
  if (!good || !std::isfinite(total)) {
    throw usage_error("expected a duration such as 90s, 10m or 1h30m, found '{}'",
                      escaped(text, 60));
  }
  return {total};
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  if (seconds > 0 && seconds < 1) {
    const double milliseconds = seconds * 1000;
    return milliseconds == std::round(milliseconds) || milliseconds >= 10
               ? fmt::format("{:.0f}ms", milliseconds)
               : fmt::format("{:.3g}ms", milliseconds);
  }
  if (seconds < 10 && seconds != std::round(seconds)) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(std::min(seconds, 9e15)));
  const std::int64_t days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;
  const std::int64_t rest = whole % 60;
  std::string out;
  if (days > 0) out += fmt::format("{}d", days);
  if (hours > 0) out += fmt::format("{}h", hours);
  if (minutes > 0) out += fmt::format("{}m", minutes);
  if (rest > 0 || out.empty()) out += fmt::format("{}s", rest);
  return out;
}

ByteCount parse_bytes(std::string_view text) {
  // Plain digits first: a double would lose the last bits of a large count.
  if (const auto bytes = whole_number<std::uint64_t>(text)) return {*bytes};
  if (const auto part = leading_number(text); part && part->first >= 0) {
    for (const Unit& unit : kByteUnits) {
      const double bytes = part->first * unit.factor;
      if (unit.name == part->second && bytes < 0x1p63) return {static_cast<std::uint64_t>(bytes)};
    }
  }
  throw usage_error("expected a size such as 512MiB, 2GiB or 5GB, found '{}'", escaped(text, 60));
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array<std::string_view, 6> kNames = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t name = 0;
  while (value >= 1023.95 && name + 1 < kNames.size()) value /= 1024, ++name;
  return fmt::format("{:.1f} {}", value, kNames[name]);
}

std::int64_t parse_count(std::string_view text) {
  if (const auto value = whole_number<std::int64_t>(text)) return *value;
  const bool thousands = text.ends_with('k') || text.ends_with('K');
  if (thousands) {
    if (const auto part = leading_number(text.substr(0, text.size() - 1))) {
      const double value = part->first * 1000;
      if (part->second.empty() && value == std::round(value) && std::abs(value) < 0x1p63) {
        return static_cast<std::int64_t>(value);
      }
    }
  }
  throw usage_error("expected a whole number such as 512 or 8k (that fits in 64 bits), found '{}'",
                    escaped(text, 60));
}

namespace options_detail {

double number_of_digits(const std::string& digits) {
  return whole_number<double>(digits).value_or(0);
}

bool read_flag(std::string_view key, const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    for (const char* yes : {"true", "yes", "on", "1"}) {
      if (text == yes) return true;
    }
    for (const char* no : {"false", "no", "off", "0"}) {
      if (text == no) return false;
    }
  }
  throw wrong_value(key, "true or false", value);
}

std::int64_t read_integer(std::string_view key, const Json& value, std::int64_t low,
                          std::int64_t high) {
  std::optional<std::int64_t> number;
  if (value.is_number_unsigned()) {
    if (value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high))
      number = value.get<std::int64_t>();
  } else if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else if (value.is_string()) {
    try {
      number = parse_count(value.get_ref<const std::string&>());
    } catch (const Error& error) {
      throw error.at(flag_of(key));
    }
  } else {
    throw wrong_value(key, "a whole number", value);
  }
  if (!number || *number < low || *number > high) {
    throw wrong_value(key, fmt::format("a whole number from {} to {}", low, high), value);
  }
  return *number;
}

double read_number(std::string_view key, const Json& value, double largest) {
  std::optional<double> number;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    std::string_view text = value.get_ref<const std::string&>();
    const double factor = text.ends_with('%') ? 0.01 : text.ends_with('k') ? 1000 : 1;
    if (factor != 1) text.remove_suffix(1);
    number = whole_number<double>(text);
    if (number) *number = factor == 0.01 ? *number / 100 : *number * factor;
  }
  if (!number) throw wrong_value(key, "a number", value);
  if (!std::isfinite(*number) || std::abs(*number) > largest) {
    throw wrong_value(key, fmt::format("a finite number up to {:.3g}", largest), value);
  }
  return *number;
}

std::string read_text(std::string_view key, const Json& value) {
  if (!value.is_string()) throw wrong_value(key, "text", value);
  return value.get<std::string>();
}

Duration read_duration(std::string_view key, const Json& value) {
  if (value.is_number() && value.get<double>() >= 0 && std::isfinite(value.get<double>())) {
    return {value.get<double>()};
  }
  if (!value.is_string()) throw wrong_value(key, "a duration such as 90s or 10m", value);
  try {
    return parse_duration(value.get_ref<const std::string&>());
  } catch (const Error& error) {
    throw error.at(flag_of(key));
  }
}

Json write_duration(Duration value) {
  std::string text = format_duration(value.seconds);
  try {
    if (parse_duration(text).seconds == value.seconds) return text;
  } catch (const Error&) {  // "?": shown, not read
  }
  return value.seconds;
}

ByteCount read_byte_count(std::string_view key, const Json& value) {
  if (value.is_number_unsigned()) return {value.get<std::uint64_t>()};
  if (value.is_number_integer() && value.get<std::int64_t>() >= 0)
    return {value.get<std::uint64_t>()};
  if (!value.is_string()) throw wrong_value(key, "a size such as 512MiB", value);
  try {
    return parse_bytes(value.get_ref<const std::string&>());
  } catch (const Error& error) {
    throw error.at(flag_of(key));
  }
}

std::vector<std::string> read_list(std::string_view key, const Json& value) {
  std::vector<std::string> items;
  if (value.is_array()) {
    for (const Json& item : value) items.push_back(read_text(key, item));
    return items;
  }
  std::string_view rest = value.is_string() ? std::string_view(value.get_ref<const std::string&>())
                                            : throw wrong_value(key, "a list of texts", value);
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (comma > 0) items.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return items;
}

void throw_out_of_range(std::string_view key, std::string_view expected, const Json& found) {
  throw wrong_value(key, expected, found);
}

std::string show(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  if (value.is_array()) {
    std::string out;
    for (const Json& item : value) out += (out.empty() ? "" : ",") + show(item);
    return out;
  }
  return dump_json(value);
}

std::string show_choices(const std::vector<std::string>& choices) {
  std::string out;
  for (const std::string& choice : choices) out += (out.empty() ? "" : ", ") + choice;
  return out;
}

void throw_bad_choice(std::string_view key, const std::string& found,
                      const std::vector<std::string>& choices) {
  const std::string near = nearest_name(found, choices);
  throw usage_error("{}: expected one of {}; found '{}'{}", flag_of(key), show_choices(choices),
                    escaped(found, 60), near.empty() ? "" : fmt::format("; nearest: {}", near));
}

}  // namespace options_detail

}  // namespace bantam
