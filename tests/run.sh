#!/usr/bin/env bash
# Sets up Longscope with its tests and runs them all: bash tests/run.sh [OPTIONS OF ctest]
# The exit status and the closing lines are those of ctest.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=app/setup.sh
source "$root/app/setup.sh"

setUpTests < /dev/null >&2
exec ctest --test-dir "$root/build/release" --output-on-failure -j2 --timeout 600 "$@"
