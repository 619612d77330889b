#include "bantam/model/hub_listing_request.h"

#include "bantam/base/error.h"

namespace bantam {
namespace {

constexpr std::uint64_t kMaxListingBytes = std::uint64_t{16} << 20;

// A revision may hold slashes (refs/pr/1), which would be steps of the path.
std::string in_path(const std::string& revision) {
  std::string out;
  for (const char c : revision) c == '/' ? out += "%2F" : out += c;
  return out;
}

// What the hub says of itself (X-Error-Code), or what its status means.
std::string meaning_of(const TransferError::Cause& cause, const HubName& name,
                       const HubSettings& settings) {
  const std::string page =
      fmt::format("{}/{}", url_for_people(settings.endpoint), name.repository());
  const std::string token =
      settings.token.empty()
          ? fmt::format("make a token at {}/settings/tokens and set HF_TOKEN to it",
                        url_for_people(settings.endpoint))
          : fmt::format("check that the token in {} belongs to an account that may read it",
                        escaped(settings.token_source));
  if (cause.hub_code == "GatedRepo" || cause.status == 403) {
    return fmt::format("the model is gated: accept its terms at {}, then {}", page, token);
  }
  if (cause.hub_code == "RevisionNotFound")
    return fmt::format("the model has no revision '{}'", escaped(name.revision));
  if (cause.hub_code == "EntryNotFound") return "the file is not there";
  if (cause.status == 401) {
    return fmt::format(
        "no such model, or a private or gated one: check the name at {}; if it is right, {}", page,
        token);
  }
  if (cause.status == 404) {
    return fmt::format("no such model or revision ('{}'): check the name at {}",
                       escaped(name.revision), page);
  }
  if (cause.status == 429) {
    return settings.token.empty() ? "too many requests; with HF_TOKEN set the hub allows more"
                                  : "too many requests; pull again later";
  }
  if (cause.status >= 500) return "the hub has trouble; pull again later";
  return "";
}

}  // namespace

Error explained(const TransferError& problem, const HubName& name, const HubSettings& settings) {
  std::string text = fmt::format("{}: {}", escaped(name.text()), problem.what());
  const auto& cause = problem.cause();
  if (!cause.connected && cause.may_pass) {
    text += "; is this machine connected? HF_ENDPOINT can name a mirror, HTTPS_PROXY a proxy";
  } else if (const std::string meaning = meaning_of(cause, name, settings); !meaning.empty()) {
    text += "; " + meaning;
  }
  return Error(Error::Kind::network, text);
}

HubListing fetch_listing(const HubName& name, const HubSettings& settings,
                         const RetryPolicy& policy, ProgressSink& progress) {
  const HttpsRequest request{
      .url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", settings.endpoint,
                         name.repository(), in_path(name.revision)),
      .bearer_token = settings.token,
      .silence_seconds = settings.metadata_seconds,
      .silence_advice = "; HF_HUB_ETAG_TIMEOUT can allow more"};
  Retries retries(policy, progress);
  while (true) {
    try {
      return parse_hub_listing(fetch_text(request, kMaxListingBytes), url_for_people(request.url));
    } catch (const TransferError& problem) {
      try {
        retries.after(problem);
      } catch (const TransferError& last) {
        throw explained(last, name, settings);
      }
    }
  }
}

}  // namespace bantam
