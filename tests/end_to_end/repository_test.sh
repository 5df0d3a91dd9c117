#!/usr/bin/env bash
# The project's own files: licence, scripts, sizes, and nothing in them that belongs to one machine.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}"

cd "$LONGSCOPE_SOURCE" || exit 1

# Prints the project's own files, without those of build folders.
projectFiles() {
    find . -type f -not -path './build/*' -not -path './.git/*' -not -path './.cache/*' "$@"
}

test_licence() {
    grep -q 'MIT License' LICENSE || complain "LICENSE should be the MIT licence"
    grep -q 'LICENSE' README.md || complain "the README should name the licence"
}

test_readmeNamesTheTwoCommands() {
    grep -q 'bash app/run.sh' README.md || complain "app/run.sh is missing in the README"
    grep -q 'bash tests/run.sh' README.md || complain "tests/run.sh is missing in the README"
}

test_scriptsAreClean() {
    command -v shellcheck > /dev/null || { echo "no shellcheck on this machine"; exit 77; }
    local scripts
    mapfile -t scripts < <(projectFiles -name '*.sh'; echo ./.ci/run)
    shellcheck -x "${scripts[@]}" || complain "shellcheck has remarks"
}

test_scriptsParse() {
    local script
    while read -r script; do
        bash -n "$script" || complain "$script does not parse"
    done < <(projectFiles -name '*.sh')
}

# A file of more than 500 lines needs a reason; this one has none yet.
test_filesAreShort() {
    local file lines
    while read -r file; do
        lines=$(wc -l < "$file")
        ((lines <= 500)) || complain "$file has $lines lines"
    done < <(projectFiles \( -name '*.cpp' -o -name '*.h' -o -name '*.comp' -o -name '*.glsl' \))
}

# Package registries are known to apt and pip, never to us.
test_noRegistryHosts() {
    local dot='\.'
    if projectFiles -name '*' -size -400k -print0 |
        xargs -0 grep -nIE "(pypi|pythonhosted|deb${dot}debian|archive${dot}ubuntu)[^ ]*${dot}(org|com|net)"; then
        complain "a registry's host name stands in the project"
    fi
}
