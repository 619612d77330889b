#!/bin/sh
# Installs the peers into a virtual environment: setup.sh FOLDER [torch] [llama]      both by default
#
# torch: PyTorch, transformers, PEFT. llama: llama.cpp compiled here for this very CPU, from the sources inside the
# llama-cpp-python package, which is its Python interface; and llama-simple, its smallest program, for the time to a
# first token. Only the library and that program are compiled: about 15 minutes of one core. Where that fails,
# xllamacpp takes its place: a build for AVX2 that knows no AVX-512. Every result names the build it ran.
#
# Needs python3 with venv, cmake and a C++ compiler. JOBS limits the compilers that run side by side. May be run again:
# what is there already stays.
set -eu
folder=${1:?usage: setup.sh FOLDER [torch] [llama]}
shift
parts=${*:-torch llama}
jobs=${JOBS:-$(nproc)}
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
folder=$(CDPATH='' cd -- "$folder" && pwd)
python=$folder/bin/python
pip="$python -m pip --disable-pip-version-check -q"

say() { echo "setup: $*" >&2; }

# llama.cpp multiplies with AMX where the CPU has it, but GCC before 13 drops what the tiles are configured with and the
# program crashes at its first prompt; clang before 16 forms them, and has other names for the macros that ask for it.
compiler_for_tiles() {
  grep -qw amx_int8 /proc/cpuinfo || return 0
  version=$(${CC:-cc} -dumpversion 2>/dev/null || echo 0)
  if ${CC:-cc} --version 2>/dev/null | head -n 1 | grep -q clang || [ "${version%%.*}" -lt 13 ]; then
    if command -v clang++ >/dev/null 2>&1; then
      echo "-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_FLAGS=-D__AMX_INT8__=1" \
        "-DCMAKE_CXX_FLAGS=-D__AMX_INT8__=1"
    else
      say "this compiler breaks AMX and there is no clang (packages clang, libomp-dev): llama.cpp goes without AMX"
      echo "-DCMAKE_C_FLAGS=-mno-amx-int8 -DCMAKE_CXX_FLAGS=-mno-amx-int8"
    fi
  fi
}

compile_llama() {
  sources=$folder/llama-sources
  mkdir -p "$sources"
  ls "$sources"/llama_cpp_python-*.tar.gz >/dev/null 2>&1 ||
    $pip download --no-deps --no-binary llama-cpp-python -d "$sources" llama-cpp-python || return 1
  package=$(ls "$sources"/llama_cpp_python-*.tar.gz | head -n 1)
  tar xzf "$package" -C "$sources" --strip-components=1 || return 1
  # shellcheck disable=SC2046 -- options, none of which has a space
  cmake -S "$sources/vendor/llama.cpp" -B "$sources/build" $(compiler_for_tiles) -DCMAKE_BUILD_TYPE=Release \
    -DBUILD_SHARED_LIBS=ON \
    -DGGML_NATIVE=ON -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF \
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF >"$sources/cmake.log" || return 1
  cmake --build "$sources/build" --target llama -j "$jobs" >"$sources/build.log" 2>&1 ||
    { tail -n 20 "$sources/build.log" >&2; return 1; }
  CMAKE_ARGS="-DLLAMA_BUILD=OFF -DLLAVA_BUILD=OFF" $pip install "$package" || return 1
  library=$("$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/llama_cpp/lib
  mkdir -p "$library"
  cp -P "$sources"/build/bin/lib*.so* "$library" || return 1
  "${CXX:-c++}" -O2 -std=c++17 -I "$sources/vendor/llama.cpp/include" -I "$sources/vendor/llama.cpp/ggml/include" \
    "$sources/vendor/llama.cpp/examples/simple/simple.cpp" -o "$folder/bin/llama-simple" \
    -L "$library" -lllama -lggml -lggml-base -Wl,-rpath,"$library" || return 1
  "$python" -c 'import llama_cpp' || return 1
}

for part in $parts; do
  case $part in
    torch) $pip install torch transformers peft ;;
    llama)
      if compile_llama; then
        say "llama.cpp was compiled for this machine"
      else
        say "llama.cpp does not compile here; taking xllamacpp instead"
        $pip uninstall -y llama-cpp-python >/dev/null 2>&1 || true
        $pip install xllamacpp
      fi
      ;;
    *) say "unknown part '$part'; expected torch or llama"; exit 2 ;;
  esac
done
