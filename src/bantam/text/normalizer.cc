#include "bantam/text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

int combining_class(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

/// Starters that can still join with the character before them (NFC_Quick_Check=Maybe with
/// combining class 0), and those that decompose into non-starters.
bool joins_previous(char32_t c) {
  if (c < 0x300) return false;
  if (combining_class(c) != 0) return true;
  if ((c >= 0x1161 && c <= 0x1175) || (c >= 0x11A8 && c <= 0x11C2)) return true;  // Hangul
  if ((c >= 0x3131 && c <= 0x318E) || (c >= 0xFFA0 && c <= 0xFFDC)) return true;  // Hangul in NFKC
  static constexpr char32_t others[] = {
      0x09BE, 0x09D7,  0x0B3E,  0x0B56,  0x0B57,  0x0BBE,  0x0BD7,  0x0CC2, 0x0CD5, 0x0CD6,
      0x0D3E, 0x0D57,  0x0DCF,  0x0DDF,  0x0F73,  0x0F75,  0x0F81,  0x102E, 0x1B35, 0xFF9E,
      0xFF9F, 0x1133E, 0x11357, 0x114B0, 0x114BA, 0x114BD, 0x115AF, 0x11930};
  return std::binary_search(std::begin(others), std::end(others), c);
}

/// One starter with what follows it. utf8proc's own function sorts marks by insertion, quadratic in
/// their number.
std::string normalize_segment(std::string_view text, Normalizer::Form form) {
  const bool compatible = form == Normalizer::Form::nfkc || form == Normalizer::Form::nfkd;
  const bool composed = form == Normalizer::Form::nfc || form == Normalizer::Form::nfkc;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                                      (compatible ? UTF8PROC_COMPAT : 0));
  std::vector<utf8proc_int32_t> code_points;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    utf8proc_int32_t buffer[32];  // the longest decomposition is 18
    int boundary = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c.value), buffer,
                                               std::size(buffer), options, &boundary);
    if (count < 0 || count > static_cast<utf8proc_ssize_t>(std::size(buffer))) {
      throw internal_error("normalizer: U+{:04X} does not decompose",
                           static_cast<unsigned>(c.value));
    }
    code_points.insert(code_points.end(), buffer, buffer + count);
    at += c.length;
  }
  for (auto at = code_points.begin(); at != code_points.end();) {
    if (combining_class(*at) == 0) {
      ++at;
      continue;
    }
    const auto end =
        std::find_if(at, code_points.end(), [](auto c) { return combining_class(c) == 0; });
    std::stable_sort(at, end,
                     [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    at = end;
  }
  auto length = static_cast<utf8proc_ssize_t>(code_points.size());
  if (composed) {
    length = utf8proc_normalize_utf32(
        code_points.data(), length,
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (length < 0) throw internal_error("normalizer: {}", utf8proc_errmsg(length));
  }
  std::string out;
  for (utf8proc_ssize_t i = 0; i < length; ++i) append_utf8(out, code_points[i]);
  return out;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

constexpr std::string_view form_names[] = {"", "NFC", "NFD", "NFKC", "NFKD"};

}  // namespace

Normalizer Normalizer::from_json(const Json& value) {
  Normalizer result;
  const Json* step = &value;
  if (value.is_object() && value.value("type", Json()) == "Sequence") {
    const auto list = value.find("normalizers");
    if (list == value.end() || !list->is_array() || list->size() > 1) {
      throw input_error("normalizer: Sequence: expected a list `normalizers` of at most one");
    }
    if (list->empty()) return result;
    step = &(*list)[0];
  }
  if (step->is_null()) return result;
  const Json type = step->is_object() ? step->value("type", Json()) : Json();
  for (int i = 1; i < 5; ++i) {
    if (type == Json(form_names[i])) {
      result.form_ = static_cast<Form>(i);
      return result;
    }
  }
  throw input_error("normalizer: {} is unknown; known are NFC, NFD, NFKC, NFKD and null",
                    escaped(dump_json(type)));
}

Json Normalizer::to_json() const {
  if (form_ == Form::none) return nullptr;
  return {{"type", form_names[static_cast<int>(form_)]}};
}

Normalizer::Result Normalizer::apply(std::string_view text) const {
  Result result;
  if (form_ == Form::none || is_ascii(text)) return result;
  result.text.reserve(text.size());
  result.origin.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    CodePoint c = code_point_at(text, at);
    std::size_t end = at + c.length;
    if (c.valid) {
      while (end < text.size()) {
        const CodePoint next = code_point_at(text, end);
        if (!next.valid || !joins_previous(next.value)) break;
        end += next.length;
      }
    }
    const std::string_view segment = text.substr(at, end - at);
    if (!c.valid || is_ascii(segment)) {
      for (std::size_t i = at; i < end; ++i) result.origin.emplace_back(i, i + 1);
      result.text += segment;
    } else {
      const std::string normalized = normalize_segment(segment, form_);
      const bool same = normalized == segment;
      for (std::size_t i = 0; i < normalized.size(); ++i) {
        same ? result.origin.emplace_back(at + i, at + i + 1) : result.origin.emplace_back(at, end);
      }
      result.changed |= !same;
      result.text += normalized;
    }
    at = end;
  }
  if (!result.changed) return {};
  return result;
}

}  // namespace bantam
