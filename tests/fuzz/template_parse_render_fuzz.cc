// Any bytes as a template, rendered over a small conversation: a text with sound origins, or an
// Error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/text/jinja/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bantam;
  static const Json messages = parse_json(
      R"([{"role":"system","content":"S <|x|>"},{"role":"user","content":"é {{ 1 }}"},
          {"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":[1,2.5,null]}}}]}])");
  try {
    const auto code = jinja::Template::parse({reinterpret_cast<const char*>(data), size});
    const auto rendering = code->render({{"messages", jinja::from_json(messages, 1)},
                                         {"n", jinja::Value::integer(INT64_MIN)},
                                         {"add_generation_prompt", jinja::Value::boolean(true)}},
                                        {.steps = 100'000, .output = 1 << 20, .total = 16 << 20});
    std::uint32_t at = 0;
    for (const jinja::Origin& origin : rendering.text.origins) {
      if (origin.begin < at || origin.end <= origin.begin) __builtin_trap();
      at = origin.end;
    }
    if (at > rendering.text.bytes.size()) __builtin_trap();
  } catch (const Error& error) {
    if (error.kind() == Error::Kind::internal) __builtin_trap();
  }
  return 0;
}
