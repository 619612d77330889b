// The functions every template sees.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "bantam/text/jinja/parameters.h"
#include "bantam/text/jinja/syntax.h"

namespace bantam::jinja {
namespace {

constexpr std::int64_t range_limit = 100'000;  // jinja2's sandbox has the same

Value range(Context& context, const Arguments& given) {
  const Parameters p("range", given, {"start", "stop", "step"});
  p.required(0);
  const bool single = !p.find(1);
  const std::int64_t start = single ? 0 : p.integer(0, 0);
  const std::int64_t stop = single ? p.integer(0, 0) : p.integer(1, 0);
  const std::int64_t step = p.integer(2, 1);
  if (step == 0) throw Fault{"range() arg 3 must not be zero"};
  // In 128 bits nothing here can wrap.
  const __int128 span =
      step > 0 ? static_cast<__int128>(stop) - start : static_cast<__int128>(start) - stop;
  const __int128 stride = step > 0 ? static_cast<__int128>(step) : -static_cast<__int128>(step);
  const __int128 count = span > 0 ? (span + stride - 1) / stride : 0;
  if (count > range_limit) {
    throw Fault{
        fmt::format("Range too big. The sandbox blocks ranges larger than {}.", range_limit)};
  }
  context.step(static_cast<std::int64_t>(count) / 8);
  Items items;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(count); ++i) {
    items.push_back(Value::integer(start + i * step));
  }
  return Value::range(std::move(items), step == 1
                                            ? fmt::format("range({}, {})", start, stop)
                                            : fmt::format("range({}, {}, {})", start, stop, step));
}

/// dict(pairs or dict, **more)
Dict make_dict(Context& context, const Arguments& given) {
  if (given.positional.size() > 1) throw Fault{"dict: expected at most 1 argument"};
  Dict dict;
  if (!given.positional.empty()) {
    if (const Dict* other = given.positional[0].as_dict()) {
      dict = *other;
    } else {
      for (const Value& pair : iterate(given.positional[0])) {
        const Items items = iterate(pair);
        if (items.size() != 2) throw Fault{"dict: expected pairs"};
        dict.set(items[0], items[1]);
      }
    }
  }
  for (const auto& [name, value] : given.keyword) dict.set(name, value);
  context.step(static_cast<std::int64_t>(dict.items.size()));
  return dict;
}

Value make_namespace(Context& context, const Arguments& given) {
  const Dict dict = make_dict(context, given);
  const auto space = context.new_namespace();
  for (const auto& [key, value] : dict.items) {
    const Text* name = key.as_text();
    if (!name) throw Fault{"namespace: names must be strings"};
    if (name->bytes.starts_with('_')) {
      throw Fault{
          fmt::format("a namespace cannot hold '{}': names begin with a letter", name->bytes)};
    }
    space->set(name->bytes, value);
  }
  return Value(Value::Data(space));
}

Value raise_exception(Context&, const Arguments& given) {
  const Parameters p("raise_exception", given, {"message"});
  throw Fault{to_text(p.required(0)).bytes};
}

Value strftime_now(Context& context, const Arguments& given) {
  const Parameters p("strftime_now", given, {"format"});
  const std::string& format = p.text(0).bytes;
  if (format.size() > 1000) throw Fault{"strftime_now: format over 1,000 bytes"};
  std::tm local{};
  localtime_r(&context.now, &local);
  char buffer[8192];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const std::size_t length = std::strftime(buffer, sizeof buffer, format.c_str(), &local);
#pragma GCC diagnostic pop
  return Value::text(std::string_view(buffer, length));
}

/// joiner(sep): nothing the first time it is called, then the separator.
Value make_joiner(Context&, const Arguments& given) {
  const Parameters p("joiner", given, {"sep"});
  const Text separator = p.find_text(0) ? *p.find_text(0) : Text{", ", {}};
  const auto used = std::make_shared<bool>(false);
  return Value::function("joiner", [separator, used](Context&, const Arguments&) {
    return std::exchange(*used, true) ? Value::text(separator) : Value::text("");
  });
}

}  // namespace

const Value* find_global(std::string_view name) {
  static const std::pair<std::string_view, Value> globals[] = {
      {"range", Value::function("range", range)},
      {"dict", Value::function("dict",
                               [](Context& context, const Arguments& given) {
                                 return Value::dict(make_dict(context, given));
                               })},
      {"namespace", Value::function("namespace", make_namespace)},
      {"raise_exception", Value::function("raise_exception", raise_exception)},
      {"strftime_now", Value::function("strftime_now", strftime_now)},
      {"joiner", Value::function("joiner", make_joiner)},
  };
  for (const auto& [key, value] : globals) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace bantam::jinja
