#!/usr/bin/env bash
# Takes files out of a source archive, as the lines "from -> to" on standard input say (those of one
# package in third_party_files.txt):
#     app/unpack_third_party.sh ARCHIVE TARGET_DIR < LINES
# Needs bash and tar. Each folder is written beside its final place and renamed when it is complete,
# so that a stopped run leaves no half folder; running it again replaces the folders.
set -euo pipefail

if [[ $# -ne 2 ]]; then
    echo "usage: $0 ARCHIVE TARGET_DIR < LINES" >&2
    exit 2
fi
archive=$1
target=$2
lines=$(cat)
[[ -r $archive ]] || { echo "cannot read the archive $archive" >&2; exit 1; }

mkdir -p "$target"
work=$(mktemp -d "$target/.unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT

patterns=()
while read -r from arrow to; do
    [[ $arrow == "->" && -n $to ]] || { echo "cannot read the line of '$from'" >&2; exit 1; }
    patterns+=("*/$from")
done <<< "$lines"

mkdir "$work/archive" "$work/ready"
tar -xf "$archive" -C "$work/archive" --strip-components=1 --wildcards \
    --no-wildcards-match-slash "${patterns[@]}"

while read -r from arrow to; do
    count=0
    for file in "$work/archive/"$from; do
        [[ -f $file ]] || continue
        destination="$work/ready/$to"
        [[ $to == */ ]] && destination+="$(basename "$file")"
        mkdir -p "$(dirname "$destination")"
        cp "$file" "$destination"
        count=$((count + 1))
    done
    [[ $count -gt 0 ]] || { echo "$archive holds no $from" >&2; exit 1; }
done <<< "$lines"

for folder in "$work/ready/"*; do
    name=$(basename "$folder")
    rm -rf "${target:?}/$name"
    mv "$folder" "$target/$name"
    echo "$target/$name: $(find "$target/$name" -type f | wc -l) files"
done
