// Any bytes as a zip archive: a refusal, or members whose names were inside it.
#include "bantam/base/error.h"
#include "bantam/model/zip_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bantam::Bytes archive(reinterpret_cast<const std::byte*>(data), size);
  try {
    for (const auto& member : bantam::parse_zip(archive, "fuzz")) {
      if (member.bytes <= 1 << 16)
        bantam::extract_zip_member(archive, member, "/dev/shm/bantam-zip-fuzz", "fuzz");
    }
  } catch (const bantam::Error&) {
  }
  return 0;
}
