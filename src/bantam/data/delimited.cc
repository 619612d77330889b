#include "bantam/data/delimited.h"

#include <algorithm>

#include "bantam/base/error.h"

namespace bantam {
namespace {

constexpr std::size_t kLongestRecord = std::size_t{64} << 20;

/// Splits one record that may span lines. `line` is the part still to be read.
class RecordParser {
 public:
  RecordParser(LineReader& lines, std::string_view line, char separator)
      : lines_(lines), line_(line), separator_(separator), first_line_(lines.number()) {}

  std::vector<std::string> parse() {
    while (true) {
      fields_.emplace_back();
      if (at_ < line_.size() && line_[at_] == '"') {
        parse_quoted();
      } else {
        const std::size_t end = std::min(line_.find(separator_, at_), line_.size());
        fields_.back() = line_.substr(at_, end - at_);
        at_ = end;
      }
      if (at_ >= line_.size()) return std::move(fields_);
      ++at_;  // the separator
    }
  }

 private:
  void parse_quoted() {
    const std::size_t opened_at = at_;
    std::string& field = fields_.back();
    ++at_;
    while (true) {
      const std::size_t quote = line_.find('"', at_);
      field += line_.substr(at_, quote == std::string_view::npos ? quote : quote - at_);
      if (quote == std::string_view::npos) {
        continue_on_next_line(opened_at);
        continue;
      }
      at_ = quote + 1;
      if (at_ < line_.size() && line_[at_] == '"') {
        field += '"';
        ++at_;
        continue;
      }
      break;
    }
    if (at_ < line_.size() && line_[at_] != separator_) {
      throw input_error("{}:{}:{}: expected a separator after the closing quote, found '{}'",
                        lines_.where(), lines_.number(), at_ + 1, escaped(line_.substr(at_, 1)));
    }
  }

  void continue_on_next_line(std::size_t opened_at) {
    fields_.back() += '\n';
    if (fields_.back().size() > kLongestRecord || !lines_.next(line_)) {
      throw input_error("{}:{}:{}: the quote opened here is never closed", lines_.where(),
                        first_line_, opened_at + 1);
    }
    at_ = 0;
  }

  LineReader& lines_;
  std::string_view line_;
  char separator_;
  std::int64_t first_line_;
  std::size_t at_ = 0;
  std::vector<std::string> fields_;
};

}  // namespace

bool DelimitedReader::next_fields(std::vector<std::string>& fields) {
  std::string_view line;
  do {
    if (!lines_.next(line)) return false;
  } while (line.empty());
  number_ = lines_.number();
  fields = RecordParser(lines_, line, separator_).parse();
  return true;
}

DelimitedReader::DelimitedReader(LineReader& lines, char separator)
    : lines_(lines), separator_(separator) {
  next_fields(columns_);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].empty()) {
      throw input_error(
          "{}:{}: expected a header with the names of the columns, found no name for column {}",
          lines.where(), number_, i + 1);
    }
    if (std::find(columns_.begin(), columns_.begin() + static_cast<std::ptrdiff_t>(i),
                  columns_[i]) != columns_.begin() + static_cast<std::ptrdiff_t>(i)) {
      throw input_error("{}:{}: column '{}' appears twice in the header", lines.where(), number_,
                        escaped(columns_[i], 60));
    }
  }
}

bool DelimitedReader::next(Json& object) {
  std::vector<std::string> fields;
  if (!next_fields(fields)) return false;
  if (fields.size() != columns_.size()) {
    throw input_error("{}:{}: expected {} fields as in the header, found {}", lines_.where(),
                      number_, columns_.size(), fields.size());
  }
  object = Json::object();
  auto& members = object.get_ref<Json::object_t&>();
  for (std::size_t i = 0; i < fields.size(); ++i)
    members.emplace_back(columns_[i], std::move(fields[i]));
  return true;
}

}  // namespace bantam
