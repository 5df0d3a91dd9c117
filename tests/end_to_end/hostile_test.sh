#!/usr/bin/env bash
# Files and values from the outside world that are not what they should be.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

# Each command that opens a model refuses FILE with a line that matches.
expectRefusedModel() {
    run inspect "$1"
    expectError 1 "$2"
    run complete hello -n 1 --model "$1"
    expectError 1 "$2"
}

test_inspect() {
    run inspect "$(defaultModel)"
    expectStatus 0
    expectOut llama
    run inspect "$(defaultModel)" --json
    expectStatus 0
    expectJson 'len(value["tensors"]) == 272'
}

test_missingModel() { expectRefusedModel "$folder/none.gguf" none.gguf; }

test_missingDefaultModel() {
    export XDG_DATA_HOME="$folder/data"
    run complete hello -n 1
    expectError 1 '--model'
}

test_emptyFile() {
    : > "$folder/empty.gguf"
    expectRefusedModel "$folder/empty.gguf" empty.gguf
}

test_directory() { expectRefusedModel "$folder" .; }

test_notGguf() { expectRefusedModel "$LONGSCOPE_SOURCE/LICENSE" LICENSE; }

test_truncated() {
    local bytes
    for bytes in 3 23 1000 100000 5000000; do
        head -c "$bytes" "$(defaultModel)" > "$folder/cut.gguf"
        expectRefusedModel "$folder/cut.gguf" cut.gguf
    done
}

test_hugeTensorCount() {
    head -c 8 "$(defaultModel)" > "$folder/huge.gguf"
    printf '\xff\xff\xff\xff\xff\xff\xff\x0f\x01\x00\x00\x00\x00\x00\x00\x00' >> "$folder/huge.gguf"
    head -c 4096 /dev/zero >> "$folder/huge.gguf"
    expectRefusedModel "$folder/huge.gguf" .
}

test_unknownVersion() {
    { printf 'GGUF\x63\x00\x00\x00'; head -c 64 /dev/zero; } > "$folder/version.gguf"
    expectRefusedModel "$folder/version.gguf" 99
}

test_vocabularyWithoutWeights() {
    run complete hello -n 1 --model "$(vocabulary llama-bpe)"
    expectError 1 .
}

test_emptyDocument() {
    : > "$folder/empty.md"
    run summarize "$folder/empty.md"
    expectError 1 empty.md
}

test_directoryAsDocument() {
    run summarize "$folder"
    expectError 1 .
    run tokenize "$folder"
    expectError 1 .
}

test_missingDocument() {
    run summarize "$folder/none.md"
    expectError 1 none.md
}

test_documentLongerThanTheWindow() {
    for _ in $(seq 30); do cat "$LONGSCOPE_SOURCE/tests/data/text.txt"; done > "$folder/long.txt"
    run summarize "$folder/long.txt" --strategy whole
    expectError 1 '[0-9].*8192|8192.*[0-9]'
}

test_fullDisk() {
    printf '[1, 2, 3]' > "$folder/ids.json"
    run logits "$folder/ids.json" --out /dev/full
    expectError 1 /dev/full
}

test_folderThatIsNotThere() {
    printf '[1, 2, 3]' > "$folder/ids.json"
    run logits "$folder/ids.json" --out "$folder/none/logits.f32"
    expectError 1 'none/logits.f32'
}
