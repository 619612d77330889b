#include <openssl/evp.h>

#include <array>

#include "bantam/base/error.h"
#include "bantam/base/files.h"

namespace bantam {

std::string sha256(Bytes bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw internal_error("sha256: OpenSSL could not hash {} bytes", bytes.size());
  }
  std::string out;
  for (unsigned int i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

std::string sha256_of_file(const Path& path) { return sha256(MappedFile::open(path)->bytes()); }

}  // namespace bantam
