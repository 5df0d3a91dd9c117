#!/usr/bin/env bash
# Runs one test function of a script: support.sh SCRIPT FUNCTION
# A test runs `longscope` through `run` and then says what it expects; each unmet expectation is
# printed with what was found, and the test goes on.
set -uo pipefail

failures=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
out="$folder/out" err="$folder/err" status=0
# A data folder of its own, with the user's models: nothing that a test reads is kept elsewhere.
mkdir -p "$folder/own/longscope"
ln -s "${XDG_DATA_HOME:-$HOME/.local/share}/longscope/models" "$folder/own/longscope/models"
export XDG_DATA_HOME="$folder/own"

complain() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n' "$*"
    printf '  command: %s\n  status: %s\n' "${command_line:-}" "$status"
    [[ ! -f $out ]] || printf '  stdout: %s\n' "$(head -c 600 "$out" | tr -d '\0')"
    [[ ! -f $err ]] || printf '  stderr: %s\n' "$(tail -c 600 "$err" | tr -d '\0')"
}

# run ARGUMENTS...: runs longscope; its standard input is that of `run`.
run() {
    command_line="longscope $*"
    status=0
    "$LONGSCOPE" "$@" > "$out" 2> "$err" || status=$?
}

expectStatus() { [[ $status == "$1" ]] || complain "the exit status should be $1"; }
expectOut() { grep -Eq -- "$1" "$out" || complain "standard output should match: $1"; }
expectNoOut() { [[ ! -s $out ]] || complain "standard output should be empty"; }
expectErr() { grep -Eq -- "$1" "$err" || complain "standard error should match: $1"; }

# One line `longscope: error: ...` that matches, and the status.
expectError() {
    expectStatus "$1"
    [[ $(grep -c '^longscope: error: ' "$err") == 1 ]] || complain "there should be one error line"
    expectErr "^longscope: error: .*$2"
}

# Standard output is one JSON value for which the Python expression over `value` holds.
expectJson() {
    python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else 1)' "$out" "$1" 2> "$folder/python" ||
        complain "standard output should be JSON with: $1 $(tail -n 1 "$folder/python")"
}

same() { cmp -s "$1" "$2" || complain "the files should be the same: $1 $2"; }

# A GGUF file without weights or device: the vocabulary of a test file, `NAME` as in ggml-vocab-NAME.
vocabulary() { printf '%s\n' "$LONGSCOPE_SOURCE/build/third_party/vocab/ggml-vocab-$1.gguf"; }
defaultModel() {
    printf '%s\n' "${XDG_DATA_HOME:-$HOME/.local/share}/longscope/models/SmolLM2-135M-Instruct.Q4_1.gguf"
}

# shellcheck disable=SC1090  # the script is an argument
source "$1"
"$2"
((failures == 0))
