#include "bantam/data/data_ref.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "bantam/base/error.h"

namespace bantam {
namespace {

bool exists(std::string_view path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::path(path), ignored);
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

/// The number after the last ':' when it is one; the text is cut before it.
std::optional<double> take_weight(std::string_view& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  double weight = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
  if (code != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (!std::isfinite(weight) || weight <= 0) {
    throw usage_error("data '{}': expected a weight above 0, found {}", escaped(text),
                      escaped(digits));
  }
  text = text.substr(0, colon);
  return weight;
}

std::string default_name(std::string_view path) {
  if (path == "-") return "stdin";
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  std::string name = std::filesystem::path(path).filename().string();
  return name.substr(0, name.find('.', 1));
}

}  // namespace

DataRef parse_data_ref(std::string_view text) {
  DataRef ref;
  std::string_view rest = text;
  for (const std::string_view scheme : {"dataset:", "run:", "make:"}) {
    if (rest.starts_with(scheme)) {
      throw usage_error(
          "data '{}': expected a file, a folder or '-', found a {} reference; write its rows to a "
          "file first",
          escaped(text), scheme);
    }
  }
  if (!exists(rest)) ref.weight = take_weight(rest);
  if (!exists(rest)) {
    if (const auto equals = rest.find('=');
        equals != std::string_view::npos && is_name(rest.substr(0, equals))) {
      ref.name = rest.substr(0, equals);
      rest.remove_prefix(equals + 1);
    }
  }
  if (!exists(rest)) {
    if (const auto hash = rest.rfind('#'); hash != std::string_view::npos) {
      ref.split = rest.substr(hash + 1);
      rest = rest.substr(0, hash);
      if (ref.split.empty())
        throw usage_error("data '{}': expected a split after '#'", escaped(text));
      if (const std::string standard = standard_split_name(ref.split); !standard.empty())
        ref.split = standard;
    }
  }
  if (rest.empty()) throw usage_error("data '{}': expected a path, found none", escaped(text));
  ref.path = rest;
  if (ref.name.empty()) ref.name = default_name(ref.path);
  return ref;
}

std::string standard_split_name(std::string_view name) {
  if (name == "train" || name == "training") return "train";
  if (name == "test") return "test";
  for (const std::string_view alias :
       {"dev", "valid", "validation", "val", "eval", "development"}) {
    if (name == alias) return "dev";
  }
  return "";
}

}  // namespace bantam
