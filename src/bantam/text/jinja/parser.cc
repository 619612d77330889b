#include "bantam/text/jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "bantam/base/error.h"

namespace bantam::jinja {
namespace {

constexpr int nesting_limit = 100;

std::string describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::data:
      return "text";
    case Token::Kind::variable_begin:
      return "'{{'";
    case Token::Kind::variable_end:
      return "'}}'";
    case Token::Kind::block_begin:
      return "'{%'";
    case Token::Kind::block_end:
      return "'%}'";
    case Token::Kind::end:
      return "the end of the template";
    default:
      return fmt::format("'{}'", escaped(token.value, 60));
  }
}

/// Whether a macro's body mentions a name, which decides what it accepts.
void note_special_name(Macro& macro, const std::string& name) {
  macro.uses_caller |= name == "caller";
  macro.uses_varargs |= name == "varargs";
  macro.uses_kwargs |= name == "kwargs";
}

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view source)
      : reader_(tokenize(source)), expressions_(reader_) {}

  Body run() {
    Body body = statements({});
    if (!reader_.at(Token::Kind::end)) {
      throw reader_.fail(fmt::format("unexpected {}", describe(reader_.peek())));
    }
    return body;
  }

 private:
  using Words = std::vector<std::string_view>;

  template <class T>
  std::unique_ptr<T> make() const {
    auto node = std::make_unique<T>();
    node->line = reader_.peek().line;
    return node;
  }

  /// Statements up to a tag that begins with one of `ends`, whose word is then the next token.
  Body statements(const Words& ends) {
    const NestingGuard guard(reader_);
    Body body;
    for (;;) {
      if (reader_.at(Token::Kind::data)) {
        auto node = make<Data>();
        node->text = reader_.next().value;
        body.push_back(std::move(node));
      } else if (reader_.at(Token::Kind::variable_begin)) {
        reader_.next();
        auto node = make<Print>();
        node->value = expressions_.expressions();
        reader_.expect(Token::Kind::variable_end, "'}}'");
        body.push_back(std::move(node));
      } else if (reader_.at(Token::Kind::block_begin)) {
        reader_.next();
        if (std::any_of(ends.begin(), ends.end(),
                        [&](auto word) { return reader_.at_name(word); })) {
          return body;
        }
        body.push_back(statement());
      } else {
        if (!ends.empty()) {
          throw reader_.fail(fmt::format("expected '{{% {} %}}', found {}", ends.back(),
                                         describe(reader_.peek())));
        }
        return body;
      }
    }
  }

  /// The body of a block, its end tag included.
  Body block(std::string_view end) {
    end_of_tag();
    Body body = statements({end});
    reader_.next();
    end_of_tag();
    return body;
  }

  void end_of_tag() { reader_.expect(Token::Kind::block_end, "'%}'"); }

  StatementPointer statement() {
    const std::string tag = reader_.expect_name();
    if (tag == "if") return if_statement();
    if (tag == "for") return for_statement();
    if (tag == "set") return set_statement();
    if (tag == "macro") return macro_statement();
    if (tag == "call") return call_statement();
    if (tag == "filter") return filter_statement();
    if (tag == "with") return with_statement();
    if (tag == "generation") {
      auto node = make<Generation>();
      node->body = block("endgeneration");
      return node;
    }
    if (tag == "break" || tag == "continue") {
      auto node = make<LoopControl>();
      node->flow = tag == "break" ? Flow::break_loop : Flow::continue_loop;
      if (loops_ == 0) throw reader_.fail(fmt::format("'{}' outside a loop", tag));
      end_of_tag();
      return node;
    }
    throw reader_.fail(fmt::format("unknown tag '{}'", escaped(tag, 60)));
  }

  StatementPointer if_statement() {
    auto node = make<If>();
    for (;;) {
      ExpressionPointer condition = expressions_.expressions(false);
      end_of_tag();
      Body body = statements({"elif", "else", "endif"});
      node->branches.emplace_back(std::move(condition), std::move(body));
      const std::string word = reader_.next().value;
      if (word == "elif") continue;
      end_of_tag();
      if (word == "else") {
        node->otherwise = statements({"endif"});
        reader_.next();
        end_of_tag();
      }
      return node;
    }
  }

  StatementPointer for_statement() {
    auto node = make<For>();
    node->target = expressions_.target(false);
    if (!reader_.skip_name("in")) throw reader_.fail("expected 'in'");
    node->items = expressions_.expressions(false, "recursive");
    if (reader_.skip_name("if")) node->condition = expressions_.expression();
    node->recursive = reader_.skip_name("recursive");
    end_of_tag();
    ++loops_;
    node->body = statements({"else", "endfor"});
    --loops_;
    const bool has_else = reader_.next().value == "else";
    end_of_tag();
    if (has_else) {
      node->otherwise = statements({"endfor"});
      reader_.next();
      end_of_tag();
    }
    return node;
  }

  std::vector<std::unique_ptr<Filter>> filter_chain() {
    std::vector<std::unique_ptr<Filter>> filters;
    while (reader_.skip_op("|")) filters.push_back(expressions_.filter(nullptr));
    return filters;
  }

  StatementPointer set_statement() {
    const int line = reader_.peek().line;
    Target target = expressions_.target(true);
    if (reader_.skip_op("=")) {
      auto node = make<Set>();
      node->line = line;
      node->target = std::move(target);
      node->value = expressions_.expressions();
      end_of_tag();
      return node;
    }
    auto node = make<SetBlock>();
    node->line = line;
    node->target = std::move(target);
    node->filters = filter_chain();
    node->body = block("endset");
    return node;
  }

  void macro_signature(Macro& macro) {
    reader_.expect_op("(");
    while (!reader_.at_op(")")) {
      if (!macro.parameters.empty()) reader_.expect_op(",");
      macro.parameters.push_back(reader_.expect_name());
      if (reader_.skip_op("=")) {
        macro.defaults.push_back(expressions_.expression());
      } else if (!macro.defaults.empty()) {
        throw reader_.fail("a parameter without a default follows one with a default");
      }
    }
    reader_.expect_op(")");
  }

  /// The rest of a macro, whose special names are found by looking at its tokens.
  void macro_body(Macro& macro, std::string_view end) {
    std::size_t ahead = 0;
    for (int level = 1; level > 0; ++ahead) {
      const Token& token = reader_.peek(ahead);
      if (token.kind == Token::Kind::end) break;
      if (token.kind != Token::Kind::name) continue;
      const bool tag = ahead > 0 && reader_.peek(ahead - 1).kind == Token::Kind::block_begin;
      if (tag && end.substr(3) == token.value) ++level;
      if (tag && token.value == end) --level;
      note_special_name(macro, token.value);
    }
    const int loops = std::exchange(loops_, 0);
    macro.body = block(end);
    loops_ = loops;
  }

  StatementPointer macro_statement() {
    auto node = make<Macro>();
    node->name = reader_.expect_name();
    macro_signature(*node);
    macro_body(*node, "endmacro");
    return node;
  }

  StatementPointer call_statement() {
    auto node = make<CallBlock>();
    node->caller = make<Macro>();
    node->caller->name = "caller";
    if (reader_.at_op("(")) macro_signature(*node->caller);
    ExpressionPointer called = expressions_.unary(false);
    auto* call = dynamic_cast<Call*>(called.get());
    if (!call) throw reader_.fail("expected a call");
    called.release();
    node->call.reset(call);
    macro_body(*node->caller, "endcall");
    return node;
  }

  StatementPointer filter_statement() {
    auto node = make<FilterBlock>();
    node->filters.push_back(expressions_.filter(nullptr));
    for (auto& filter : filter_chain()) node->filters.push_back(std::move(filter));
    node->body = block("endfilter");
    return node;
  }

  StatementPointer with_statement() {
    auto node = make<With>();
    while (!reader_.at(Token::Kind::block_end)) {
      if (!node->variables.empty()) reader_.expect_op(",");
      Target target;
      target.name = reader_.expect_name();
      reader_.expect_op("=");
      node->variables.emplace_back(std::move(target), expressions_.expression());
    }
    node->body = block("endwith");
    return node;
  }

  TokenReader reader_;
  ExpressionParser expressions_;
  int loops_ = 0;
};

}  // namespace

