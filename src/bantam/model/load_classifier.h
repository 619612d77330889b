// From a path to an encoder that labels texts or their tokens: with the head of its folder, with
// one that an adapter brings, or with a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/model/encoder_heads.h"
#include "bantam/model/peft_files.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct LoadedClassifier {
  std::shared_ptr<EncoderModel> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::int64_t longest = 0;  ///< tokens of a text, special ones included
  Path path;
  std::string name;                   ///< for people: file or folder name
  std::vector<std::string> warnings;  ///< extra tensors
};

/// An encoder with a head of `kind`, and its adapters. An adapter may bring the weights of the head
/// ("modules_to_save"); labels are then those of its "bantam" object, else LABEL_0, LABEL_1, ….
/// `reference` as in load_model(). Throws Error(input) for a model that is no encoder, and for one
/// without such a head, naming the one that it has.
LoadedClassifier load_classifier(const std::string& reference, HeadKind kind = HeadKind::sequence);

/// The kind of head that an adapter brings, by its task_type.
HeadKind head_kind_of(const PeftAdapter& adapter);
/// The kind of head that the model at `reference` has without its adapters; none for an encoder
/// alone.
std::optional<HeadKind> kind_of_head(const std::string& reference);
/// Labels of its head; empty for an encoder without one of `kind`.
std::vector<std::string> labels_of_head(const std::string& reference,
                                        HeadKind kind = HeadKind::sequence);

struct NewHead {
  HeadKind kind = HeadKind::sequence;
  std::vector<std::string> labels;
  std::string problem_type = {};  ///< as in HeadConfig
};
/// The encoder with a new head: random (random_encoder_head), but for what the files hold of it,
/// such as the pooler of BERT.
LoadedClassifier load_with_new_head(const std::string& reference, NewHead head, std::uint64_t seed);

/// PEFT files of `adapter` for the model, with the whole head, and the labels in "bantam".
void save_classifier_adapter(const LoadedClassifier& loaded, const Adapter& adapter,
                             const Path& folder);

}  // namespace bantam
