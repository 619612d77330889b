#include <chrono>

#include "bantam/base/files.h"
#include "bantam/base/process_memory.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/commands/tokenizer_texts.h"
#include "bantam/data/data_ref.h"
#include "bantam/model/save_tokenizer.h"
#include "bantam/text/training/count_tokens.h"
#include "bantam/text/training/train_tokenizer.h"

namespace bantam {

namespace {

struct TokenizeTrainOptions {
  std::string kind = "bpe";
  std::int64_t vocabulary = 32'000;
  TokenizerTexts texts;
  std::string split = "smollm";
  bool single_digits = false;
  bool lowercase = false;
  std::string normalize;
  std::int64_t minimum_frequency = 2;
  std::optional<std::int64_t> alphabet, seed_pieces;
  std::vector<std::string> special;
  double held_out = 0.01;
};

}  // namespace

template <>
void describe(Describer<TokenizeTrainOptions>& d) {
  using Options = TokenizeTrainOptions;
  d(&Options::kind, "kind", "How pieces become tokens.", OneOf{{"bpe", "wordpiece", "unigram"}});
  d(&Options::vocabulary, "vocab", "Tokens, with special ones and single characters or bytes.",
    between(std::int64_t{1}, std::int64_t{1} << 22));
  d.nested(&Options::texts);
  d(&Options::split, "split",
    "How text is cut before merging (bpe), by GGUF's name: gpt-2, smollm (each digit alone), "
    "llama-bpe, qwen2, gpt-4o and others.");
  d(&Options::single_digits, "single_digits", "Make each digit a token of its own.");
  d(&Options::lowercase, "lowercase", "Ignore case and accents (wordpiece).");
  d(&Options::normalize, "normalize",
    "Unicode form that texts get first (unigram): nfc or nfkc; none when unset.");
  d(&Options::minimum_frequency, "min_frequency", "What becomes a token occurs this often.",
    at_least(std::int64_t{1}));
  d(&Options::alphabet, "alphabet",
    "Characters kept, the most frequent; default: 1000 for wordpiece, 99.95 % of the text for "
    "unigram.",
    at_least(std::int64_t{1}));
  d(&Options::seed_pieces, "seed_pieces",
    "Substrings to choose from (unigram); default: ten for each token.",
    between(std::int64_t{1}, std::int64_t{1} << 24));
  d(&Options::special, "special",
    "Another special token, such as '<|im_end|>', after the usual ones; may be repeated.");
  d(&Options::held_out, "held_out", "Share of the text kept out of training and only measured.",
    between(0.0, 0.5));
}

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The corpus as counts. Every n-th block of text is held out.
struct CountedCorpus {
  WordCounts train, held_out;
  std::int64_t texts = 0, bytes = 0;
};

class CorpusReader {
 public:
  CorpusReader(const TokenizeTrainOptions& options, const WordSplit& split,
               const SpecialTokens& special)
      : options_(options),
        every_(options.held_out > 0 ? std::max(2LL, std::llround(1 / options.held_out)) : 0),
        train_(split, special.texts),
        held_out_(split, special.texts) {}

  CountedCorpus read(Session& session) {
    read_texts(session, options_.texts,
               [this](std::span<const std::string_view> texts) { add(texts); });
    return {train_.take(), held_out_.take(), texts_, bytes_};
  }

 private:
  void add(std::span<const std::string_view> texts) {
    std::vector<std::string_view> blocks, train, held_out;
    for (const std::string_view text : texts) {
      append_blocks(text, blocks);
      bytes_ += std::ssize(text);
    }
    texts_ += std::ssize(texts);
    for (const std::string_view block : blocks) {
      const bool kept_out = every_ > 0 && ++blocks_ % every_ == 0;
      (kept_out ? held_out : train).push_back(block);
    }
    train_.add(train);
    held_out_.add(held_out);
  }

