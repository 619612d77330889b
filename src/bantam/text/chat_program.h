// What a ChatTemplate holds, shared by rendering and by finding out what the assistant writes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bantam/text/chat_template.h"
#include "bantam/text/jinja/template.h"

namespace bantam {

/// How a template can be given the arguments of a tool call: some write the object out themselves,
/// others expect its JSON text, some do both.
struct ArgumentForms {
  bool text = true, object = true;
};

struct ChatTemplate::Program {
  std::shared_ptr<const jinja::Template> code;
  SpecialTexts tokens;
  ArgumentForms argument_forms;
  std::vector<std::string> warnings;

  /// Origins in the text are indices of messages; what came from tools, documents or variables has
  /// -1.
  jinja::Rendering render(std::span<const Message> messages, const RenderOptions& options) const;
};

}  // namespace bantam
