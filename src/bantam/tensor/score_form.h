// How a product becomes a score: of a query and a key in attention, of a hidden state and a row of
// the output head in logits.
#pragma once

namespace bantam {

/// scale * product, and then, where softcap is not 0, softcap * tanh(score / softcap): scores stay
/// between -softcap and softcap (Gemma 2, arXiv:2408.00118, section 2).
struct ScoreForm {
  float scale, softcap;
  ScoreForm(float scale, float softcap = 0) : scale(scale), softcap(softcap) {}
  bool capped() const { return softcap != 0; }
  bool operator==(const ScoreForm&) const = default;
};

}  // namespace bantam
