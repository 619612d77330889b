#include "bantam/data/span_fields.h"

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

void fill_tags(Row& row, FieldReader& fields) {
  const std::string name = fields.has("tags") ? "tags" : "ner_tags";
  fill_words(row, fields.take("tokens"));
  const Json tags = fields.take(name);
  if (!tags.is_array() || tags.size() != row.words.size()) {
    throw input_error("field '{}': expected an array of {}, one for each word, found {}", name,
                      row.words.size(), type_of(tags));
  }
  for (const Json& tag : tags) {
    if (!tag.is_string() || tag.get_ref<const std::string&>().empty()) {
      throw input_error("field '{}[{}]': expected the name of a tag, such as B-PER or O, found {}",
                        name, row.tags.size(), escaped(dump_json(tag), 60));
    }
    row.tags.push_back(tag.get<std::string>());
  }
}

TextSpan span_of(const Json& json, std::size_t place, std::int64_t characters) {
  const auto integer = [&](const char* key) {
    if (!json.is_object() || !json.contains(key) || !json[key].is_number_integer()) {
      throw input_error(
          "field 'spans[{}]': expected an object with start and end (in characters) and label, "
          "found {}",
          place, escaped(dump_json(json), 80));
    }
    return json[key].get<std::int64_t>();
  };
  TextSpan span{integer("start"), integer("end"), ""};
  if (span.start < 0 || span.end <= span.start || span.end > characters) {
    throw input_error(
        "field 'spans[{}]': expected a part of the text, which has {} characters, found {} to {}",
        place, characters, span.start, span.end);
  }
  if (!json.contains("label") || !json["label"].is_string() ||
      json["label"].get_ref<const std::string&>().empty()) {
    throw input_error("field 'spans[{}].label': expected a name, found {}", place,
                      escaped(dump_json(json.value("label", Json())), 60));
  }
  span.label = json["label"].get<std::string>();
  return span;
}

}  // namespace

bool is_word_list(const FieldReader& fields) {
  return fields.has("tokens") && fields.rest().find("tokens")->is_array();
}

bool has_tags(const FieldReader& fields) {
  return is_word_list(fields) && (fields.has("tags") || fields.has("ner_tags"));
}

bool is_span_list(const FieldReader& fields) {
  if (!fields.has("spans")) return false;
  const Json& spans = *fields.rest().find("spans");
  return spans.is_array() && (spans.empty() || spans.front().is_object());
}

void fill_words(Row& row, const Json& words) {
  for (const Json& word : words) {
    if (!word.is_string() || word.get_ref<const std::string&>().empty()) {
      throw input_error("field 'tokens[{}]': expected a word, found {}", row.words.size(),
                        escaped(dump_json(word), 60));
    }
    row.words.push_back(word.get<std::string>());
    row.text += (row.text.empty() ? "" : " ") + row.words.back();
  }
  if (row.words.empty()) throw input_error("field 'tokens': expected words, found none");
}

void fill_spans(Row& row, FieldReader& fields, bool require_spans) {
  if (has_tags(fields)) return fill_tags(row, fields);
  row.text = fields.take_text("text");
  if (!require_spans && !fields.has("spans")) return;
  const Json spans = fields.take("spans");
  if (!spans.is_array()) {
    throw input_error("field 'spans': expected an array, found {}", type_of(spans));
  }
  const auto characters = static_cast<std::int64_t>(count_code_points(row.text));
  for (std::size_t i = 0; i < spans.size(); ++i) {
    row.spans.push_back(span_of(spans[i], i, characters));
  }
}

}  // namespace bantam
