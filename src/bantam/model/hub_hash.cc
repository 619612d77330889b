#include "bantam/model/hub_hash.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "bantam/base/error.h"

namespace bantam {
namespace {

struct ContextCloser {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

std::string git_blob_sha1(Bytes content) {
  const std::unique_ptr<EVP_MD_CTX, ContextCloser> context(EVP_MD_CTX_new());
  const std::string head = fmt::format("blob {}", content.size());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), head.c_str(), head.size() + 1) != 1 ||
      EVP_DigestUpdate(context.get(), content.data(), content.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) {
    throw internal_error("sha1: OpenSSL could not hash {} bytes", content.size());
  }
  std::string out;
  for (unsigned int i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

CheckedFile check_hash(const Path& file, const HubFile& wanted) {
  const auto content = MappedFile::open(file);
  CheckedFile checked{content->bytes().size(), sha256(content->bytes())};
  if (wanted.bytes != 0 && checked.bytes != wanted.bytes) {
    checked.problem = fmt::format("has {} bytes, expected {}", checked.bytes, wanted.bytes);
  } else if (!wanted.sha256.empty() && checked.sha256 != wanted.sha256) {
    checked.problem = fmt::format("SHA-256 is {}, expected {}", checked.sha256, wanted.sha256);
  } else if (wanted.sha256.empty() && !wanted.git_sha1.empty()) {
    const std::string found = git_blob_sha1(content->bytes());
    if (found != wanted.git_sha1)
      checked.problem = fmt::format("git's SHA-1 is {}, expected {}", found, wanted.git_sha1);
  }
  return checked;
}

}  // namespace bantam
