// What models write, read as answers of every family: nothing is lost and every argument is JSON.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bantam/base/json.h"
#include "bantam/text/response_format.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bantam;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const ResponseFormat& format : response_formats()) {
    const Message message = parse_response(text, format);
    if (message.tool_calls.is_null()) continue;
    for (const Json& call : message.tool_calls) {
      const Json& function = call["function"];
      if (function["name"].get<std::string>().empty()) __builtin_trap();
      const Json arguments = Json::parse(function["arguments"].get<std::string>());
      if (!arguments.is_object()) __builtin_trap();
    }
  }
  return 0;
}
