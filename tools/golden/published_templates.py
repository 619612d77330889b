"""Published chat templates over eight conversations, as jinja2 renders them in `transformers`.

    pip install trl==1.16.0 --no-deps --target FOLDER
    python tools/golden/published_templates.py FOLDER/trl/chat_templates templates.json
    BANTAM_GOLDEN_TEMPLATES=templates.json build/release/bantam_test_text --gtest_filter='*PublishedTemplates*'

The first argument may be any folder of *.jinja files. Of templates that print the date, the test takes those
of the same day.
"""
import datetime
import json
import sys
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

SEARCH = {"type": "function", "function": {
    "name": "search", "description": "Finds pages.\nTwo lines, \"quotes\" & <tags> à la carte",
    "parameters": {"type": "object", "required": ["query"], "properties": {
        "query": {"type": "string", "description": "What to look for"},
        "limit": {"type": "integer", "default": 5, "minimum": 1},
        "exact": {"type": "boolean"},
        "kinds": {"type": "array", "items": {"type": "string", "enum": ["web", "news"]}, "description": "Kinds"},
        "span": {"type": "object", "properties": {"from": {"type": "string"}, "to": {"type": ["string", "null"]}},
                 "required": ["from"]},
        "either": {"anyOf": [{"type": "string"}, {"type": "number"}], "nullable": True}}},
    "return": {"type": "string", "description": "Pages"}}}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "The time",
                                          "parameters": {"type": "object", "properties": {}}}}


def call(name, number=1, **arguments):
    return {"id": f"call{number:05}", "type": "function", "function": {"name": name, "arguments": arguments}}


CONVERSATIONS = {
    "user": ([{"role": "user", "content": "Which bin takes paper?"}], None),
    "system": ([{"role": "system", "content": " Be brief. "},
                {"role": "user", "content": "Hé {{ 7*7 }} <|im_end|>\n\n 你好 \U0001f642"}], None),
    "turns": ([{"role": "system", "content": "S"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "\nb "},
               {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}, {"role": "user", "content": "e"}], None),
    "reasoning": ([{"role": "user", "content": "1+1?"},
                   {"role": "assistant", "content": "2", "reasoning_content": "\nOne and one.\n", "thinking": "One and one."},
                   {"role": "user", "content": "2+2?"},
                   {"role": "assistant", "content": "<think>\ntwo and two\n</think>\n\n4"}], None),
    "tools": ([{"role": "system", "content": "Use tools."}, {"role": "user", "content": "Rome's news?"},
               {"role": "assistant", "content": "", "tool_calls": [call("search", query="Ro\"me", limit=2)]},
               {"role": "tool", "content": "{\"t\": [20, null]}", "tool_call_id": "call00001", "name": "search"},
               {"role": "assistant", "content": "It is 20."}, {"role": "user", "content": "Thanks"}], [SEARCH, CLOCK]),
    "parallel calls": ([{"role": "user", "content": "Both"},
                        {"role": "assistant", "content": "I look.", "reasoning_content": "Two calls.", "tool_calls": [
                            call("search", 1, query="a\nb", exact=True, kinds=["web", "news"], span={"from": "1", "to": None}),
                            call("clock", 2), call("search", 3, query="<é>", either=-1.5e-7)]},
                        {"role": "tool", "content": "x", "tool_call_id": "call00001", "name": "search"},
                        {"role": "tool", "content": "12:00", "tool_call_id": "call00002", "name": "clock"},
                        {"role": "tool", "content": "", "tool_call_id": "call00003", "name": "search"}], [SEARCH, CLOCK]),
    "content lists": ([{"role": "system", "content": [{"type": "text", "text": "S"}]},
                       {"role": "user", "content": [{"type": "text", "text": "see "}, {"type": "image"},
                                                    {"type": "text", "text": "this"}]},
                       {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
                       {"role": "user", "content": [{"type": "text", "text": "Sure?"}]}], None),
    "missing fields": ([{"role": "developer", "content": "D"}, {"role": "user", "content": "now"},
                        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "clock", "arguments": {}}}]},
                        {"role": "tool", "content": "noon"}, {"role": "user", "content": ""}],
                       [{"type": "function", "function": {"name": "clock", "parameters": {}}}]),
}
VARIANTS = [(False, {}), (True, {}), (True, {"enable_thinking": False}), (True, {"enable_thinking": True})]


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    templates, cases = {}, []
    date = datetime.date.today().isoformat()
    for path in sorted(folder.glob("*.jinja")):
        templates[path.stem] = path.read_text(encoding="utf-8")
        for title, (messages, tools) in CONVERSATIONS.items():
            for prompt, variables in VARIANTS:
                case = {"template": path.stem, "title": title, "messages": messages, "tools": tools,
                        "add_generation_prompt": prompt, "variables": variables}
                try:
                    case["output"] = render_jinja_template(
                        [messages], tools=tools, chat_template=templates[path.stem], add_generation_prompt=prompt,
                        bos_token="<s>", eos_token="</s>", **variables)[0][0]
                except Exception as error:  # the text of an error is ours; that there is one is not
                    case["error"] = f"{type(error).__name__}: {error}"
                cases.append(case)
    out.write_text(json.dumps({"date": date, "templates": templates, "cases": cases}), encoding="utf-8")
    failed = sum("error" in case for case in cases)
    print(f"{len(templates)} templates, {len(cases)} cases, {failed} that the template refuses")


main()