Token TokenReader::next() {
  Token token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenReader::skip_op(std::string_view op) {
  if (!at_op(op)) return false;
  next();
  return true;
}

bool TokenReader::skip_name(std::string_view name) {
  if (!at_name(name)) return false;
  next();
  return true;
}

void TokenReader::expect_op(std::string_view op) {
  if (!skip_op(op)) throw fail(fmt::format("expected '{}', found {}", op, describe(peek())));
}

void TokenReader::expect(Token::Kind kind, std::string_view what) {
  if (!at(kind)) throw fail(fmt::format("expected {}, found {}", what, describe(peek())));
  next();
}

std::string TokenReader::expect_name() {
  if (!at(Token::Kind::name)) {
    throw fail(fmt::format("expected a name, found {}", describe(peek())));
  }
  return next().value;
}

Error TokenReader::fail(std::string message) const {
  return input_error("template line {}: {}", peek().line, message);
}

NestingGuard::NestingGuard(TokenReader& reader) : reader_(reader) {
  if (++reader_.nesting > nesting_limit) {
    --reader_.nesting;
    throw reader_.fail(fmt::format("nested deeper than {}", nesting_limit));
  }
}

Body parse_template(std::string_view source) { return TemplateParser(source).run(); }

}  // namespace bantam::jinja
