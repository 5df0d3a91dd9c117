#!/usr/bin/env bash
# Sets up Longscope where something is missing or has changed, then runs it:
#     bash app/run.sh [ARGUMENTS OF longscope]        (without arguments: run)
# Standard input, standard output and the exit status belong to the program alone.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=app/setup.sh
source "$here/setup.sh"

(($# > 0)) || set -- run
setUpProgram "$@" < /dev/null >&2
exec "$here/../build/release/longscope" "$@"
