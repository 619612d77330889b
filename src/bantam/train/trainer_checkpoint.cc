// The trainer's way into and out of checkpoints.

#include <map>

#include "bantam/base/error.h"
#include "bantam/train/trainer.h"

namespace bantam {

NamedTensorList Trainer::weights() const {
  NamedTensorList list;
  for (const Parameter& parameter : parameters_.parameters()) {
    list.emplace_back(parameter.name, *parameter.tensor);
  }
  return list;
}

NamedTensorList Trainer::optimizer_tensors() const {
  NamedTensorList list;
  const auto names = optimizer_->state_names();
  for (std::size_t i = 0; i < parameters_.parameters().size(); ++i) {
    for (std::size_t slot = 0; slot < names.size(); ++slot) {
      list.emplace_back(fmt::format("{}/{}", parameters_.parameters()[i].name, names[slot]),
                        optimizer_state_[i][slot]);
    }
  }
  return list;
}

void Trainer::save() {
  Json state = state_.to_json();
  state["nonfinite"] = nonfinite_.to_json();
  state["options"] = deciding_options(options_);
  state["data_sha256"] = data_hash_;
  state["log_bytes"] = log_->sync();
  store_->save({state_.step, std::move(state), weights(), optimizer_tensors()},
               [this](std::string_view point) { at(point); });
  saved_step_ = state_.step;
}

bool Trainer::resume() {
  if (!store_) throw internal_error("resume: this trainer has no folder");
  std::optional<Checkpoint> checkpoint = store_->newest();
  if (!checkpoint) return false;
  restore(std::move(*checkpoint));
  return true;
}

void Trainer::require_same_run(const Json& state) const {
  const Json now = deciding_options(options_);
  const Json& then = state.at("options");
  for (const auto& [key, value] : now.items()) {
    if (then.contains(key) && then[key] == value) continue;
    throw usage_error(
        "{}: the run began with {} = {}, now it is {}; a resumed run keeps its "
        "options",
        escaped(folder_.native()), key, then.contains(key) ? dump_json(then[key]) : "(unknown)",
        dump_json(value));
  }
  const std::string before = state.at("data_sha256").get<std::string>();
  if (before == data_hash_) return;
  const std::string text = fmt::format(
      "data changed: the run began with examples of SHA-256 {}, now it is {}", before, data_hash_);
  if (!options_.checkpoints.accept_data_change) {
    throw input_error("{}; --accept-data-change goes on with the new data", text);
  }
  progress_.note(text + "; going on, as --accept-data-change asks");
}

void Trainer::restore(Checkpoint checkpoint) {
  require_same_run(checkpoint.state);
  std::map<std::string, Tensor> saved;
  for (auto* list : {&checkpoint.weights, &checkpoint.optimizer}) {
    for (auto& [name, tensor] : *list) saved.emplace(name, std::move(tensor));
  }
  const auto copy = [&](const std::string& name, Tensor& to) {
    const auto found = saved.find(name);
    if (found == saved.end() || !(found->second.shape() == to.shape()) ||
        found->second.dtype() != to.dtype()) {
      throw input_error(
          "{}: checkpoint {} has {} {}, this model needs {}; it was made for another "
          "model or selection",
          escaped(folder_.native()), checkpoint.step,
          found == saved.end() ? "no" : found->second.shape().text(), name, to.shape().text());
    }
    to.copy_from(found->second);
  };
  NamedTensorList own = weights(), own_state = optimizer_tensors();
  for (NamedTensorList* list : {&own, &own_state}) {
    for (auto& [name, tensor] : *list) copy(name, tensor);
  }
  if (saved.size() != own.size() + own_state.size()) {
    throw input_error(
        "{}: checkpoint {} has {} tensors, this run trains {}; it was made for "
        "another selection of weights",
        escaped(folder_.native()), checkpoint.step, saved.size(), own.size() + own_state.size());
  }
  state_ = TrainingState::from_json(checkpoint.state);
  nonfinite_.restore(checkpoint.state.at("nonfinite"));
  log_.emplace(folder_, checkpoint.state.at("log_bytes").get<std::uint64_t>());
  saved_step_ = state_.step;
  progress_.note(fmt::format("resumed after step {}", with_commas(state_.step)));
}

}  // namespace bantam
