// Many requests at once over one key/value store: whoever waits joins, whoever is done leaves,
// between any two steps.
//
// A step is one forward pass: the next token of every answer under way, and prompts in pieces, up
// to a budget of rows. What requests have in common is computed once: a prompt branches off the
// longest prefix that an earlier or running sequence already holds; n answers to one prompt branch
// off its end. Where rotations depend on the length of a text (RopePart), only texts that turn
// alike have anything in common, and an answer that grows past LongRoPE's switch is read again.
// Beams are not scheduled here (beam_search.h).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "bantam/generate/completion.h"
#include "bantam/model/causal_lm.h"
#include "bantam/nn/kv_store.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct GeneratorOptions {
  std::int64_t context = 0;      ///< tokens of one sequence; 0: what the model was trained for
  int max_batch = 8;             ///< answers under way at once
  std::int64_t step_rows = 512;  ///< rows of one forward pass at most
  int kept_sequences = 8;  ///< finished sequences whose keys and values stay for the next request
};

/// What a model and its files say about the tokens of answers.
struct AnswerTokens {
  std::vector<std::int32_t> end;     ///< sorted: end an answer
  std::vector<std::int32_t> hidden;  ///< never chosen: holes and padding of the vocabulary
};
AnswerTokens answer_tokens(const CausalLM& model, const Tokenizer& tokenizer,
                           const Json& generation_config);

class Scheduler {
 public:
  /// Calls come from step(), on its thread.
  struct Listener {
    std::function<void(int sample, std::string_view text)> on_text;
    std::function<bool()> cancelled;  ///< asked before each step
    std::function<void(Completion)> on_done;
  };

  Scheduler(std::shared_ptr<const CausalLM> model, std::shared_ptr<const Tokenizer> tokenizer,
            AnswerTokens tokens, const GeneratorOptions& options);
  ~Scheduler();

  /// Throws Error(input): an empty prompt, a token outside the vocabulary, or a prompt that leaves
  /// no room in the context, naming both numbers. Nothing is ever cut.
  void check(const Request& request) const;
  /// check(), then waits for its turn.
  void submit(Request request, Listener listener);
  /// One forward pass. False when there is nothing left to do.
  bool step();

  /// Forgets all requests and all that was kept: after a step that threw.
  void clear();

  std::int64_t context() const { return options_.context; }

 private:
  struct Job;
  struct Lane;
  struct Kept;
  struct Drawn;
  struct Pass;

  std::shared_ptr<const CausalLM> model_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  AnswerTokens tokens_;
  GeneratorOptions options_;
  KvStore store_;
  std::deque<std::shared_ptr<Job>> waiting_;  ///< prompt not begun
  std::vector<std::shared_ptr<Job>> read_;    ///< prompt read, answers to start
  std::list<Lane> lanes_;
  std::list<Kept> kept_;  ///< least recently used first

  void make_room(std::int64_t tokens);
  bool full() const { return lanes_.size() >= static_cast<std::size_t>(options_.max_batch); }
  void start_answers();
  void start_answer(const std::shared_ptr<Job>& job, KvStore::Sequence sequence);
  bool admit(const std::shared_ptr<Job>& job);
  void forward_lanes();
  std::int64_t tokens_to_read(std::int64_t pending, std::int64_t budget) const;
  void add(Lane& lane, std::int64_t count, Pass& pass) const;
  void forward(Pass& pass);
  Drawn draw(const Lane& lane, std::span<float> logits) const;
  void take(Lane& lane, std::span<const float> logits, const Drawn& drawn);
  void append_token(Lane& lane, const Drawn& drawn);
  void end_cancelled();
  void end_job(const std::shared_ptr<Job>& job);
  void remove_finished();
  void finish_answer(Lane& lane);
  void keep(Lane& lane);
};

}  // namespace bantam
