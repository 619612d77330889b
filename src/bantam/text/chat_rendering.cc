// From messages to token ids, with roles and loss weights (declared in chat_template.h).
#include <algorithm>
#include <optional>

#include "bantam/base/error.h"
#include "bantam/text/chat_program.h"
#include "bantam/text/chat_template.h"

namespace bantam {
namespace {

/// What one assistant turn consists of, in bytes of the text.
struct Turn {
  std::size_t begin, end;
  float weight;
};

/// First and last byte that came from message `index`.
std::optional<std::pair<std::size_t, std::size_t>> extent(const jinja::Text& text,
                                                          std::int32_t index) {
  std::optional<std::pair<std::size_t, std::size_t>> range;
  for (const jinja::Origin& origin : text.origins) {
    if (origin.source != index) continue;
    if (!range) range.emplace(origin.begin, origin.end);
    range->second = std::max<std::size_t>(range->second, origin.end);
  }
  return range;
}

std::vector<ByteRange> literal_ranges(const jinja::Text& text) {
  std::vector<ByteRange> ranges;
  for (const jinja::Origin& origin : text.origins) ranges.emplace_back(origin.begin, origin.end);
  return ranges;
}

/// Encodes [begin, end) of the text and appends ids and offsets.
void encode_part(const Tokenizer& tokenizer, std::string_view text,
                 const std::vector<ByteRange>& literal, std::size_t begin, std::size_t end,
                 Rendered& out) {
  std::vector<ByteRange> inside;
  for (const auto& [from, to] : literal) {
    const std::size_t a = std::max<std::size_t>(from, begin), b = std::min<std::size_t>(to, end);
    if (a < b) inside.emplace_back(a - begin, b - begin);
  }
  const Encoding encoding = tokenizer.encode(text.substr(begin, end - begin), inside);
  out.ids.insert(out.ids.end(), encoding.ids.begin(), encoding.ids.end());
  for (const auto& [from, to] : encoding.offsets)
    out.offsets.emplace_back(from + begin, to + begin);
}

/// Encodes the text, cut at the given places.
Rendered encoded(const Tokenizer& tokenizer, const jinja::Text& text,
                 std::vector<std::size_t> cuts) {
  Rendered out;
  out.text = text.bytes;
  const std::vector<ByteRange> literal = literal_ranges(text);
  cuts.push_back(text.bytes.size());
  std::sort(cuts.begin(), cuts.end());
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    if (cut > at) encode_part(tokenizer, out.text, literal, at, cut, out);
    at = std::max(at, cut);
  }
  const auto bos = tokenizer.bos();
  if (tokenizer.add_bos() && bos && (out.ids.empty() || out.ids.front() != *bos)) {
    out.ids.insert(out.ids.begin(), *bos);
    out.offsets.insert(out.offsets.begin(), ByteRange{0, 0});
  }
  out.weights.assign(out.ids.size(), 0.0f);
  out.roles.assign(out.ids.size(), "");
  return out;
}

/// The role of the message that most of a token's first bytes came from: the first origin it
/// touches.
void set_roles(const jinja::Text& text, std::span<const Message> messages, Rendered& out) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < out.ids.size(); ++i) {
    const auto [begin, end] = out.offsets[i];
    while (next < text.origins.size() && text.origins[next].end <= begin) ++next;
    if (next == text.origins.size()) return;
    const jinja::Origin& origin = text.origins[next];
    const bool inside = origin.begin < end && origin.source >= 0;
    if (inside) out.roles[i] = messages[static_cast<std::size_t>(origin.source)].role;
  }
}

class TurnFinder {
 public:
  TurnFinder(const ChatTemplate::Program& program, const Tokenizer& tokenizer,
             std::span<const Message> messages, const Json& tools)
      : program_(program), tokenizer_(tokenizer), messages_(messages) {
    options_.tools = tools;
    page_ = program.render(messages, options_);
  }

  const jinja::Text& text() const { return page_.text; }

