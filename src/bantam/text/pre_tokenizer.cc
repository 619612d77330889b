#include "bantam/text/pre_tokenizer.h"

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

// GPT-2's pattern, the one that ByteLevel(use_regex) stands for.
constexpr std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

bool flag(const Json& value, const char* key, bool otherwise) {
  const auto found = value.find(key);
  if (found == value.end() || found->is_null()) return otherwise;
  if (!found->is_boolean()) {
    throw input_error("pre_tokenizer: {}: expected true or false, found {}", key,
                      escaped(dump_json(*found)));
  }
  return found->get<bool>();
}

std::string type_of(const Json& value) {
  if (!value.is_object() || !value.contains("type") || !value["type"].is_string()) {
    throw input_error("pre_tokenizer: expected an object with a type, found {}",
                      escaped(dump_json(value)));
  }
  return value["type"].get<std::string>();
}

/// Characters of categories Nd, Nl, No: each on its own, or runs.
void find_digits(std::string_view text, std::uint32_t base, bool individual,
                 std::vector<std::pair<std::uint32_t, std::uint32_t>>& matches) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    if (is_numeric(c.value)) {
      const auto begin = static_cast<std::uint32_t>(base + at);
      if (!individual && !matches.empty() && matches.back().second == begin) {
        matches.back().second = begin + c.length;
      } else {
        matches.emplace_back(begin, begin + c.length);
      }
    }
    at += c.length;
  }
}

}  // namespace

PreTokenizer PreTokenizer::from_json(const Json& value) {
  PreTokenizer result;
  result.json_ = value;
  if (!value.is_null()) result.add_steps(value, 0);
  return result;
}

PreTokenizer PreTokenizer::from_name(std::string_view name) {
  return from_json(parse_json(named_pre_tokenizer(name).json));
}

void PreTokenizer::add_steps(const Json& value, int depth) {
  if (depth > 8) throw input_error("pre_tokenizer: Sequence nested deeper than 8");
  const std::string type = type_of(value);
  if (type == "Sequence") {
    const auto list = value.find("pretokenizers");
    if (list == value.end() || !list->is_array() || list->size() > 64) {
      throw input_error("pre_tokenizer: Sequence: expected a list `pretokenizers` of at most 64");
    }
    for (const Json& item : *list) add_steps(item, depth + 1);
  } else if (type == "Split") {
    add_split(value);
  } else if (type == "Digits") {
    const bool individual = flag(value, "individual_digits", false);
    signature_ += individual ? "digits " : "digit runs ";
    steps_.push_back(
        {Kind::digits, individual ? Behavior::isolated : Behavior::contiguous, false, {}});
  } else if (type == "ByteLevel") {
    add_byte_level(value);
  } else {
    throw input_error(
        "pre_tokenizer: type '{}' is unknown; known are Split, Digits, ByteLevel and Sequence",
        escaped(type));
  }
}

void PreTokenizer::add_split(const Json& value) {
  const auto pattern = value.find("pattern");
  const bool is_regex = pattern != value.end() && pattern->is_object() &&
                        pattern->contains("Regex") && (*pattern)["Regex"].is_string();
  const bool is_string = pattern != value.end() && pattern->is_object() &&
                         pattern->contains("String") && (*pattern)["String"].is_string();
  if (!is_regex && !is_string) {
    throw input_error(
        "pre_tokenizer: Split: expected pattern {{\"Regex\": ...}} or {{\"String\": ...}}");
  }
  const Json& name = value.contains("behavior") ? value["behavior"] : Json();
  const std::string behavior = name.is_string() ? name.get<std::string>() : "";
  Step step{Kind::pattern, Behavior::isolated, flag(value, "invert", false), {}};
  if (behavior == "Isolated") {
    step.behavior = Behavior::isolated;
  } else if (behavior == "Removed") {
    step.behavior = Behavior::removed;
  } else if (behavior == "MergedWithPrevious") {
    step.behavior = Behavior::merged_with_previous;
  } else if (behavior == "MergedWithNext") {
    step.behavior = Behavior::merged_with_next;
  } else if (behavior == "Contiguous") {
    step.behavior = Behavior::contiguous;
  } else {
    throw input_error("pre_tokenizer: Split: behavior '{}' is unknown", escaped(behavior));
  }
  const auto text = (*pattern)[is_regex ? "Regex" : "String"].get<std::string>();
  signature_ += fmt::format("{} {} {} '{}' ", behavior, step.invert, is_regex, text);
  step.pattern.push_back(is_regex ? SplitPattern(text) : SplitPattern::literal(text));
  steps_.push_back(std::move(step));
}

