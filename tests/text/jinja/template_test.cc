#include "bantam/text/jinja/template.h"

#include <gmock/gmock.h>
#include <time.h>

#include "tests/text/error_text.h"
#include "tests/text/golden_file.h"

namespace bantam::jinja {
namespace {

using testing::HasSubstr;

std::vector<std::pair<std::string, Value>> variables_of(const Json& json) {
  std::vector<std::pair<std::string, Value>> variables;
  for (const auto& [name, value] : json.items()) variables.emplace_back(name, from_json(value, 0));
  return variables;
}

std::string render(std::string_view source, const Json& variables = Json::object()) {
  return Template::parse(source)->render(variables_of(variables)).text.bytes;
}

std::string refusal(std::string_view source, const Json& variables = Json::object()) {
  return error_of([&] { render(source, variables); });
}

double seconds_of(const std::function<void()>& action) {
  const clock_t start = clock();
  action();
  return static_cast<double>(clock() - start) / CLOCKS_PER_SEC;
}

TEST(JinjaTemplate, EveryConstructEqualsJinja2) {
  const Json golden = golden_json("template_cases.json");
  ASSERT_GT(golden["cases"].size(), 70u);
  for (const Json& entry : golden["cases"]) {
    const auto source = entry["template"].get<std::string>();
    if (entry.contains("output")) {
      EXPECT_EQ(render(source, golden["variables"]), entry["output"].get<std::string>()) << source;
    } else {
      EXPECT_NE(refusal(source, golden["variables"]), "(nothing thrown)") << source;
    }
  }
}

TEST(JinjaTemplate, ValuesHaveNoHostAttributes) {  // C1
  EXPECT_EQ(render("{{ ''.__class__ }}"), "");
  for (const char* source :
       {"{{ ''.__class__.__mro__ }}", "{{ cycler.__init__.__globals__ }}",
        "{{ x|attr('__class__')|attr('__mro__')|first.a }}", "{{ ''['__class__']['__mro__'] }}",
        "{{ range.__globals__['os'] }}", "{{ namespace().__init__.__globals__ }}",
        "{{ [].append(1) }}", "{{ {}.update({}) }}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}", "{{ ({}|attr('pop'))() }}"}) {
    EXPECT_THAT(refusal(source, {{"x", "a"}}), HasSubstr("line 1")) << source;
  }
}

TEST(JinjaTemplate, DeepNestingIsRefusedNamingTheLine) {  // C2
  EXPECT_THAT(refusal("\n{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
              HasSubstr("line 2: macro \\x27f\\x27 called deeper than 100"));
  const auto repeat = [](std::string_view text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  EXPECT_THAT(refusal("\n{{ " + repeat("(", 100'000) + "1" + repeat(")", 100'000) + " }}"),
              HasSubstr("line 2: nested deeper than 100"));
  const std::string end = " }}";
  for (const std::string& source :
       {"{{ " + repeat("[", 100'000) + repeat("]", 100'000) + end,
        "{{ " + repeat("{1:", 50'000) + "1" + repeat("}", 50'000) + end,
        repeat("{% if 1 %}", 50'000), "{{ " + repeat("not ", 100'000) + "1" + end,
        "{{ " + repeat("- ", 100'000) + "1" + end,
        "{{ " + repeat("1 if 1 else ", 50'000) + "1" + end,
        "{{ x" + repeat("(x", 50'000) + repeat(")", 50'000) + end,
        repeat("{% for x in y %}", 50'000),
        "{% set " + repeat("(", 50'000) + "x" + repeat(")", 50'000) + " = 1 %}",
        "{{ 1" + repeat(" is eq(1", 50'000) + repeat(")", 50'000) + end}) {
    EXPECT_THAT(refusal(source), HasSubstr("deeper than")) << source.substr(0, 20);
  }
  for (const std::string& chain :
       {"{{ 1" + repeat("+1", 100'000) + " }}", "{{ x" + repeat(".a", 100'000) + " }}",
        "{{ x" + repeat("|string", 50'000) + " }}", "{{ 1" + repeat(" or 1", 50'000) + " }}",
        "{{ 2" + repeat("**1", 50'000) + " }}", "{{ x" + repeat("[0]", 50'000) + " }}"}) {
    EXPECT_THAT(refusal(chain), HasSubstr("deeper than")) << chain.substr(0, 20);
  }
}

TEST(JinjaTemplate, ArithmeticFailsWithALineAndNoSignal) {  // C3
  const Json smallest = {{"m", INT64_MIN}, {"z", 0}};
  for (const char* source :
       {"{{ 1 / z }}", "{{ 1 // z }}", "{{ 1 % z }}", "{{ 1.0 / z }}", "{{ 1.0 % 0.0 }}",
        "{{ m // -1 }}", "{{ -m }}", "{{ m - 1 }}", "{{ m * -1 }}", "{{ m|abs }}", "{{ 0 ** -1 }}",
        "{{ 10 ** 400 }}", "{{ 10.0 ** 400 }}", "{{ 5 is divisibleby(z) }}",
        "{{ 9223372036854775808 }}"}) {
    EXPECT_THAT(refusal(source, smallest), HasSubstr("line 1")) << source;
  }
  EXPECT_EQ(render("{{ m % -1 }} {{ m is divisibleby(-1) }}", smallest), "0 True");
  EXPECT_EQ(render("{{ m % 3 }} {{ m % 9223372036854775807 }} {{ -7 % 3 }} {{ 7 % -3 }}", smallest),
            "1 9223372036854775806 2 -2");
}

TEST(JinjaTemplate, BudgetsEndWhatTakesTooLong) {  // C4
  const Json text = {{"s", std::string(100'000, 'a')}};
  for (const char* source :
       {"{{ range(10**12) }}",
        "{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}",
        "{{ 'a' * 10**9 }}", "{{ [1] * 10**12 }}", "{{ ('a' * 10**6) * 10**6 }}",
        "{% set ns = namespace(s='a') %}{% for i in range(1000) %}{% set ns.s = ns.s ~ ns.s %}{% "
        "endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(1000) %}{% set ns.l = ns.l + ns.l %}{% "
        "endfor %}",
        "{% for i in range(10000) %}{{ s }}{% endfor %}", "{{ s.replace('', s) }}",
        "{{ s|replace('a', s) }}",
        "{% for i in range(100000) %}{% for c in s %}{% endfor %}{% endfor %}",
        "{{ 'x'|center(10**15) }}", "{{ 'x'.ljust(9223372036854775807) }}",
        "{{ [s] * 1000 | join(s) }}", "{{ '%999999999d' % 1 }}",
        "{% for i in range(100000) %}{% set x = s|upper %}{% endfor %}",
        "{{ [1]|batch(10**15, 0)|list }}",
        "{% for i in range(100000) %}{{ s.split('a')|length }}{% endfor %}",
        "{{ [[1]*1000]*1000|tojson }}"}) {
    std::string message;
    EXPECT_LT(seconds_of([&] { message = refusal(source, text); }), 3.0) << source;
    EXPECT_THAT(message, HasSubstr("template line 1")) << source;
  }
}

TEST(JinjaTemplate, RaisedTextIsEscapedAndCut) {  // C5
  const std::string message = refusal("{{ raise_exception('\x1b[2J' + 'x' * 5000) }}");
  EXPECT_THAT(message, HasSubstr("\\x1b"));
  EXPECT_LT(message.size(), 700u);
}

TEST(JinjaTemplate, DataIsNeverRendered) {  // C7
  EXPECT_EQ(render("{{ s }}", {{"s", "{{ 7*7 }}{% raw %}"}}), "{{ 7*7 }}{% raw %}");
}

TEST(JinjaTemplate, LargeSourcesAndCyclesAreRefused) {  // C9
  EXPECT_THAT(error_of([] { Template::parse(std::string((1 << 20) + 1, 'x')); }),
              HasSubstr("at most 1,048,576 bytes"));
  EXPECT_THAT(refusal("{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns }}"),
              HasSubstr("cyclic value"));
  EXPECT_THAT(refusal("{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = "
                      "[ns.x] %}{% endfor %}"),
              HasSubstr("nested deeper"));
  EXPECT_THAT(error_of([] { Template::parse("\xFF"); }), HasSubstr("not UTF-8"));
}

TEST(JinjaTemplate, SyntaxErrorsNameTheLine) {
  for (const char* source : {"\n{% if x %}",
                             "\n{{ x",
                             "\n{% for x y %}{% endfor %}",
                             "\n{% nope %}",
                             "\n{{ x|nope }}",
                             "\n{{ x is nope }}",
                             "\n{{ ) }}",
                             "\n{{ 'abc }}",
                             "\n{# abc",
                             "\n{% endif %}",
                             "\n{% include 'x' %}",
                             "\n{% set 1 = 2 %}",
                             "\n{% break %}",
                             "\n{{ }}",
                             "\n{{ x[1:2:3:4] }}",
                             "\n{{ f(a=1, 2) }}",
                             "\n{% raw %}x",
                             "\n{% macro m(a=1, b) %}{% endmacro %}",
                             "\n{{ 'a' '\\ud800' }}",
                             "\n{{ `x` }}",
                             "\n{{ x. }}",
                             "\n{% set true = 1 %}"}) {
    EXPECT_THAT(error_of([&] { Template::parse(source); }), HasSubstr("template line 2")) << source;
  }
}

TEST(JinjaTemplate, RemembersWhoWroteWhat) {
  const auto origins = [](std::string_view source, const std::string& text) {
    const Text out =
        Template::parse(source)->render({{"s", Value::text(Text::from(text, 4))}}).text;
    std::string marked(out.bytes.size(), '.');
    for (const Origin& origin : out.origins) {
      EXPECT_EQ(origin.source, 4);
      for (std::size_t i = origin.begin; i < origin.end; ++i) marked[i] = '#';
    }
    return out.bytes + "|" + marked;
  };
  EXPECT_EQ(origins("a{{ s }}b", "xy"), "axyb|.##.");
  EXPECT_EQ(origins("{{ 'a' + s[1:] ~ 'b' }}", "xyz"), "ayzb|.##.");
  EXPECT_EQ(origins("{{ s | trim | upper }}!", " x "), "X!|#.");
  EXPECT_EQ(origins("{{ s.split(',') | join('+') }}", "x,y"), "x+y|#.#");
  EXPECT_EQ(origins("{{ s | replace('x', '--') }}", "axb"), "a--b|#..#");
  EXPECT_EQ(origins("{{ {'k': s} | tojson }}", "\"y"), "{\"k\": \"\\\"y\"}|.......###..");
  EXPECT_EQ(origins("{{ [s] }}", "y"), "['y']|..#..");
  EXPECT_EQ(
      origins("{% set b %}<{{ s }}>{% endset %}{% macro m(x) %}({{ x }}){% endmacro %}{{ m(b) }}",
              "y"),
      "(<y>)|..#..");
  EXPECT_EQ(origins("{{ '<%s>' % s }}{{ s[::-1] }}", "yz"), "<yz>zy|.##.##");
  EXPECT_EQ(origins("{{ s | indent(2) }}{{ s | title }}", "y\nz"), "y\n  zY\nZ|#...####");
}

TEST(JinjaTemplate, GenerationBlocksAreRanges) {
  const auto out =
      Template::parse("a{% generation %}bc{% endgeneration %}d{% generation %}e{% endgeneration %}")
          ->render({});
  EXPECT_THAT(out.generated, testing::ElementsAre(std::pair(1u, 3u), std::pair(4u, 5u)));
}

TEST(JinjaTemplate, StrftimeUsesTheGivenTime) {
  const auto out = Template::parse("{{ strftime_now('%Y') }}")->render({}, {}, 86400 * 200);
  EXPECT_EQ(out.text.bytes, "1970");
}

}  // namespace
}  // namespace bantam::jinja
