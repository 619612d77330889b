#include "bantam/model/zip_file.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "bantam/base/error.h"

namespace bantam {
namespace {

// Offsets and sizes are those of APPNOTE.TXT 6.3.9, sections 4.3.7, 4.3.12 and 4.3.16.
constexpr std::uint32_t kEndMark = 0x06054b50, kDirectoryMark = 0x02014b50, kLocalMark = 0x04034b50;
constexpr std::size_t kEndBytes = 22, kDirectoryBytes = 46, kLocalBytes = 30;
constexpr std::size_t kMaxCommentBytes = 65535;
constexpr std::size_t kChunkBytes = std::size_t{1} << 18;

template <class T>
T number_at(Bytes bytes, std::uint64_t offset, std::string_view where) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
    throw input_error("{}: zip archive ends at byte {}, before {}", where, bytes.size(), offset);
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::uint64_t find_end_record(Bytes archive, std::string_view where) {
  if (archive.size() >= kEndBytes) {
    const std::uint64_t last = archive.size() - kEndBytes;
    const std::uint64_t first = last > kMaxCommentBytes ? last - kMaxCommentBytes : 0;
    for (std::uint64_t at = last + 1; at-- > first;)
      if (number_at<std::uint32_t>(archive, at, where) == kEndMark) return at;
  }
  throw input_error("{}: not a zip archive: no end record", where);
}

Bytes packed_data(Bytes archive, const ZipMember& member, std::string_view where) {
  const std::uint64_t at = member.header_offset;
  if (number_at<std::uint32_t>(archive, at, where) != kLocalMark)
    throw input_error("{}: '{}': no local header at byte {}", where, escaped(member.name), at);
  const std::uint64_t begin = at + kLocalBytes + number_at<std::uint16_t>(archive, at + 26, where) +
                              number_at<std::uint16_t>(archive, at + 28, where);
  if (begin > archive.size() || archive.size() - begin < member.packed_bytes) {
    throw input_error("{}: '{}': its {} bytes at {} go past the end", where, escaped(member.name),
                      member.packed_bytes, begin);
  }
  return archive.subspan(begin, member.packed_bytes);
}

class Inflater {
 public:
  Inflater() {
    if (::inflateInit2(&stream_, -MAX_WBITS) != Z_OK)
      throw resource_error("no memory to unpack a zip archive");
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

// Hands the unpacked bytes to `sink` piece by piece; stops past `limit`.
template <class Sink>
bool inflate_all(Bytes packed, std::uint64_t limit, Sink sink) {
  Inflater inflater;
  z_stream& stream = inflater.stream();
  std::vector<unsigned char> chunk(kChunkBytes);
  std::uint64_t written = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    if (stream.avail_in == 0 && !packed.empty()) {
      const std::size_t take = std::min(packed.size(), kChunkBytes);
      stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
      stream.avail_in = static_cast<uInt>(take);
      packed = packed.subspan(take);
    }
    stream.next_out = chunk.data();
    stream.avail_out = static_cast<uInt>(chunk.size());
    code = ::inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = chunk.size() - stream.avail_out;
    written += made;
    if (written > limit) return false;
    sink(std::span(chunk).first(made));
  }
  return code == Z_STREAM_END;
}

}  // namespace

std::vector<ZipMember> parse_zip(Bytes archive, std::string_view where) {
  const std::uint64_t end = find_end_record(archive, where);
  const auto count = number_at<std::uint16_t>(archive, end + 10, where);
  std::uint64_t at = number_at<std::uint32_t>(archive, end + 16, where);
  std::vector<ZipMember> members;
  for (unsigned i = 0; i < count; ++i) {
    if (number_at<std::uint32_t>(archive, at, where) != kDirectoryMark) {
      throw input_error("{}: zip directory entry {} of {} is missing at byte {}", where, i + 1,
                        count, at);
    }
    ZipMember member;
    member.method = number_at<std::uint16_t>(archive, at + 10, where);
    member.crc32 = number_at<std::uint32_t>(archive, at + 16, where);
    member.packed_bytes = number_at<std::uint32_t>(archive, at + 20, where);
    member.bytes = number_at<std::uint32_t>(archive, at + 24, where);
    const auto name_bytes = number_at<std::uint16_t>(archive, at + 28, where);
    const auto extra_bytes = number_at<std::uint16_t>(archive, at + 30, where);
    const auto comment_bytes = number_at<std::uint16_t>(archive, at + 32, where);
    member.header_offset = number_at<std::uint32_t>(archive, at + 42, where);
    at += kDirectoryBytes;
    if (at > archive.size() || archive.size() - at < name_bytes)
      throw input_error("{}: the name of zip entry {} goes past the end", where, i + 1);
    member.name.assign(reinterpret_cast<const char*>(archive.data()) + at, name_bytes);
    at += std::uint64_t{name_bytes} + extra_bytes + comment_bytes;
    members.push_back(std::move(member));
  }
  return members;
}

void extract_zip_member(Bytes archive, const ZipMember& member, const Path& out,
                        std::string_view where) {
  const Bytes packed = packed_data(archive, member, where);
  AtomicFile file(out);
  uLong crc = ::crc32(0, nullptr, 0);
  const auto sink = [&](auto bytes) {
    crc = ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    file.write(std::as_bytes(bytes));
  };
  bool complete = false;
  if (member.method == 0) {
    sink(packed);
    complete = true;
  } else if (member.method == 8) {
    complete = inflate_all(packed, member.bytes, sink);
  } else {
    throw input_error("{}: '{}' is packed by method {}; expected 0 or 8", where,
                      escaped(member.name), member.method);
  }
  if (!complete || file.position() != member.bytes || crc != member.crc32) {
    throw input_error(
        "{}: '{}' is damaged: expected {} bytes with CRC {:08x}, found {} with {:08x}", where,
        escaped(member.name), member.bytes, member.crc32, file.position(), crc);
  }
  file.commit();
}

}  // namespace bantam
