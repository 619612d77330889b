// Which addresses a stranger's redirect may not lead to.
#include <arpa/inet.h>

#include <array>
#include <cstring>
#include <optional>

#include "bantam/model/https.h"

namespace bantam {
namespace {

using V4 = std::array<unsigned char, 4>;
using V6 = std::array<unsigned char, 16>;

std::optional<V4> v4_of(const std::string& text) {
  V4 address{};
  if (::inet_pton(AF_INET, text.c_str(), address.data()) == 1) return address;
  return std::nullopt;
}

std::optional<V6> v6_of(const std::string& text) {
  V6 address{};
  if (::inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  return std::nullopt;
}

// ::ffff:1.2.3.4
std::optional<V4> v4_inside(const V6& address) {
  constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(address.data(), kMapped.data(), kMapped.size()) != 0) return std::nullopt;
  V4 inside{};
  std::memcpy(inside.data(), address.data() + kMapped.size(), inside.size());
  return inside;
}

bool is_private(const V4& a) {
  return a[0] == 0 || a[0] == 10 || a[0] == 127 || a[0] >= 224 ||
         (a[0] == 100 && (a[1] & 0xc0) == 64) || (a[0] == 169 && a[1] == 254) ||
         (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168);
}

bool is_private(const V6& a) {
  const std::array<unsigned char, 15> zeros{};
  return std::memcmp(a.data(), zeros.data(), zeros.size()) == 0 ||  // :: and ::1
         (a[0] & 0xfe) == 0xfc ||                                   // fc00::/7
         (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);                   // fe80::/10
}

}  // namespace

bool is_private_address(const std::string& text) {
  if (const auto v4 = v4_of(text)) return is_private(*v4);
  const auto v6 = v6_of(text);
  if (!v6) return true;  // unknown: not trusted
  const auto inside = v4_inside(*v6);
  return inside ? is_private(*inside) : is_private(*v6);
}

bool is_loopback_address(const std::string& text) {
  if (const auto v4 = v4_of(text)) return (*v4)[0] == 127;
  const auto v6 = v6_of(text);
  if (!v6) return false;
  const auto inside = v4_inside(*v6);
  return inside ? (*inside)[0] == 127 : *v6 == V6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
}

}  // namespace bantam
