#include "bantam/text/model_input.h"

#include <algorithm>

#include "bantam/text/unicode.h"

namespace bantam {
namespace {

/// Bytes and characters of the white space that a text begins (or ends) with.
struct Space {
  std::uint32_t bytes = 0, characters = 0;
};

Space leading_space(std::string_view text) {
  Space space;
  while (space.bytes < text.size()) {
    const CodePoint c = code_point_at(text, space.bytes);
    if (!c.valid || !is_white_space(c.value)) break;
    space.bytes += static_cast<std::uint32_t>(c.length);
    ++space.characters;
  }
  return space;
}

std::uint32_t trailing_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    const CodePoint c = code_point_before(text, end);
    if (!c.valid || !is_white_space(c.value)) break;
    end -= static_cast<std::size_t>(c.length);
  }
  return static_cast<std::uint32_t>(text.size() - end);
}

}  // namespace

ModelInput assembled_input(std::span<const TemplatePart> parts, std::span<const Encoding> texts) {
  ModelInput out;
  for (const TemplatePart& part : parts) {
    const std::size_t before = out.ids.size();
    if (part.text < 0) {
      out.ids.insert(out.ids.end(), part.ids.begin(), part.ids.end());
      out.offsets.resize(out.ids.size(), ByteRange{0, 0});
    } else if (static_cast<std::size_t>(part.text) < texts.size()) {
      const Encoding& text = texts[static_cast<std::size_t>(part.text)];
      out.ids.insert(out.ids.end(), text.ids.begin(), text.ids.end());
      out.offsets.insert(out.offsets.end(), text.offsets.begin(), text.offsets.end());
    }
    out.type_ids.insert(out.type_ids.end(), out.ids.size() - before, part.type_id);
    out.text.insert(out.text.end(), out.ids.size() - before, static_cast<std::int8_t>(part.text));
  }
  return out;
}

void trim_offsets(Encoding& text, bool adds_prefix_space,
                  const std::function<std::string_view(std::int32_t)>& text_of) {
  for (std::size_t i = 0; i < text.ids.size(); ++i) {
    const std::string_view token = text_of(text.ids[i]);
    auto& [begin, end] = text.offsets[i];
    const Space leading = leading_space(token);
    const std::uint32_t trailing = trailing_space(token);
    const bool put_there = adds_prefix_space && (i == 0 || begin == 0) && leading.characters == 1;
    if (!put_there) begin = std::min(begin + leading.bytes, end);
    if (trailing > 0 && end >= trailing) end = std::max(end - trailing, begin);
  }
}

}  // namespace bantam
