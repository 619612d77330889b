// One message of a chat, in the OpenAI form of training files and of the HTTP interface.
#pragma once

#include <optional>
#include <string>

#include "bantam/base/json.h"

namespace bantam {

struct Message {
  std::string role;  ///< system, developer, user, assistant or tool
  /// Text parts of a content list are joined; the list itself stays in `extra["content"]` for
  /// templates that walk it.
  std::string content = {};
  std::string reasoning_content = {};  ///< private thought of an assistant turn
  Json tool_calls = {};                ///< null or an array
  std::string tool_call_id = {}, name = {};
  std::optional<double> weight = {};  ///< of the loss on an assistant turn; 0 makes it context only
  Json extra = Json::object();        ///< fields not named above, handed to templates as they are
};

/// Throws Error(input) naming the key, the allowed roles, or the type found. `thinking` and
/// `reasoning` are read as reasoning_content; content null counts as empty when there are tool
/// calls or a reasoning.
Message message_from_json(const Json& value);
/// Empty fields are left out; content never is.
Json message_to_json(const Message& message);

}  // namespace bantam
