#include "bantam/text/post_processor.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/vocabulary.h"

namespace bantam {
namespace {

constexpr std::string_view part = "post_processor";

std::int32_t existing_id(const Json& value, const Vocabulary& vocabulary) {
  const auto count = static_cast<std::int64_t>(vocabulary.tokens.size());
  const bool exists = value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
                      value.get<std::int64_t>() < count;
  if (!exists) {
    throw input_error("{}: expected the id of a token, found {}", part, escaped(dump_json(value)));
  }
  return value.get<std::int32_t>();
}

std::int32_t id_of_text(const Json& text, const Vocabulary& vocabulary) {
  const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(),
                               text.is_string() ? text.get<std::string>() : "");
  if (!text.is_string() || found == vocabulary.tokens.end()) {
    throw input_error("{}: {} is not a token", part, escaped(dump_json(text)));
  }
  return static_cast<std::int32_t>(found - vocabulary.tokens.begin());
}

/// What `special_tokens` lists under a name; a name that it lacks may be a token itself.
std::vector<std::int32_t> special_ids(const Json& name, const Json& listed,
                                      const Vocabulary& vocabulary) {
  const Json& entry =
      name.is_string() ? json_member(listed, name.get<std::string>().c_str()) : name;
  const Json& ids = json_member(entry, "ids");
  if (!ids.is_array()) return {id_of_text(name, vocabulary)};
  std::vector<std::int32_t> result;
  for (const Json& id : ids) result.push_back(existing_id(id, vocabulary));
  return result;
}

std::vector<TemplatePart> read_template(const Json& list, const Json& listed,
                                        const Vocabulary& vocabulary) {
  if (!list.is_array() || list.size() > 64) {
    throw input_error("{}: TemplateProcessing: expected lists `single` and `pair` of at most 64",
                      part);
  }
  std::vector<TemplatePart> parts;
  for (const Json& entry : list) {
    const Json& text = json_member(entry, "Sequence");
    const Json& special = json_member(entry, "SpecialToken");
    const Json& id = json_member(text.is_object() ? text : special, "id");
    const bool known = text.is_object() ? id == Json("A") || id == Json("B") : special.is_object();
    if (!known) {
      throw input_error(
          "{}: TemplateProcessing: expected a Sequence A or B or a SpecialToken, found {}", part,
          escaped(dump_json(entry)));
    }
    TemplatePart& added = parts.emplace_back();
    added.type_id = static_cast<std::int32_t>(
        json_integer(text.is_object() ? text : special, "type_id", 0, 1 << 30, part));
    if (text.is_object()) {
      added.text = id == Json("B") ? 1 : 0;
    } else {
      added.ids = special_ids(id, listed, vocabulary);
    }
  }
  return parts;
}

bool uses(const std::vector<TemplatePart>& parts, int text) {
  return std::any_of(parts.begin(), parts.end(),
                     [text](const TemplatePart& p) { return p.text == text; });
}

/// The id of ["</s>", 2].
std::int32_t named_id(const Json& value, const char* key, const Vocabulary& vocabulary) {
  const Json& pair = json_member(value, key);
  if (!pair.is_array() || pair.size() != 2) {
    throw input_error("{}: {}: expected a token and its id, found {}", part, key,
                      escaped(dump_json(pair)));
  }
  return existing_id(pair[1], vocabulary);
}

}  // namespace

PostProcessor PostProcessor::from_json(const Json& value, const Vocabulary& vocabulary) {
  PostProcessor result;
  if (!value.is_null()) result.add(value, vocabulary, 0);
  return result;
}

void PostProcessor::add(const Json& value, const Vocabulary& vocabulary, int depth) {
  if (depth > 8) throw input_error("{}: Sequence nested deeper than 8", part);
  const std::string type = json_type(value, part);
  if (type == "Sequence") {
    for (const Json& step : json_steps(value, "processors", part)) add(step, vocabulary, depth + 1);
    return;
  }
  if (type == "ByteLevel") return set_trimming(value);
  const bool around = type == "BertProcessing" || type == "RobertaProcessing";
  if (!around && type != "TemplateProcessing") {
    throw input_error(
        "{}: type '{}' is unknown; known are TemplateProcessing, BertProcessing, "
        "RobertaProcessing, ByteLevel, Sequence and null",
        part, escaped(type));
  }
  if (adds_tokens_) {
    throw input_error("{}: expected one step that adds tokens, found '{}' after another", part,
                      type);
  }
  adds_tokens_ = true;
  if (around) return put_around(value, type == "RobertaProcessing", vocabulary);
  const Json& listed = json_member(value, "special_tokens");
  single_ = read_template(json_member(value, "single"), listed, vocabulary);
  pair_ = read_template(json_member(value, "pair"), listed, vocabulary);
  if (uses(single_, 1)) throw input_error("{}: `single` has a second text", part);
}

