// Reading one member of a zip archive, as Python wheels are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/base/files.h"

namespace bantam {

struct ZipMember {
  std::string name;
  std::uint16_t method = 0;  ///< 0 stored, 8 deflated
  std::uint32_t crc32 = 0;
  std::uint64_t packed_bytes = 0, bytes = 0;
  std::uint64_t header_offset = 0;
};

/// The members of an archive of up to 65,535 files and 4 GB, in the order of its directory. Throws
/// Error(input) naming `where` and the offset of what is wrong.
std::vector<ZipMember> parse_zip(Bytes archive, std::string_view where);

/// Unpacks a member into `out`, which appears only when its length and CRC-32 are right.
void extract_zip_member(Bytes archive, const ZipMember& member, const Path& out,
                        std::string_view where);

}  // namespace bantam