void PreTokenizer::add_byte_level(const Json& value) {
  byte_level_ = true;
  if (flag(value, "add_prefix_space", true)) {
    if (!steps_.empty()) {
      throw input_error("pre_tokenizer: ByteLevel with add_prefix_space must be the first step");
    }
    add_prefix_space_ = true;
    signature_ += "prefix space ";
  }
  if (flag(value, "use_regex", true)) {
    signature_ += "gpt2 ";
    steps_.push_back({Kind::pattern, Behavior::isolated, false, {SplitPattern(gpt2_pattern)}});
  }
}

void PreTokenizer::split(std::string_view text, std::vector<Piece>& pieces) const {
  pieces.clear();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t valid = valid_utf8_prefix(text.substr(at));
    if (valid > 0)
      pieces.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + valid)});
    at += valid;
    const std::size_t invalid = at;
    while (at < text.size()) {
      const CodePoint c = code_point_at(text, at);
      if (c.valid) break;
      at += c.length;
    }
    if (at > invalid) {
      pieces.push_back({static_cast<std::uint32_t>(invalid), static_cast<std::uint32_t>(at), true});
    }
  }
  std::vector<Piece> next;
  for (const Step& step : steps_) {
    next.clear();
    next.reserve(pieces.size() * 2);
    for (const Piece& piece : pieces) {
      if (piece.fixed) {
        next.push_back(piece);
      } else {
        apply(step, text, piece, next);
      }
    }
    pieces.swap(next);
  }
}

void PreTokenizer::apply(const Step& step, std::string_view text, const Piece& piece,
                         std::vector<Piece>& out) {
  thread_local std::vector<std::pair<std::uint32_t, std::uint32_t>> matches;
  matches.clear();
  const std::string_view part = text.substr(piece.begin, piece.end - piece.begin);
  if (step.kind == Kind::digits) {
    find_digits(part, piece.begin, step.behavior == Behavior::isolated, matches);
  } else {
    step.pattern[0].find_all(part, piece.begin, matches);
  }
  const std::size_t first = out.size();
  bool last_matched = false;
  bool joins_next = false;  // MergedWithNext: the piece before waits for this one
  const auto add = [&](std::uint32_t begin, std::uint32_t end, bool matched) {
    if (begin == end) return;
    matched = matched != step.invert;
    switch (step.behavior) {
      case Behavior::isolated:
        out.push_back({begin, end});
        break;
      case Behavior::removed:
        if (!matched) out.push_back({begin, end});
        break;
      case Behavior::contiguous:
        if (out.size() > first && matched == last_matched) {
          out.back().end = end;
        } else {
          out.push_back({begin, end});
        }
        break;
      case Behavior::merged_with_previous:
        if (matched && !last_matched && out.size() > first) {
          out.back().end = end;
        } else {
          out.push_back({begin, end});
        }
        break;
      case Behavior::merged_with_next:
        if (joins_next && !matched) {
          out.back().end = end;
        } else {
          out.push_back({begin, end});
        }
        joins_next = matched;
        break;
    }
    last_matched = matched;
  };
  std::uint32_t at = piece.begin;
  for (const auto& [begin, end] : matches) {
    add(at, begin, false);
    add(begin, end, true);
    at = end;
  }
  add(at, piece.end, false);
}

}  // namespace bantam