  const TokenizeTrainOptions& options_;
  std::int64_t every_, blocks_ = 0;
  WordCounter train_, held_out_;
  std::int64_t texts_ = 0, bytes_ = 0;
};

class TokenizeTrain final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const Path out = session.shared().out.value_or("tokenizer");
    check_output(out, session.shared().force);
    const auto start = Clock::now();
    const WordSplit split = split_of_kind();
    const SpecialTokens special = special_tokens(split.kind);
    const CountedCorpus corpus = CorpusReader(options_, split, special).read(session);
    const double counting = seconds_since(start);
    const auto tokenizer =
        Tokenizer::from_vocabulary(train(corpus.train, split, special, session.progress()));
    const double seconds = seconds_since(start);
    save(*tokenizer, out);
    const TokenTotals train = count_tokens(*tokenizer, corpus.train);
    const TokenTotals held_out = count_tokens(*tokenizer, corpus.held_out);
    report(session, out, *tokenizer, corpus, train, held_out, counting, seconds);
    return 0;
  }

 private:
  void check_output(const Path& out, bool force) const {
    std::vector<Path> inputs;
    for (const std::string& text : options_.texts.data)
      inputs.emplace_back(parse_data_ref(text).path);
    require_fresh_output(out, force, inputs);
    if (std::filesystem::exists(out) && !std::filesystem::is_directory(out)) {
      throw usage_error("{}: expected the folder to write, found a file", escaped(out.native()));
    }
  }

  WordSplit split_of_kind() const {
    if (options_.kind == "wordpiece") {
      return word_piece_split(options_.lowercase, options_.single_digits);
    }
    if (options_.kind == "unigram") {
      return unigram_split(options_.normalize, options_.single_digits);
    }
    return byte_level_split(options_.split, options_.single_digits);
  }

  SpecialTokens special_tokens(TokenModelKind kind) const {
    SpecialTokens special = usual_special_tokens(kind);
    special.texts.insert(special.texts.end(), options_.special.begin(), options_.special.end());
    return special;
  }

  Vocabulary train(const WordCounts& words, const WordSplit& split, const SpecialTokens& special,
                   ProgressSink& progress) const {
    const TrainingOptions training{.vocabulary_size = options_.vocabulary,
                                   .minimum_frequency = options_.minimum_frequency,
                                   .alphabet_limit = options_.alphabet,
                                   .seed_pieces = options_.seed_pieces,
                                   .special = special,
                                   .progress = &progress};
    if (split.kind == TokenModelKind::word_piece) return train_word_piece(words, split, training);
    if (split.kind == TokenModelKind::unigram) return train_unigram(words, split, training);
    return train_byte_level_bpe(words, split, training);
  }

  /// What was written must read back as the same vocabulary.
  static void save(const Tokenizer& tokenizer, const Path& out) {
    std::filesystem::create_directories(out);
    save_tokenizer_files(tokenizer, nullptr, std::nullopt, out);
    const Path file = out / "tokenizer.json";
    const auto read = Tokenizer::from_tokenizer_json(read_file(file), file.string());
    if (read->vocabulary().tokens != tokenizer.vocabulary().tokens ||
        read->vocabulary().merges != tokenizer.vocabulary().merges) {
      throw internal_error("{}: reads back as another vocabulary", escaped(file.native()));
    }
  }

  void report(Session& session, const Path& out, const Tokenizer& tokenizer,
              const CountedCorpus& corpus, const TokenTotals& train, const TokenTotals& held_out,
              double counting, double seconds) const {
    const int size = tokenizer.vocabulary_size();
    if (size < options_.vocabulary) {
      session.progress().note(fmt::format(
          "the text gave {} tokens of the {} asked for: nothing else occurs {} times",
          with_commas(size), with_commas(options_.vocabulary), options_.minimum_frequency));
    }
    if (corpus.train.invalid_bytes > 0) {
      session.progress().note(fmt::format("left out {} bytes that are no UTF-8",
                                          with_commas(corpus.train.invalid_bytes)));
    }
    if (Run* run = session.run()) {
      run->log(0, "bytes_per_token", train.bytes_per_token());
      run->log(0, "held_out_bytes_per_token", held_out.bytes_per_token());
    }
    if (session.json()) {
      session.result({{"out", out.string()},
                      {"kind", options_.kind},
                      {"vocabulary", size},
                      {"texts", corpus.texts},
                      {"bytes", corpus.bytes},
                      {"words", corpus.train.words.size()},
                      {"bytes_per_token", train.bytes_per_token()},
                      {"held_out_bytes_per_token",
                       held_out.tokens > 0 ? Json(held_out.bytes_per_token()) : Json()},
                      {"seconds", seconds},
                      {"counting_seconds", counting},
                      {"peak_memory", peak_process_memory()}});
      return;
    }
    session.print("{}: {} tokens ({}) from {} of text, {} distinct words\n", out.string(),
                  with_commas(size), options_.kind,
                  format_bytes(static_cast<std::uint64_t>(corpus.bytes)),
                  with_commas(std::ssize(corpus.train.words)));
    session.print("bytes per token {:.3f}", train.bytes_per_token());
    if (held_out.tokens > 0) {
      session.print(", held out {:.3f} ({} tokens)", held_out.bytes_per_token(),
                    with_commas(held_out.tokens));
    }
    session.print("\n{} ({} counting words), {} of memory\n", format_duration(seconds),
                  format_duration(counting), format_bytes(peak_process_memory()));
    session.print("try it: bantam tokenize encode --pieces --tokenizer {} 'Hello there'\n",
                  (out / "tokenizer.json").string());
  }

  TokenizeTrainOptions options_;
};

}  // namespace

Command tokenize_train_command() {
  return {.name = "tokenize train",
          .group = CommandGroup::make_model,
          .summary = "Learn a tokenizer from text: byte-level BPE, WordPiece or Unigram.",
          .details =
              "Writes a folder with tokenizer.json and tokenizer_config.json, which the tokenizers "
              "and transformers libraries open. bpe and unigram give back every text they encode; "
              "wordpiece is BERT's. Special tokens that stand in the text are left out of it. The "
              "same text and options give the same file on any number of threads.",
          .examples = {{"bantam tokenize train --vocab 16000 --data corpus.jsonl -o my-tokenizer",
                        "Byte-level BPE."},
                       {"bantam tokenize train --kind unigram --vocab 8000 --data a.txt --data "
                        "b.jsonl -o small",
                        ""}},
          .shared = {"out", "force", "name", "no_run"},
          .recorded = true,
          .body = [] { return std::make_unique<TokenizeTrain>(); }};
}

}  // namespace bantam
