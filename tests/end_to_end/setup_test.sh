#!/usr/bin/env bash
# The pieces of the set-up that can be tried without installing anything.
# shellcheck disable=SC2034  # stamps is read by app/setup.sh, status by support.sh
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

# shellcheck source=app/setup.sh
source "$LONGSCOPE_SOURCE/app/setup.sh"
stamps=$folder

# What app/trixie_from_$1.awk makes of standard input should be $2.
expectSource() {
    local found
    found=$(awk -f "$LONGSCOPE_SOURCE/app/trixie_from_$1.awk")
    [[ $found == "$2" ]] || complain "the trixie source should be: $2, and is: $found"
}

test_trixieFromDeb822() {
    expectSource sources 'Types: deb
URIs: http://mirror.example/debian
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' << 'END'
Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
}

test_trixieKeepsAKeyOfManyLines() {
    local key='Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----'
    local common=$'Types: deb\nURIs: http://mirror.example/debian'
    expectSource sources "$common"$'\nSuites: trixie\nComponents: main\n'"$key" \
        <<< "$common"$'\nSuites: bookworm\nComponents: main\n'"$key"
}

test_trixieSkipsWhatIsSwitchedOff() {
    expectSource sources '' \
        <<< $'Enabled: no\nTypes: deb\nURIs: http://a.example\nSuites: bookworm\nComponents: main'
}

test_trixieFromOneLine() {
    expectSource list 'Types: deb
URIs: http://mirror.example/debian/
Suites: trixie
Components: main
Architectures: amd64 i386
Signed-By: /etc/apt/keyrings/a.gpg' << 'END'
deb cdrom:[Debian GNU/Linux 12.5.0 _Bookworm_]/ bookworm main
# deb http://old.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb [ arch=amd64,i386 signed-by=/etc/apt/keyrings/a.gpg ] http://mirror.example/debian/ bookworm main non-free # x
END
}

test_whichCommandsNeedTheModel() {
    local line
    while read -r line; do
        # shellcheck disable=SC2086  # words of a command line
        needsDefaultModel $line || complain "needs the default model: $line"
    done << 'END'

run
summarize a.md
--device 0 chat
tokenize a.md --no-special
inspect
END
    while read -r line; do
        # shellcheck disable=SC2086  # words of a command line
        needsDefaultModel $line && complain "needs no default model: $line"
    done << 'END'
devices
selftest
inspect a.gguf
--help
summarize a.md --model b.gguf
--model=b.gguf run
-m b.gguf run
no-such-command
END
    return 0
}

test_wrongChecksumDeletesTheFile() {
    printf 'something' > "$folder/file"
    (requireSum "$folder/file" 0123) 2> "$err"
    status=$?
    expectStatus 1
    expectErr 'should have SHA-256 0123 and has 3fc9b689459d738f8c88a3a48aa9e33542016b7a4052e001aaa536fca74813cb'
    [[ ! -e $folder/file ]] || complain "the wrong file should be gone"
}

test_diskSpaceIsAskedForFirst() {
    (requireSpace "$folder" 9000000000000000000) 2> "$err"
    status=$?
    expectStatus 1
    expectErr 'not enough disk space in .*: 9000000000000 MB needed, [0-9]+ MB free'
}

test_offLineWithoutModel() {
    # shellcheck disable=SC2317  # called by fetchDefaultModel
    runPip() { return 1; }
    (XDG_DATA_HOME="$folder/data" fetchDefaultModel) 2> "$err"
    status=$?
    expectStatus 1
    expectErr 'give one with --model FILE'
    [[ -z $(find "$folder/data" -type f) ]] || complain "nothing should be left behind"
}

test_versions() {
    versionAtLeast 3.31.6 3.25 || complain "3.31.6 is newer than 3.25"
    versionAtLeast 3.25 3.25 || complain "3.25 is 3.25"
    versionAtLeast 3.9 3.25 && complain "3.9 is older than 3.25"
    versionAtLeast '' 3.25 && complain "nothing is older than 3.25"
    return 0
}
