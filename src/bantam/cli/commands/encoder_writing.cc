#include "bantam/cli/commands/encoder_writing.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "bantam/base/error.h"
#include "bantam/model/encoder_heads.h"
#include "bantam/model/hf_config.h"
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

const HeadForm* head_of(const LoadedEncoder& model) {
  if (!std::filesystem::is_directory(model.path)) return nullptr;
  return head_form_of(model.model->architecture(), HfConfig::read(model.path / "config.json"));
}

// Writes folder and head; what the scores differ by.
std::string write_with_head(const LoadedEncoder& model, const ModelOutput& output) {
  std::vector<std::string> warnings;
  EncoderModel source = read_encoder_model(model.path, warnings);
  write_encoder_model(source, output.path, std::get<DType>(output.type));
  save_tokenizer_files(*model.tokenizer, nullptr,
                       model.sentences.longest.value_or(model.model->config().context),
                       output.path);
  const EncoderModel written = read_encoder_model(output.path, warnings);
  const Batch batch = probe_batch(model);
  const Tensor expected = source.logits(batch);
  return ", " +
         compare(output, "scores of the head", expected, written.logits(batch), expected.values());
}

std::string write(const LoadedEncoder& model, const ModelOutput& output, ProgressSink& progress) {
  const HeadForm* head = head_of(model);
  if (head != nullptr && output.is_gguf) {
    throw input_error("{}: GGUF has no place for the head of a {}; expected a folder as --out",
                      model.name, head->hf_class);
  }
  if (head != nullptr) return write_with_head(model, output);
  if (output.is_gguf) {
    save_gguf(model, output.path, output.type, "from " + model.name, progress);
  } else {
    save_hf_folder(model, output.path, std::get<DType>(output.type), progress);
  }
  return "";
}

}  // namespace

int write_encoder(Session& session, const LoadedEncoder& model,
                  const ModelWritingOptions& options) {
  const ModelOutput output = model_output(session, options, {model.path});
  const std::string scores = write(model, output, session.progress());
  const LoadedEncoder written = load_encoder(output.path.string());
  require_same_tokens(output, *model.tokenizer, *written.tokenizer);
  if (written.sentences.pooling != model.sentences.pooling) {
    reject(output, "its files ask for another pooling than the source's");
  }
  const Batch batch = probe_batch(model);
  const Tensor expected = model.model->hidden(batch);
  const std::string what = fmt::format("states of {} tokens", expected.size(0));
  const std::string states =
      compare(output, what, expected, written.model->hidden(batch), centered(expected));
  session.print("{}: {}{}\n", output.path.string(), states, scores);
  return 0;
}

}  // namespace bantam
