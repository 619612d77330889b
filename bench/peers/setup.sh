#!/bin/sh
# Installs the peers into a virtual environment: setup.sh FOLDER
#
# llama.cpp comes as llama-cpp-python, compiled here for this very CPU (about ten minutes of one core). Where that
# fails, xllamacpp takes its place: a build for AVX2 that knows no AVX-512; every result names the build it ran.
set -eu
folder=${1:?usage: setup.sh FOLDER}
jobs=${JOBS:-$(nproc)}
python3 -m venv "$folder"
pip="$folder/bin/python -m pip --disable-pip-version-check -q"
$pip install torch transformers peft
if CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF" \
   CMAKE_BUILD_PARALLEL_LEVEL=$jobs $pip install --no-binary llama-cpp-python llama-cpp-python; then
  echo "setup: llama.cpp was compiled for this machine"
else
  echo "setup: llama-cpp-python does not build here; taking xllamacpp instead" >&2
  $pip install xllamacpp
fi
