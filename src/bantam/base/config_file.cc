// TOML in and out. The only file that knows toml++.
#include <toml++/toml.h>

#include <cmath>

#include "bantam/base/files.h"
#include "bantam/base/options.h"
#include "bantam/base/toml_depth.h"

namespace bantam {

namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 20;
constexpr int kMostLevels = 32;

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json out = Json::object();
    for (const auto& [key, value] : *table) out[std::string(key.str())] = to_json(value);
    return out;
  }
  if (const auto* array = node.as_array()) {
    Json out = Json::array();
    for (const toml::node& value : *array) out.push_back(to_json(value));
    return out;
  }
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* value = node.as_integer()) return value->get();
  if (const auto* value = node.as_floating_point()) return value->get();
  if (const auto* value = node.as_boolean()) return value->get();
  throw usage_error("dates and times are not used in Bantam's configuration");
}

// {kind = "wsd", warmup = "1%"} -> "wsd:warmup=1%": the table form of a registry value with
// parameters.
std::string spec_text(const Json& table) {
  std::string name, parameters;
  for (const auto& [key, value] : table.items()) {
    const std::string text = options_detail::show(value);
    if (key == "kind" || key == "name") {
      name = text;
    } else {
      parameters += fmt::format("{}{}={}", parameters.empty() ? "" : ",", key, text);
    }
  }
  if (name.empty()) throw usage_error("expected text, or a table with a key 'kind'");
  return parameters.empty() ? name : name + ":" + parameters;
}

// A flag's text "3" is a number because a shell has only text; a file has types, so "3" there is a
// mistake.
void require_own_type(const Option& option, const Json& value) {
  const bool quoted = value.is_string();
  const std::string& text = quoted ? value.get_ref<const std::string&>() : std::string();
  const bool plain =
      !text.empty() && text.find_first_not_of("0123456789+-.eE_") == std::string::npos;
  if (quoted && option.kind == OptionKind::flag) {
    throw usage_error("expected true or false without quotes, found the text '{}'",
                      escaped(text, 60));
  }
  if (quoted && plain &&
      (option.kind == OptionKind::integer || option.kind == OptionKind::number)) {
    throw usage_error("expected a number without quotes, found the text '{}'", escaped(text, 60));
  }
}

class FileReader {
 public:
  FileReader(std::span<Option> options, const std::string& path) : options_(options), path_(path) {}

  void apply(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      const auto line = node.source().begin.line;
      Option* option = find(key);
      if (!option && node.is_table()) {
        apply(*node.as_table(), key + ".");
      } else if (!option) {
        throw unknown(key, line);
      } else {
        assign(*option, node, key, line);
      }
    }
  }

 private:
  Option* find(const std::string& key) const {
    for (Option& option : options_) {
      if (option.key == key) return &option;
    }
    return nullptr;
  }

  Error unknown(const std::string& key, unsigned line) const {
    std::vector<std::string> names;
    for (const Option& option : options_) names.push_back(option.key);
    const std::string near = nearest_name(key, names);
    return usage_error(
        "{}: line {}: unknown key '{}'{}", escaped(path_), line, escaped(key, 60),
        near.empty() ? "; --help lists the known ones" : fmt::format("; nearest: {}", near));
  }

  void assign(Option& option, const toml::node& node, const std::string& key, unsigned line) const {
    try {
      Json value = to_json(node);
      if (value.is_object() && option.kind == OptionKind::text) value = spec_text(value);
      require_own_type(option, value);
      option.set(value);
      option.was_set = true;
    } catch (const Error& error) {
      throw error.at(fmt::format("{}: line {}: {}", escaped(path_), line, key));
    }
  }

  std::span<Option> options_;
  const std::string& path_;
};

// JSON's escapes are TOML's; but TOML wants the delete character escaped too.
std::string quote(std::string_view text) {
  std::string out;
  for (const char c : dump_json(Json(std::string(text)))) {
    c == '\x7f' ? out += "\\u007F" : out += c;
  }
  return out;
}

std::string toml_value(const Json& value) {
  if (value.is_string()) return quote(value.get_ref<const std::string&>());
  if (value.is_array()) {
    std::string out;
    for (const Json& item : value) out += (out.empty() ? "" : ", ") + toml_value(item);
    return "[" + out + "]";
  }
  if (value.is_number_float()) {
    const std::string digits = fmt::format("{}", value.get<double>());
    return digits.find_first_of(".einEN") == std::string::npos ? digits + ".0" : digits;
  }
  // A TOML integer has 63 bits and a sign; a size may be larger, and may be quoted.
  const bool is_large = value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX;
  return is_large ? quote(dump_json(value)) : dump_json(value);
}

// A configuration that cannot be read is a wrong command line (exit 2), not refused data (exit 3).
std::string read_config(const std::string& path) {
  try {
    return read_file(path, kMostBytes);
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::input) throw;
    throw usage_error("{}", error.what());
  }
}

}  // namespace

void apply_config_file(std::span<Option> options, const std::string& path) {
  const std::string text = read_config(path);
  check_toml_depth(text, kMostLevels, path);
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    throw usage_error("{}: line {}, column {}: {}", escaped(path), error.source().begin.line,
                      error.source().begin.column, escaped(error.description(), 300));
  }
  FileReader(options, path).apply(table, "");
}

std::string print_config(std::span<const Option> options) {
  std::string out;
  for (const Option& option : options) {
    const Json value = option.get();
    out += value.is_null() ? fmt::format("# {} =   (derived)\n", option.key)
                           : fmt::format("{} = {}\n", option.key, toml_value(value));
  }
  return out;
}

}  // namespace bantam