  std::vector<Turn> turns() const {
    std::vector<Turn> turns;
    if (!page_.generated.empty()) {
      for (std::size_t i = 0; i < page_.generated.size(); ++i) turns.push_back(marked_turn(i));
      return turns;
    }
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (messages_[i].role != "assistant") continue;
      if (auto turn = turn_by_prefix(i)) turns.push_back(*turn);
    }
    return turns;
  }

 private:
  static float weight_of(const Message& message) {
    return static_cast<float>(message.weight.value_or(1.0));
  }

  /// A {% generation %} block belongs to the message whose text it holds, or else to the n-th
  /// assistant's.
  Turn marked_turn(std::size_t n) const {
    const auto [begin, end] = page_.generated[n];
    for (const jinja::Origin& origin : page_.text.origins) {
      if (origin.end <= begin || origin.begin >= end || origin.source < 0) continue;
      return {begin, end, weight_of(messages_[static_cast<std::size_t>(origin.source)])};
    }
    std::size_t seen = 0;
    for (const Message& message : messages_) {
      if (message.role == "assistant" && seen++ == n) return {begin, end, weight_of(message)};
    }
    return {begin, end, 1.0f};
  }

  /// Length of the rendering of the first `count` messages, if the whole text begins with it.
  std::optional<std::size_t> prefix(std::size_t count, bool generation_prompt) const {
    RenderOptions options = options_;
    options.add_generation_prompt = generation_prompt;
    try {
      const std::string part = program_.render(messages_.first(count), options).text.bytes;
      if (page_.text.bytes.starts_with(part)) return part.size();
    } catch (const Error&) {
      // Some templates refuse conversations that end in certain roles.
    }
    return std::nullopt;
  }

  std::optional<Turn> turn_by_prefix(std::size_t i) const {
    const auto content = extent(page_.text, static_cast<std::int32_t>(i));
    const auto prompt = prefix(i, true);
    std::optional<std::size_t> begin;
    if (prompt && (!content || *prompt <= content->first)) {
      begin = prompt;
    } else if (content) {
      begin = content->first;
    }
    if (!begin) return std::nullopt;
    const std::size_t written = content ? content->second : *begin;
    const auto turn_end =
        i + 1 == messages_.size() ? std::optional(page_.text.bytes.size()) : prefix(i + 1, false);
    const std::size_t limit =
        turn_end && *turn_end >= written ? *turn_end : next_message_begin(written);
    const auto end_token = end_token_after(written, limit);
    const std::size_t end = end_token ? *end_token : turn_end ? limit : written;
    if (end <= *begin) return std::nullopt;
    return Turn{*begin, end, weight_of(messages_[i])};
  }

  std::size_t next_message_begin(std::size_t at) const {
    for (const jinja::Origin& origin : page_.text.origins) {
      if (origin.begin >= at && origin.source >= 0) return origin.begin;
    }
    return page_.text.bytes.size();
  }

  /// Where the first end token in [begin, limit) ends. The template wrote all of it.
  std::optional<std::size_t> end_token_after(std::size_t begin, std::size_t limit) const {
    const std::string_view part = std::string_view(page_.text.bytes).substr(begin, limit - begin);
    const Encoding encoding = tokenizer_.encode(part, Special::parse);
    const std::vector<std::int32_t> ends = tokenizer_.end_of_generation();
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      if (std::binary_search(ends.begin(), ends.end(), encoding.ids[i])) {
        return begin + encoding.offsets[i].second;
      }
    }
    return std::nullopt;
  }

  const ChatTemplate::Program& program_;
  const Tokenizer& tokenizer_;
  std::span<const Message> messages_;
  RenderOptions options_;
  jinja::Rendering page_;
};

}  // namespace

Rendered render_for_training(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                             std::span<const Message> messages, const Json& tools) {
  const TurnFinder finder(chat_template.program(), tokenizer, messages, tools);
  const std::vector<Turn> turns = finder.turns();
  std::vector<std::size_t> cuts;
  for (const Turn& turn : turns) cuts.push_back(turn.begin);
  Rendered out = encoded(tokenizer, finder.text(), std::move(cuts));
  set_roles(finder.text(), messages, out);
  for (std::size_t i = 0; i < out.ids.size(); ++i) {
    const auto [begin, end] = out.offsets[i];
    for (const Turn& turn : turns) {
      if (end <= begin || begin < turn.begin || begin >= turn.end) continue;
      out.weights[i] = turn.weight;
      out.roles[i] = "assistant";
    }
  }
  return out;
}

Rendered render_prompt(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                       std::span<const Message> messages, RenderOptions options) {
  const bool continues = !messages.empty() && messages.back().role == "assistant";
  options.add_generation_prompt = !continues;
  jinja::Text text = chat_template.program().render(messages, options).text;
  if (continues) {
    const auto content = extent(text, static_cast<std::int32_t>(messages.size()) - 1);
    if (content) text = text.slice(0, content->second);
  }
  Rendered out = encoded(tokenizer, text, {});
  set_roles(text, messages, out);
  return out;
}

}  // namespace bantam
