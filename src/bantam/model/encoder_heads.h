// An encoder with a head: scores of labels for texts, pairs of texts and tokens, or of where an
// answer begins and ends. A head is data (HeadForm); it trains with the encoder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/model/architecture.h"
#include "bantam/model/safetensors.h"
#include "bantam/model/text_encoder.h"
#include "bantam/model/weights.h"

namespace bantam {

class HfConfig;

/// What a model states about its head.
struct HeadConfig {
  std::vector<std::string> labels;
  Pooling pooling = Pooling::first;
  Activation activation = Activation::tanh;
  bool has_dense = true;
  /// config.json's "problem_type", kept: which loss the head was trained with; "" when not stated.
  std::string problem_type;
};

/// What the scores of a head mean, as transformers' losses do.
enum class HeadOutput {
  classes,  ///< labels that exclude each other: softmax gives their probabilities
  labels,   ///< labels that apply or not, each for itself: sigmoid gives the probability of each
  number,   ///< the one score is the answer: a regression, or how well a pair goes together
};
/// By problem_type; where it says nothing, one label is a number and several are classes. Throws
/// Error(input) naming the known ones for another problem_type, and for a regression of several
/// numbers.
HeadOutput output_of(const HeadConfig& config);

/// Throws Error(input) when the family has no such head, naming those it has.
const HeadForm& head_form(const Architecture& family, HeadKind kind);
/// By the name in config.json's "architectures"; null for any other.
const HeadForm* head_form_of_class(const Architecture& family, std::string_view hf_class);

/// The head that config.json's "architectures" names; null for none.
const HeadForm* head_form_of(const Architecture& family, const HfConfig& config);

HeadConfig head_config_from_hf(const HfConfig& config, const HeadForm& form);
void head_config_to_hf(const HeadConfig& config, const HeadForm& form, bool dense_has_bias,
                       Json& json);

struct EncoderHead {
  const HeadForm* form = nullptr;
  HeadConfig config;
  LinearLayer dense;  ///< [D, D], or absent
  NormLayer norm;     ///< or absent
  LinearLayer output;

  /// States [T, D] of texts of `lengths` tokens -> [n, labels] of a sequence head, else
  /// [T, labels].
  Tensor forward(const Tensor& states, std::span<const std::int64_t> lengths,
                 const DecoderConfig& encoder, Taps* taps) const;
  /// In order of computation.
  std::vector<Parameter> parameters();
};

/// Its weights and biases by the names of Hugging Face's files.
std::vector<std::pair<std::string, Tensor>> tensors_of(const EncoderHead& head);

/// Throws Error(input) listing missing tensors, or naming site and shapes that do not fit.
EncoderHead read_encoder_head(const WeightSource& source, const HeadForm& form, HeadConfig config,
                              std::int64_t width);
/// Weights from a normal distribution of deviation 0.02, as transformers begins; biases 0.
EncoderHead random_encoder_head(const HeadForm& form, HeadConfig config, std::int64_t width,
                                std::uint64_t seed);

class EncoderModel {
 public:
  EncoderModel(TextEncoder encoder, EncoderHead head)
      : encoder_(std::move(encoder)), head_(std::move(head)) {}

  /// Sequence heads: [texts, labels]; token and span heads: [T, labels].
  Tensor logits(const Batch& batch, Taps* taps = nullptr) const;

  TextEncoder& encoder() { return encoder_; }
  const TextEncoder& encoder() const { return encoder_; }
  const EncoderHead& head() const { return head_; }
  EncoderHead& head() { return head_; }
  HeadKind kind() const { return head_.form->kind; }
  const std::vector<std::string>& labels() const { return head_.config.labels; }

  /// Those of the encoder, then those of the head.
  std::vector<Parameter> parameters();

 private:
  TextEncoder encoder_;
  EncoderHead head_;
};

/// A Hugging Face folder whose config.json names a class with a head
/// ("…ForSequenceClassification"). Throws Error(input) for one without, naming the classes of its
/// family.
EncoderModel read_encoder_model(const Path& folder, std::vector<std::string>& warnings);

/// config.json and weights in `dtype` (f32, bf16 or f16) as transformers reads them; the tokenizer
/// is the caller's.
void write_encoder_model(EncoderModel& model, const Path& folder, DType dtype,
                         std::uint64_t max_shard_bytes = kMaxShardBytes);

}  // namespace bantam
