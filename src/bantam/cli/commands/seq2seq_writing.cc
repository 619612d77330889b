#include "bantam/cli/commands/seq2seq_writing.h"

#include <algorithm>

#include "bantam/generate/seq2seq_answer.h"
#include "bantam/model/save_model.h"

namespace bantam {
namespace {

constexpr std::int64_t kAnswerTokens = 24;

using Tokens = std::vector<std::int32_t>;

Tokens answer_of(const LoadedSeq2Seq& loaded, const Tokens& text) {
  Seq2SeqOptions options;
  options.max_tokens = std::min(kAnswerTokens, loaded.model->config().context - 1);
  options.ignore_eos = true;
  return answer_text(loaded, text, options).choices.front().tokens;
}

Tensor logits_of(const Seq2SeqModel& model, const Tokens& text, const Tokens& read) {
  return model.logits(model.hidden(make_seq2seq_batch(model.encode({&text, 1}), {&read, 1})));
}

ExportCheck compare(const LoadedSeq2Seq& expected, const LoadedSeq2Seq& found, const Tokens& text,
                    const Tokens& answer) {
  Tokens read = {expected.tokens.start};
  read.insert(read.end(), answer.begin(), answer.end());
  ExportCheck check;
  compare_choices(logits_of(*expected.model, text, read), logits_of(*found.model, text, read),
                  answer, check);
  return check;
}

}  // namespace

int write_seq2seq(Session& session, const LoadedSeq2Seq& source, const LoadedSeq2Seq& model,
                  const ModelWritingOptions& options, std::vector<Path> inputs) {
  inputs.push_back(source.path);
  ModelOutput output = model_output(session, options, std::move(inputs));
  save_until_interrupted(session, output, [&](ProgressSink& progress) {
    if (output.is_gguf) {
      output.take(save_gguf(model, output.path, output.type, "from " + model.name, progress,
                            output.max_shard_bytes));
    } else {
      save_seq2seq(model, output.path, std::get<DType>(output.type), progress,
                   output.max_shard_bytes);
    }
  });
  const LoadedSeq2Seq written = load_seq2seq(output.path);
  if (written.tokens.to_json() != model.tokens.to_json()) {
    reject(output, "answers begin or end with other tokens than the source's");
  }
  require_same_tokens(output, *source.tokenizer, *written.tokenizer);
  const DecoderConfig& encoder = *source.model->config().encoder;
  const Tokens text = probe_input(*source.tokenizer, kProbeText, encoder.context).ids;
  const Tokens answer = answer_of(source, text), again = answer_of(written, text);
  const auto same = std::ranges::mismatch(answer, again).in1 - answer.begin();
  session.print("{}: {}, {} of {} tokens of an answer are the same\n", output.path.string(),
                agreement(session, output, compare(source, written, text, answer), *model.model,
                          *written.model),
                same, answer.size());
  return 0;
}

}  // namespace bantam
