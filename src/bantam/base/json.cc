#include "bantam/base/json.h"

#include <cmath>
#include <iterator>
#include <unordered_set>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/base/python_json.h"

namespace bantam {

namespace {

struct Cursor {
  const char* at;
};

// Reads the text and leaves a trace of how far the parser came: its events carry no position of
// their own.
class TracedIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TracedIterator(const char* at, Cursor* trace) : at_(at), trace_(trace) {}
  reference operator*() const { return *at_; }
  TracedIterator& operator++() {
    trace_->at = ++at_;
    return *this;
  }
  TracedIterator operator++(int) {
    TracedIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const TracedIterator& other) const { return at_ == other.at_; }
  bool operator!=(const TracedIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  Cursor* trace_;
};

std::string position(std::string_view text, std::size_t offset) {
  std::size_t line = 1, column = 1;
  for (const char c : text.substr(0, std::min(offset, text.size()))) {
    if (c == '\n') {
      ++line, column = 1;
    } else if ((c & 0xc0) != 0x80) {  // continuation bytes belong to the character before
      ++column;
    }
  }
  return fmt::format("line {}, column {}", line, column);
}

// The object's keys so far. Linear for small objects; a vocabulary of 50,000 keys needs the set.
class KeySet {
 public:
  bool insert(const Json::object_t& members, const std::string& key) {
    constexpr std::size_t kLinear = 16;
    if (members.size() < kLinear) {
      for (const auto& member : members) {
        if (member.first == key) return false;
      }
      return true;
    }
    if (hashed_.empty()) {
      for (const auto& member : members) hashed_.insert(member.first);
    }
    return hashed_.insert(key).second;
  }

 private:
  std::unordered_set<std::string> hashed_;
};

enum class LongIntegers { refused, as_doubles };

// Builds the value from the parser's events. Members are appended, not looked up: ordered_json
// would search its whole object for each new key.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, const JsonLimits& limits, LongIntegers long_integers,
          const Cursor& cursor)
      : text_(text), limits_(limits), long_integers_(long_integers), cursor_(cursor) {}

  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& digits) override {
    if (!std::isfinite(value)) {
      throw fail("number {} is larger than a double holds", escaped(digits, 60));
    }
    const bool is_integer = digits.find_first_of(".eE") == std::string::npos;
    if (is_integer && long_integers_ == LongIntegers::refused) {
      throw fail("number {} does not fit in 64 bits", escaped(digits, 60));
    }
    return add(value);
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // only binary formats have it

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool key(string_t& name) override {
    auto& members = open_.back().value->get_ref<Json::object_t&>();
    if (limits_.refuse_duplicate_keys && !open_.back().keys.insert(members, name)) {
      throw fail("key '{}' appears twice in one object", escaped(name, 80));
    }
    key_ = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    // "… syntax error while parsing value - unexpected ']'; expected …": the part after the dash is
    // for people.
    std::string reason = e.what();
    if (const auto dash = reason.find(" - "); dash != std::string::npos) {
      reason.erase(0, dash + 3);
    } else if (const auto bracket = reason.find("] "); bracket != std::string::npos) {
      reason.erase(0, bracket + 2);
    }
    // The parser quotes what it read; only what cannot be shown is escaped, not its own quotes.
    std::string shown = escaped(reason, 300);
    for (auto at = shown.find("\\x27"); at != std::string::npos; at = shown.find("\\x27", at)) {
      shown.replace(at, 4, "'");
    }
    throw fail("not valid JSON: {}", shown);
  }

 private:
  struct Level {
    Json* value;
    KeySet keys;
  };

  template <class... Args>
  Error fail(fmt::format_string<Args...> text, Args&&... args) const {
    std::size_t offset = static_cast<std::size_t>(cursor_.at - text_.data());
    if (offset > 0) --offset;  // the trace is one past the character that was read last
    return Error(Error::Kind::input, fmt::format("{}: {}", position(text_, offset),
                                                 fmt::format(text, std::forward<Args>(args)...)));
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back().value;
    if (parent.is_array()) {
      auto& items = parent.get_ref<Json::array_t&>();
      items.push_back(std::move(value));
      return &items.back();
    }
    auto& members = parent.get_ref<Json::object_t&>();
    if (!limits_.refuse_duplicate_keys) {  // the last one wins, as everywhere else
      Json& slot = members[key_];
      slot = std::move(value);
      return &slot;
    }
    members.emplace_back(std::move(key_), std::move(value));
    return &members.back().second;
  }

  bool open(Json empty) {
    if (static_cast<int>(open_.size()) >= limits_.depth) {
      throw fail("nested deeper than {} levels", limits_.depth);
    }
    Json* value = place(std::move(empty));
    open_.push_back({value, {}});
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const JsonLimits& limits_;
  LongIntegers long_integers_;
  const Cursor& cursor_;
  Json root_;
  std::vector<Level> open_;
  std::string key_;
};

Json parse(std::string_view text, const JsonLimits& limits, LongIntegers long_integers) {
  Cursor cursor{text.data()};
  Builder builder(text, limits, long_integers, cursor);
  Json::sax_parse(TracedIterator(text.data(), &cursor),
                  TracedIterator(text.data() + text.size(), &cursor), &builder);
  return builder.take();
}

}  // namespace

Json parse_json(std::string_view text, const JsonLimits& limits) {
  return parse(text, limits, LongIntegers::refused);
}

Json parse_python_json(std::string_view text, const JsonLimits& limits) {
  return parse(text, limits, LongIntegers::as_doubles);
}

std::string dump_json(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bantam