void PostProcessor::put_around(const Json& value, bool roberta, const Vocabulary& vocabulary) {
  const std::int32_t cls = named_id(value, "cls", vocabulary);
  const std::int32_t sep = named_id(value, "sep", vocabulary);
  const std::int32_t second = roberta ? 0 : 1;  // RoBERTa has one segment
  const auto special = [](std::int32_t id, std::int32_t type_id) {
    return TemplatePart{.text = -1, .ids = {id}, .type_id = type_id};
  };
  const auto text = [](int which, std::int32_t type_id) {
    return TemplatePart{.text = which, .ids = {}, .type_id = type_id};
  };
  single_ = {special(cls, 0), text(0, 0), special(sep, 0)};
  pair_ = single_;
  if (roberta) pair_.push_back(special(sep, 0));
  pair_.push_back(text(1, second));
  pair_.push_back(special(sep, second));
  if (roberta) set_trimming(value);
}

void PostProcessor::set_trimming(const Json& value) {
  if (!json_flag(value, "trim_offsets", true, part)) return;
  trims_offsets_ = true;
  adds_prefix_space_ = json_flag(value, "add_prefix_space", true, part);
}

std::optional<std::int32_t> PostProcessor::before() const {
  const bool one = single_.size() >= 2 && single_[0].ids.size() == 1 && single_[1].text == 0;
  return one ? std::optional(single_[0].ids[0]) : std::nullopt;
}

std::optional<std::int32_t> PostProcessor::after() const {
  const std::size_t count = single_.size();
  const bool one = count >= 2 && single_[count - 1].ids.size() == 1 && single_[count - 2].text == 0;
  return one ? std::optional(single_[count - 1].ids[0]) : std::nullopt;
}

Json template_processing(const std::vector<TemplatePart>& single,
                         const std::vector<TemplatePart>& pair, const Vocabulary& vocabulary) {
  Json tokens = Json::object();
  const auto listed = [&](const std::vector<TemplatePart>& parts) {
    Json list = Json::array();
    for (const TemplatePart& part : parts) {
      if (part.text >= 0) {
        list.push_back(
            {{"Sequence", {{"id", part.text == 0 ? "A" : "B"}, {"type_id", part.type_id}}}});
      }
      for (const std::int32_t id : part.ids) {
        const std::string& text = vocabulary.tokens[static_cast<std::size_t>(id)];
        tokens[text] = {{"id", text}, {"ids", {id}}, {"tokens", {text}}};
        list.push_back({{"SpecialToken", {{"id", text}, {"type_id", part.type_id}}}});
      }
    }
    return list;
  };
  const Json of_one = listed(single), of_two = listed(pair);
  return {{"type", "TemplateProcessing"},
          {"single", of_one},
          {"pair", of_two},
          {"special_tokens", tokens}};
}

Json default_post_processor(const Vocabulary& vocabulary) {
  const bool bos = vocabulary.add_bos && vocabulary.bos;
  const bool eos = vocabulary.add_eos && vocabulary.eos;
  if (!bos && !eos) {
    if (vocabulary.kind != TokenModelKind::byte_bpe) return nullptr;
    return {{"type", "ByteLevel"},
            {"add_prefix_space", false},
            {"trim_offsets", false},
            {"use_regex", true}};
  }
  std::vector<TemplatePart> single, pair;
  const auto around = [&](std::vector<TemplatePart>& parts, int text) {
    if (bos) parts.push_back({.text = -1, .ids = {*vocabulary.bos}, .type_id = text});
    parts.push_back({.text = text, .ids = {}, .type_id = text});
    if (eos) parts.push_back({.text = -1, .ids = {*vocabulary.eos}, .type_id = text});
  };
  around(single, 0);
  around(pair, 0);
  around(pair, 1);
  return template_processing(single, pair, vocabulary);
}

}  // namespace bantam
