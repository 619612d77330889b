// Filters over lists, dicts and generators.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "bantam/text/jinja/filter_list.h"
#include "bantam/text/jinja/parameters.h"
#include "bantam/text/jinja/text_operations.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

Items walked(Context& context, const Value& input) {
  Items items = iterate(input);
  context.step(static_cast<std::int64_t>(items.size()));
  return items;
}

/// "a.b.0": attributes and indices, one after the other.
Value attribute_path(const Value& item, const Value& path) {
  const Text* text = path.as_text();
  if (!text) return item_of(item, path);
  Value value = item;
  const std::string_view all = text->bytes;
  for (std::size_t at = 0; at <= all.size();) {
    const std::size_t end = std::min(all.find('.', at), all.size());
    const std::string_view part = all.substr(at, end - at);
    std::int64_t index = 0;
    const auto number = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool is_index =
        !part.empty() && number.ec == std::errc() && number.ptr == part.data() + part.size();
    value = item_of(value, is_index ? Value::integer(index) : Value::text(part));
    at = end + 1;
  }
  return value;
}

/// What an item is compared by: itself or an attribute, without regard to case unless asked.
Value sort_key(const Value& item, const Value* attribute, bool case_sensitive) {
  const Value value = attribute && !attribute->is_none() ? attribute_path(item, *attribute) : item;
  if (!case_sensitive && value.as_text()) return Value::text(lower(*value.as_text()));
  return value;
}

Items sorted(Context& context, Items items, bool reverse,
             const std::function<Value(const Value&)>& key) {
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : items) {
    Value by = key(item);
    keyed.emplace_back(std::move(by), std::move(item));
  }
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    context.step();
    return reverse ? less(b.first, a.first) : less(a.first, b.first);
  });
  items.clear();
  for (auto& entry : keyed) items.push_back(std::move(entry.second));
  return items;
}

Value length_filter(Context&, const Value& input, const Arguments& given) {
  const Parameters p("length", given, {});
  const auto length = length_of(input);
  if (!length) throw Fault{fmt::format("object of type '{}' has no len()", input.type_name())};
  return Value::integer(*length);
}

Value list_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("list", given, {});
  return Value::list(walked(context, input));
}

Value first_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("first", given, {});
  if (const auto* generator = input.as<std::shared_ptr<Generator>>()) {
    Generator& all = **generator;
    return all.next < all.items.size() ? all.items[all.next++]
                                       : Value::undefined("No first item, sequence was empty.");
  }
  const Items items = walked(context, input);
  return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Value last_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("last", given, {});
  const Items items = walked(context, input);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value reverse_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("reverse", given, {});
  Items items = walked(context, input);
  std::reverse(items.begin(), items.end());
  if (input.as_text()) return Value::text(join(context, {}, items));
  return Value::generator(std::move(items));
}

Value items_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("items", given, {});
  if (input.is_undefined()) return Value::generator({});
  const Dict* dict = input.as_dict();
  if (!dict) throw Fault{"Can only get item pairs from a mapping."};
  context.step(static_cast<std::int64_t>(dict->items.size()));
  Items items;
  for (const auto& [key, value] : dict->items) items.push_back(Value::tuple({key, value}));
  return Value::generator(std::move(items));
}

Value dictsort_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("dictsort", given, {"case_sensitive", "by", "reverse"});
  const Dict* dict = input.as_dict();
  if (!dict) throw Fault{fmt::format("dictsort: expected a dict, found {}", input.type_name())};
  const std::string by = p.find_text(1) ? p.find_text(1)->bytes : "key";
  if (by != "key" && by != "value") throw Fault{"dictsort: by: expected 'key' or 'value'"};
  Items items;
  for (const auto& [key, value] : dict->items) items.push_back(Value::tuple({key, value}));
  context.step(static_cast<std::int64_t>(items.size()));
  return Value::list(sorted(context, std::move(items), p.flag(2, false), [&](const Value& item) {
    return sort_key(item.as_sequence()->items[by == "key" ? 0 : 1], nullptr, p.flag(0, false));
  }));
}

Value sort_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("sort", given, {"reverse", "case_sensitive", "attribute"});
  return Value::list(
      sorted(context, walked(context, input), p.flag(0, false),
             [&](const Value& item) { return sort_key(item, p.find(2), p.flag(1, false)); }));
}

Value unique_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("unique", given, {"case_sensitive", "attribute"});
  Dict seen;
  Items items;
  for (Value& item : walked(context, input)) {
    const Value key = sort_key(item, p.find(1), p.flag(0, false));
    if (seen.find(key)) continue;
    seen.set(key, Value());
    items.push_back(std::move(item));
  }
  return Value::generator(std::move(items));
}

template <bool largest>
Value extreme_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("min", given, {"case_sensitive", "attribute"});
  const Items items = walked(context, input);
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  std::size_t best = 0;
  Value best_key = sort_key(items[0], p.find(1), p.flag(0, false));
  for (std::size_t i = 1; i < items.size(); ++i) {
    Value key = sort_key(items[i], p.find(1), p.flag(0, false));
    if (largest ? less(best_key, key) : less(key, best_key)) {
      best = i;
      best_key = std::move(key);
    }
  }
  return items[best];
}

Value sum_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("sum", given, {"attribute", "start"});
  Value total = p.find(1) ? *p.find(1) : Value::integer(0);
  for (const Value& item : walked(context, input)) {
    const Value* attribute = p.find(0);
    total = binary(context, Binary::Op::add, total,
                   attribute && !attribute->is_none() ? attribute_path(item, *attribute) : item);
  }
  return total;
}

