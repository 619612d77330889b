#include "bantam/cli/commands/encoder_writing.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "bantam/base/error.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/load_classifier.h"
#include "bantam/model/load_model.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/peft_files.h"
#include "bantam/model/save_model.h"
#include "bantam/model/save_tokenizer.h"

namespace bantam {
namespace {

// Rounding to four bits moves states by a tenth; states of other weights lie a whole apart.
constexpr double kMostDifference = 0.3;

Batch probe_batch(const LoadedEncoder& model) {
  std::vector<std::vector<std::int32_t>> texts, types;
  for (const std::string_view text :
       {kProbeText, kProbeText.substr(0, 42), kProbeText.substr(43)}) {
    ModelInput input = probe_input(*model.tokenizer, text, model.model->config().context);
    texts.push_back(std::move(input.ids));
    types.push_back(std::move(input.type_ids));
  }
  return make_encoder_batch(texts, types);
}

// Rows less their mean: how texts and tokens differ, without what they have in common.
std::vector<double> centered(const Tensor& rows) {
  std::vector<double> values = rows.values();
  const std::int64_t count = rows.size(0), width = rows.size(1);
  for (std::int64_t column = 0; column < width; ++column) {
    const auto at = [=](std::int64_t row) {
      return static_cast<std::size_t>(row * width + column);
    };
    double mean = 0;
    for (std::int64_t row = 0; row < count; ++row) mean += values[at(row)];
    mean /= static_cast<double>(count);
    for (std::int64_t row = 0; row < count; ++row) values[at(row)] -= mean;
  }
  return values;
}

double length(const std::vector<double>& values) {
  return std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
}

// |expected - found| as a share of |scale|.
std::string compare(const ModelOutput& output, const std::string& what, const Tensor& expected,
                    const Tensor& found, const std::vector<double>& scale) {
  std::vector<double> apart = expected.values();
  const std::vector<double> other = found.values();
  std::ranges::transform(apart, other, apart.begin(), std::minus<>());
  const double share = length(apart) / length(scale);
  const std::string verdict = fmt::format("{} differ by {:.2g} %", what, 100 * share);
  // Not a number is a difference, too.
  if (!(share <= kMostDifference)) reject(output, verdict);
  return verdict;
}

// Writes folder and head; what the scores differ by.
std::string write_with_head(const EncoderSource& source, const EncoderSource& model,
                            const ModelOutput& output) {
  if (output.is_gguf) {
    throw input_error("{}: GGUF has no place for the head, a {}; expected a folder as --out",
                      model.loaded.name, model.with_head->head().form->hf_class);
  }
  write_encoder_model(*model.with_head, output.path, std::get<DType>(output.type),
                      output.max_shard_bytes);
  save_tokenizer_files(
      *model.loaded.tokenizer, nullptr,
      model.loaded.sentences.longest.value_or(model.loaded.model->config().context), output.path);
  std::vector<std::string> warnings;
  const EncoderModel written = read_encoder_model(output.path, warnings);
  const Batch batch = probe_batch(source.loaded);
  const Tensor expected = source.with_head->logits(batch);
  return ", " +
         compare(output, "scores of the head", expected, written.logits(batch), expected.values());
}

std::string write(const EncoderSource& source, const EncoderSource& model, ModelOutput& output,
                  ProgressSink& progress) {
  if (model.with_head) return write_with_head(source, model, output);
  if (output.is_gguf) {
    output.take(save_gguf(model.loaded, output.path, output.type, "from " + model.loaded.name,
                          progress, output.max_shard_bytes));
  } else {
    save_hf_folder(model.loaded, output.path, std::get<DType>(output.type), progress,
                   output.max_shard_bytes);
  }
  return "";
}

std::shared_ptr<EncoderModel> with_own_head(const ModelReference& reference,
                                            const Architecture& family) {
  if (!std::filesystem::is_directory(reference.path) ||
      head_form_of(family, HfConfig::read(reference.path / "config.json")) == nullptr) {
    return nullptr;
  }
  std::vector<std::string> warnings;
  auto model = std::make_shared<EncoderModel>(read_encoder_model(reference.path, warnings));
  attach_adapters(model->encoder(), reference);
  return model;
}

// Its encoder is the one whose states are compared.
void set_head(EncoderSource& source, std::shared_ptr<EncoderModel> model) {
  source.with_head = std::move(model);
  source.loaded.model = {source.with_head, &source.with_head->encoder()};
}

}  // namespace

EncoderSource EncoderSource::merged() const {
  EncoderSource result{loaded, nullptr};
  if (with_head) {
    set_head(result, std::make_shared<EncoderModel>(*with_head));
    result.with_head->encoder().merge_adapters();
  } else {
    const auto model = std::make_shared<Transformer>(*loaded.model);
    model->merge_adapters();
    result.loaded.model = model;
  }
  return result;
}

EncoderSource read_encoder_source(const std::string& text) {
  EncoderSource source{load_encoder(text), nullptr};
  const ModelReference reference = resolve_model_reference(text);
  std::shared_ptr<EncoderModel> model;
  for (const AdapterReference& adapter : reference.adapters) {
    const PeftAdapter files = read_peft_adapter(adapter.path);
    if (files.saved.empty()) continue;
    model = load_classifier(text, head_kind_of(files)).model;
  }
  if (!model) model = with_own_head(reference, source.loaded.model->architecture());
  if (model) set_head(source, std::move(model));
  return source;
}

int write_encoder(Session& session, const EncoderSource& source, const EncoderSource& model,
                  const ModelWritingOptions& options, std::vector<Path> inputs) {
  inputs.push_back(source.loaded.path);
  ModelOutput output = model_output(session, options, std::move(inputs));
  std::string scores;
  save_until_interrupted(session, output, [&](ProgressSink& progress) {
    scores = write(source, model, output, progress);
  });
  const LoadedEncoder written = load_encoder(output.path.string());
  require_same_tokens(output, *source.loaded.tokenizer, *written.tokenizer);
  if (written.sentences.pooling != source.loaded.sentences.pooling) {
    reject(output, "its files ask for another pooling than the source's");
  }
  const Batch batch = probe_batch(source.loaded);
  const Tensor expected = source.loaded.model->hidden(batch);
  const std::string what = fmt::format("states of {} tokens", expected.size(0));
  const std::string states =
      compare(output, what, expected, written.model->hidden(batch), centered(expected));
  session.print("{}: {}{}\n", output.path.string(), states, scores);
  return 0;
}

}  // namespace bantam
