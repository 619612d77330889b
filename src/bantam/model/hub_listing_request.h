// Asking the hub for a model's listing, and saying what its refusals mean.
#pragma once

#include "bantam/model/hub_download.h"
#include "bantam/model/hub_listing.h"

namespace bantam {

/// The listing of `name` at its revision. Throws Error(network) that says what to do: no network,
/// no such model or revision, a gated model, a hub that is busy for longer than `policy` waits.
HubListing fetch_listing(const HubName& name, const HubSettings& settings,
                         const RetryPolicy& policy, ProgressSink& progress);

/// `problem` as a sentence about the model: how to get access, what may be misspelled.
Error explained(const TransferError& problem, const HubName& name, const HubSettings& settings);

}  // namespace bantam