/// map('filter', args...) or map(attribute='a.b', default=x)
Value map_filter(Context& context, const Value& input, const Arguments& given) {
  const Items items = walked(context, input);
  Items results;
  if (given.positional.empty()) {
    const Parameters p("map", given, {"attribute", "default"});
    for (const Value& item : items) {
      Value value = attribute_path(item, p.required(0));
      if (value.is_undefined() && p.find(1)) value = *p.find(1);
      results.push_back(std::move(value));
    }
    return Value::generator(std::move(results));
  }
  const Text* name = given.positional[0].as_text();
  const FilterFunction filter = name ? find_filter(name->bytes) : nullptr;
  if (!filter)
    throw Fault{fmt::format("map: no filter named '{}'", to_text(given.positional[0]).bytes)};
  Arguments rest{{given.positional.begin() + 1, given.positional.end()}, given.keyword};
  for (const Value& item : items) results.push_back(filter(context, item, rest));
  return Value::generator(std::move(results));
}

/// select, reject, selectattr, rejectattr: the items that pass a test, or whose attribute does.
template <bool keep, bool by_attribute>
Value select_filter(Context& context, const Value& input, const Arguments& given) {
  std::size_t used = 0;
  const auto next = [&]() -> const Value* {
    return used < given.positional.size() ? &given.positional[used++] : nullptr;
  };
  const Value* attribute = by_attribute ? next() : nullptr;
  if (by_attribute && !attribute) throw Fault{"selectattr: the name of an attribute is missing"};
  const Value* test_name = next();
  TestFunction test = nullptr;
  if (test_name) {
    test = test_name->as_text() ? find_test(test_name->as_text()->bytes) : nullptr;
    if (!test) throw Fault{fmt::format("no test named '{}'", to_text(*test_name).bytes)};
  }
  const Arguments rest{
      {given.positional.begin() + static_cast<std::ptrdiff_t>(used), given.positional.end()},
      given.keyword};
  Items kept;
  for (Value& item : walked(context, input)) {
    const Value value = attribute ? attribute_path(item, *attribute) : item;
    const bool passes = test ? test(context, value, rest) : truth(value);
    if (passes == keep) kept.push_back(std::move(item));
  }
  return Value::generator(std::move(kept));
}

Value batch_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("batch", given, {"linecount", "fill_with"});
  const std::int64_t size = p.integer(0, 0);
  if (size < 1) throw Fault{"batch: expected at least 1 item a batch"};
  Items batches, current;
  for (Value& item : walked(context, input)) {
    if (static_cast<std::int64_t>(current.size()) == size) {
      batches.push_back(Value::list(std::exchange(current, {})));
    }
    current.push_back(std::move(item));
  }
  if (!current.empty()) {
    const Value* fill = p.find(1);
    while (fill && !fill->is_none() && static_cast<std::int64_t>(current.size()) < size) {
      context.step();
      current.push_back(*fill);
    }
    batches.push_back(Value::list(std::move(current)));
  }
  return Value::generator(std::move(batches));
}

Value slice_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("slice", given, {"slices", "fill_with"});
  const std::int64_t slices = p.integer(0, 0);
  if (slices < 1) throw Fault{"slice: expected at least 1 slice"};
  context.step(slices);
  const Items items = walked(context, input);
  const auto count = static_cast<std::int64_t>(items.size());
  const std::int64_t each = count / slices, extra = count % slices;
  Items result;
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < slices; ++i) {
    const std::int64_t size = each + (i < extra ? 1 : 0);
    Items part(items.begin() + at, items.begin() + at + size);
    if (p.find(1) && !p.find(1)->is_none() && i >= extra) part.push_back(*p.find(1));
    result.push_back(Value::list(std::move(part)));
    at += size;
  }
  return Value::generator(std::move(result));
}

Value groupby_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("groupby", given, {"attribute", "default", "case_sensitive"});
  const bool case_sensitive = p.flag(2, false);
  const auto value_of = [&](const Value& item) {
    Value value = attribute_path(item, p.required(0));
    return value.is_undefined() && p.find(1) ? *p.find(1) : value;
  };
  const Items items = sorted(context, walked(context, input), false, [&](const Value& item) {
    return sort_key(value_of(item), nullptr, case_sensitive);
  });
  Items groups;
  for (std::size_t begin = 0; begin < items.size();) {
    const Value name = value_of(items[begin]);
    const Value key = sort_key(name, nullptr, case_sensitive);
    std::size_t end = begin;
    while (end < items.size() &&
           equal(sort_key(value_of(items[end]), nullptr, case_sensitive), key))
      ++end;
    groups.push_back(
        Value::tuple({name, Value::list({items.begin() + begin, items.begin() + end})}));
    begin = end;
  }
  return Value::list(std::move(groups));
}

}  // namespace

std::vector<FilterEntry> sequence_filters() {
  return {{"batch", batch_filter},
          {"count", length_filter},
          {"dictsort", dictsort_filter},
          {"first", first_filter},
          {"groupby", groupby_filter},
          {"items", items_filter},
          {"last", last_filter},
          {"length", length_filter},
          {"list", list_filter},
          {"map", map_filter},
          {"max", extreme_filter<true>},
          {"min", extreme_filter<false>},
          {"reject", select_filter<false, false>},
          {"rejectattr", select_filter<false, true>},
          {"reverse", reverse_filter},
          {"select", select_filter<true, false>},
          {"selectattr", select_filter<true, true>},
          {"slice", slice_filter},
          {"sort", sort_filter},
          {"sum", sum_filter},
          {"unique", unique_filter}};
}

}  // namespace bantam::jinja
