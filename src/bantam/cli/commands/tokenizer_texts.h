// What `tokenize train` and `tokenize compare` read: every text of data files, a file at a time.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/options.h"
#include "bantam/cli/session.h"

namespace bantam {

struct TokenizerTexts {
  std::vector<std::string> data;
  std::vector<std::string> map;
  int skip_bad = 0;
};

template <>
void describe(Describer<TokenizerTexts>& d);

/// Calls take(texts) for each file; the texts live only during the call. Notes what reading met.
/// Throws Error(usage) when no data is given, and what reading throws.
void read_texts(Session& session, const TokenizerTexts& options,
                const std::function<void(std::span<const std::string_view>)>& take);

}  // namespace bantam
