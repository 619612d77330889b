#include "bantam/text/built_in_templates.h"

#include <fmt/ranges.h>

#include "bantam/base/error.h"

namespace bantam {
namespace {

struct BuiltIn {
  std::string_view name, source;
};

constexpr BuiltIn templates[] = {
    {"chatml", R"({%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif -%}
)"},
    {"llama-3", R"({{- bos_token }}
{%- for message in messages -%}
{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content | trim + '<|eot_id|>' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif -%}
)"},
    {"gemma", R"({{- bos_token }}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{%- set ns.system = ns.system + message.content + '\n\n' -%}
{%- else -%}
{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else 'user') + '\n' }}
{%- if message.role != 'assistant' %}{{ ns.system }}{% set ns.system = '' %}{% endif -%}
{{ message.content | trim + '<end_of_turn>\n' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif -%}
)"},
    {"zephyr", R"({%- for message in messages -%}
{{ '<|' + message.role + '|>\n' + message.content + eos_token + '\n' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif -%}
)"},
    // For base models: words instead of special tokens.
    {"plain", R"({%- for message in messages -%}
{%- if message.role == 'assistant' %}{{ 'Assistant: ' + message.content + (eos_token if eos_token else '') + '\n' }}
{%- elif message.role == 'user' %}{{ 'User: ' + message.content + '\n' }}
{%- else %}{{ message.content + '\n\n' }}{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ 'Assistant: ' }}{% endif -%}
)"},
};

}  // namespace

std::string_view built_in_template(std::string_view name) {
  for (const BuiltIn& entry : templates) {
    if (entry.name == name) return entry.source;
  }
  throw usage_error("chat template: '{}' is unknown; the built-in ones are {}", escaped(name),
                    fmt::join(built_in_template_names(), ", "));
}

std::vector<std::string> built_in_template_names() {
  std::vector<std::string> names;
  for (const BuiltIn& entry : templates) names.emplace_back(entry.name);
  return names;
}

}  // namespace bantam
