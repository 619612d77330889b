"""Golden renderings for the text room, from jinja2 as `transformers` configures it.

    python tools/golden/text_templates.py tests/golden/text

Reads template_sources.txt in that folder (templates of our own, one a construct or two, separated by lines of ====)
and writes what each gives for one set of variables; then renders chat templates over conversations.
"""
import json
import sys
from pathlib import Path

from transformers.utils.chat_template_utils import _compile_jinja_template, render_jinja_template

VARIABLES = {
    "s": "Hello, World", "n": 5, "f": 2.5, "l": [3, 1, 2], "none_": None, "t": True, "e": "",
    "d": {"b": 1, "a": [1, 2, {"x": None}], "C": "é\n\"q\""},
    "users": [{"name": "bob", "age": 3, "tags": ["a"]}, {"name": "Al", "age": 10}, {"name": "cy", "age": 3}],
}

# The chat template of SmolLM2-135M-Instruct (Apache-2.0).
SMOLLM2 = ("{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
           "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
           "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
           "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")

# The constructs that tool-using templates combine: macros, namespaces, marks, tojson, slices, reverse search.
TOOLS = """{%- macro show(value) -%}
    {%- if value is mapping -%}{{ value | tojson }}{%- elif value is string -%}"{{ value }}"{%- else -%}{{ value }}{%- endif -%}
{%- endmacro -%}
{{- bos_token }}
{%- if messages[0].role == 'system' %}
    {%- set system = messages[0].content | trim %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set system = 'None given.' %}
    {%- set rest = messages %}
{%- endif %}
{{- '<|im_start|>system\\n' + system }}
{%- if tools %}
    {{- '\\n# Tools' }}
    {%- for tool in tools %}
        {{- '\\n' }}{{ tool | tojson }}
        {%- for name, field in tool.function.parameters.properties | dictsort %}
            {{- '\\n- ' + name + ': ' + (field.type | upper) + (', one of ' + field.enum | join('/') if field.enum is defined else '') }}
        {%- endfor %}
    {%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- set ns = namespace(last_user=-1) %}
{%- for message in rest[::-1] %}
    {%- set index = (rest | length - 1) - loop.index0 %}
    {%- if ns.last_user < 0 and message.role == 'user' %}{% set ns.last_user = index %}{% endif %}
{%- endfor %}
{%- for message in rest %}
    {%- if message.role == 'assistant' %}
        {{- '<|im_start|>assistant\\n' }}
        {%- generation %}
            {%- if message.reasoning_content is string and loop.index0 > ns.last_user %}
                {{- '<think>\\n' + message.reasoning_content.strip('\\n') + '\\n</think>\\n' }}
            {%- endif %}
            {{- message.content.split('</think>')[-1].lstrip('\\n') }}
            {%- for call in message.tool_calls or [] %}
                {{- '<call>' + call.function.name + '(' }}
                {%- for key, value in call.function.arguments.items() %}
                    {{- key ~ '=' ~ show(value) }}{{ ', ' if not loop.last }}
                {%- endfor %}
                {{- ')</call>' }}
            {%- endfor %}
            {{- '<|im_end|>' }}
        {%- endgeneration %}
        {{- '\\n' }}
    {%- elif message.role == 'tool' %}
        {{- '<|im_start|>tool\\n' if loop.first or loop.previtem.role != 'tool' }}{{ message.content }}
        {{- '<|im_end|>\\n' if loop.last or loop.nextitem.role != 'tool' else '\\n' }}
    {%- else %}
        {{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}
{%- endif %}
"""

WEATHER = {"type": "function", "function": {
    "name": "weather", "description": "Weather of a city, \"now\" & à la carte",
    "parameters": {"type": "object", "required": ["city"], "properties": {
        "unit": {"type": "string", "enum": ["c", "f"]}, "city": {"type": "string"}, "days": {"type": "integer"}}}}}


def call(name, **arguments):
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}


CONVERSATIONS = {
    "user": [{"role": "user", "content": "Which bin takes paper?"}],
    "system": [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "Hé {{ 7*7 }} <|im_end|>\n"}],
    "turns": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "\nb "}, {"role": "user", "content": "c"},
              {"role": "assistant", "content": "<think>\nx\n</think>\n\nd", "reasoning_content": "\nhm\n"}],
    "tools": [{"role": "system", "content": "Use tools."}, {"role": "user", "content": "Rome and Oslo?"},
              {"role": "assistant", "content": "", "tool_calls": [call("weather", city="Rome", days=2),
                                                                  call("weather", city="Os\"lo", unit="c")]},
              {"role": "tool", "content": "{\"t\": 20}", "tool_call_id": "call_1"},
              {"role": "tool", "content": "-3", "tool_call_id": "call_2"},
              {"role": "assistant", "content": "20 and -3."}, {"role": "user", "content": "Thanks"}],
}


def main():
    out = Path(sys.argv[1])
    rows = []
    for source in (out / "template_sources.txt").read_text(encoding="utf-8").split("\n====\n"):
        try:
            rows.append({"template": source, "output": _compile_jinja_template(source).render(**VARIABLES)})
        except Exception as error:  # the text of an error is ours; that there is one is not
            rows.append({"template": source, "error": type(error).__name__})
    body = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    (out / "template_cases.json").write_text(
        f'{{"variables":{json.dumps(VARIABLES)},\n"cases":[\n{body}\n]}}\n', encoding="utf-8")

    chats = []
    for name, template in {"smollm2": SMOLLM2, "tools": TOOLS}.items():
        for title, messages in CONVERSATIONS.items():
            for tools in ([None] if name == "smollm2" else [None, [WEATHER]]):
                for prompt, extra in ((False, {}), (True, {}), (True, {"enable_thinking": False})):
                    output, spans = render_jinja_template(
                        [messages], tools=tools, chat_template=template, add_generation_prompt=prompt, bos_token="<s>",
                        return_assistant_tokens_mask=name == "tools", **extra)
                    chats.append({"template": name, "title": title, "messages": messages, "tools": tools,
                                  "add_generation_prompt": prompt, "variables": extra, "output": output[0]}
                                 | ({"generated": [output[0][a:b] for a, b in spans[0]]} if spans else {}))
    body = ",\n".join(json.dumps(chat, ensure_ascii=True) for chat in chats)
    templates = json.dumps({"smollm2": SMOLLM2, "tools": TOOLS})
    (out / "chat_cases.json").write_text(f'{{"templates":{templates},\n"cases":[\n{body}\n]}}\n', encoding="utf-8")


main()
