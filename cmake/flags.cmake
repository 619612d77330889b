# Flags shared by every target: warnings always, hardening in release builds, sanitizers on request.
# No -ffast-math anywhere: it deletes the checks for NaN that training relies on.
add_library(bantam_flags INTERFACE)
target_compile_features(bantam_flags INTERFACE cxx_std_20)
target_compile_options(bantam_flags INTERFACE -Wall -Wextra -Wformat=2 -Werror=format-security -fno-math-errno
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # GCC 12 warns about its own std::string (PR 105651)
if(BANTAM_SANITIZE)
  target_compile_options(bantam_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                                                -fno-omit-frame-pointer)
  target_link_options(bantam_flags INTERFACE -fsanitize=address,undefined)
else()
  # The list of the OpenSSF hardening guide; fortify needs optimization, so Debug builds go without it.
  target_compile_options(bantam_flags INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>
    -D_GLIBCXX_ASSERTIONS -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
  target_link_options(bantam_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
if(BANTAM_FUZZ)
  target_compile_options(bantam_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(bantam_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
