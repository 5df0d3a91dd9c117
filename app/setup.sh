#!/usr/bin/env bash
# The set-up that app/run.sh and tests/run.sh share: packages, third-party sources, build, default
# model. Sourced, never run. It speaks on standard error only, and says nothing when nothing changed:
# each step leaves a stamp in build/setup/ that names what it was done for.

longscope_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
stamps="$longscope_root/build/setup"
temporary_files=()

# shellcheck source=app/setup_packages.sh
source "$longscope_root/app/setup_packages.sh"
# shellcheck source=app/setup_downloads.sh
source "$longscope_root/app/setup_downloads.sh"

say() { printf 'longscope set-up: %s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

removeTemporaryFiles() {
    ((${#temporary_files[@]} == 0)) || rm -rf -- "${temporary_files[@]}"
}

# Reads a command's output into LOG and repeats its latest line every five seconds under LABEL.
# followOutput LABEL LOG DELIMITER
followOutput() {
    local label=$1 log=$2 delimiter=$3
    local line="" latest="" started=$SECONDS shown=$SECONDS status
    : > "$log"
    while true; do
        status=0
        IFS= read -r -t 5 -d "$delimiter" line || status=$?
        if [[ -n $line ]]; then
            printf '%s\n' "$line" >> "$log"
            latest=${line##*$'\n'}
        fi
        ((status == 0 || status > 128)) || break
        if ((SECONDS - shown >= 5)); then
            say "$label ($((SECONDS - started)) s): ${latest:0:90}"
            shown=$SECONDS
        fi
    done
}

# Runs a command with its output followed; the status is the command's own.
# runFollowed LABEL LOG COMMAND...
runFollowed() {
    local label=$1 log=$2
    shift 2
    "$@" 2>&1 < /dev/null | followOutput "$label" "$log" $'\n'
}

# True when the stamp NAME says that it was made for exactly TEXT.
stampSays() { [[ -f $stamps/$1 && "$(< "$stamps/$1")" == "$2" ]]; }
writeStamp() { printf '%s\n' "$2" > "$stamps/$1"; }

# One set-up at a time in one checkout; a second one waits.
takeLock() {
    exec 9> "$stamps/lock"
    command -v flock > /dev/null || return 0
    flock -n 9 && return
    say "waiting for another set-up in this folder"
    flock 9
}
releaseLock() { exec 9>&-; }

# The version of a compiler as one number, 0 when it cannot be asked.
compilerMajor() {
    local version
    version=$("$1" -dumpversion 2> /dev/null) || version=0
    printf '%s\n' "${version%%.*}"
}

# Prints the C++ compiler to use: $CXX if set and able, g++-14, else g++ >= 13, else clang++ >= 17.
findCompiler() {
    local candidate
    for candidate in ${CXX:+"$CXX"} g++-14 g++ g++-15 g++-13 clang++ clang++-19 clang++-18 clang++-17; do
        command -v "$candidate" > /dev/null || continue
        local major oldest=13
        major=$(compilerMajor "$candidate")
        [[ $candidate == *clang* ]] && oldest=17
        if [[ $major =~ ^[0-9]+$ ]] && ((major >= oldest)); then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

# The C compiler that belongs to a C++ compiler: g++-14 -> gcc-14, clang++ -> clang.
matchingCCompiler() {
    local name=${1/clang++/clang}
    printf '%s\n' "${name/g++/gcc}"
}

# Configures build/PRESET unless that was done for the same compiler, folder and options.
# configurePreset PRESET TESTS(ON or OFF)
configurePreset() {
    local preset=$1 tests=$2 compiler c_compiler wanted anew=()
    compiler=$(findCompiler) || die "no C++23 compiler: install g++ 13 or clang++ 17, or newer"
    c_compiler=$(matchingCCompiler "$compiler")
    wanted="$longscope_root $compiler tests=$tests"
    stampSays "configured-$preset" "$wanted" && [[ -f $longscope_root/build/$preset/build.ninja ]] && return
    say "configuring build/$preset with $compiler"
    # --fresh throws the objects away as well: only where they are of another folder or compiler.
    stampSays "configured-$preset" "${wanted%ON}OFF" || anew=(--fresh)
    local log="$stamps/configure-$preset.log"
    (cd "$longscope_root" && runFollowed configuring "$log" cmake "${anew[@]}" --preset "$preset" \
        -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_C_COMPILER="$c_compiler" \
        -DLONGSCOPE_TESTS="$tests") || {
        tail -n 30 "$log" >&2
        die "cmake could not configure the build; Longscope needs what app/packages.txt lists"
    }
    writeStamp "configured-$preset" "$wanted"
}

# Builds targets of a preset (all without TARGETS): buildPreset PRESET [TARGETS...]
buildPreset() {
    local preset=$1
    shift
    local log="$stamps/build-$preset.log"
    runFollowed "building $preset" "$log" \
        env NINJA_STATUS='[%f/%t] ' ninja -C "$longscope_root/build/$preset" "$@" && return
    sed -n '/^FAILED/,$p' "$log" | head -n 60 >&2
    die "the build failed; all of its output is in ${log#"$longscope_root"/}"
}

# True when the command line needs the default model: it names a command that reads one, and no model.
needsDefaultModel() {
    local argument needed=1
    (($# > 0)) || return 0
    for argument in "$@"; do
        case $argument in
        -m* | --model | --model=* | -h | --help | --version) return 1 ;;
        run | chat | summarize | ask | classify | complete | tokenize | detokenize | template | logits | \
            perplexity | bench | attention | plan | screenshot) needed=0 ;;
        inspect) (($# > 1)) || needed=0 ;;
        esac
    done
    return "$needed"
}

startSetUp() {
    set -o pipefail
    mkdir -p "$stamps"
    trap removeTemporaryFiles EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    takeLock
}

finishSetUp() {
    releaseLock
    removeTemporaryFiles
    trap - EXIT INT TERM
}

# Everything that `longscope ARGUMENTS` needs: setUpProgram [ARGUMENTS...]
setUpProgram() {
    startSetUp
    installPackages build
    unpackThirdParty
    local tests=OFF
    [[ -f $stamps/configured-release && "$(< "$stamps/configured-release")" == *tests=ON ]] && tests=ON
    configurePreset release "$tests"
    buildPreset release longscope
    if needsDefaultModel "$@"; then fetchDefaultModel; fi
    finishSetUp
}

# Everything that the tests need: all targets of `release`, and the fuzz entries of `sanitize`.
setUpTests() {
    local fuzz_sources=("$longscope_root"/tests/fuzz/fuzz_*.cpp)
    local fuzz_targets=("${fuzz_sources[@]##*/}")
    startSetUp
    installPackages tests
    unpackThirdParty
    fetchDefaultModel
    configurePreset release ON
    buildPreset release
    configurePreset sanitize ON
    buildPreset sanitize "${fuzz_targets[@]%.cpp}"
    finishSetUp
}
