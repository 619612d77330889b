// The environment that Hugging Face's tools honour, read the way they read it.
#pragma once

#include <string>
#include <string_view>

#include "bantam/base/files.h"

namespace bantam {

struct HubSettings {
  /// HF_ENDPOINT, else https://huggingface.co; without a slash at the end.
  std::string endpoint;
  /// HF_TOKEN, else the file HF_TOKEN_PATH, else $HF_HOME/token; "" for none, and always with
  /// HF_HUB_DISABLE_IMPLICIT_TOKEN. Never part of a message.
  std::string token;
  std::string token_source;  ///< for messages: "HF_TOKEN", or the file
  /// The variable that keeps away from the hub: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE; "" if none.
  std::string offline;
  double metadata_seconds = 10;  ///< HF_HUB_ETAG_TIMEOUT: longest silence before a listing
  double download_seconds = 30;  ///< HF_HUB_DOWNLOAD_TIMEOUT: longest silence within a file
  bool links = true;             ///< false with HF_HUB_DISABLE_SYMLINKS: copies instead
};

/// Throws Error(usage) naming the variable whose value cannot be meant, and Error(input) when the
/// token's file cannot be read.
HubSettings hub_settings();

/// Where Hugging Face's tools keep what they fetched: $HF_HUB_CACHE, else $HF_HOME/hub, else
/// $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub.
Path hub_cache_folder();

}  // namespace bantam
