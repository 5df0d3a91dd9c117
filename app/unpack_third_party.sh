#!/usr/bin/env bash
# Takes the files of third_party_files.txt out of a source archive:
#     app/unpack_third_party.sh ARCHIVE TARGET_DIR
# Needs bash and tar. Each folder is written beside its final place and renamed when it is complete,
# so that a stopped run leaves no half folder; running it again replaces the folders.
set -euo pipefail

if [[ $# -ne 2 ]]; then
    echo "usage: $0 ARCHIVE TARGET_DIR" >&2
    exit 2
fi
archive=$1
target=$2
list="$(dirname "${BASH_SOURCE[0]}")/third_party_files.txt"
[[ -r $archive ]] || { echo "cannot read the archive $archive" >&2; exit 1; }

mkdir -p "$target"
work=$(mktemp -d "$target/.unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT

patterns=()
while read -r from arrow to; do
    [[ -z $from || $from == \#* ]] && continue
    [[ $arrow == "->" && -n $to ]] || { echo "$list: cannot read the line of $from" >&2; exit 1; }
    patterns+=("*/$from")
done < "$list"

mkdir "$work/archive" "$work/ready"
tar -xf "$archive" -C "$work/archive" --strip-components=1 --wildcards "${patterns[@]}"

while read -r from arrow to; do
    [[ -z $from || $from == \#* ]] && continue
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
done < "$list"

for folder in "$work/ready/"*; do
    name=$(basename "$folder")
    rm -rf "${target:?}/$name"
    mv "$folder" "$target/$name"
    echo "$target/$name: $(find "$target/$name" -type f | wc -l) files"
done
