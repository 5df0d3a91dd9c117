#!/usr/bin/env bash
# What needs a tokenizer and no device: tokenize, detokenize, template.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

# text NAME CONTENT: a file below the test's folder, its path in $file.
text() {
    file="$folder/$1"
    printf '%b' "$2" > "$file"
}

test_tokenizeIsOneArrayALine() {
    text a 'Hello, world!'
    cp "$file" "$folder/b"
    run tokenize "$folder/a" "$folder/b" --model "$(vocabulary gpt-2)"
    expectStatus 0
    [[ $(wc -l < "$out") == 2 ]] || complain "two files should give two lines"
    head -n 1 "$out" > "$folder/first" && mv "$folder/first" "$out"
    expectJson 'value == [15496, 11, 995, 0]'
}

test_standardInput() {
    run tokenize - --model "$(vocabulary gpt-2)" <<< 'Hello'
    expectStatus 0
    expectJson 'value == [15496, 198]'
}

test_roundTrip() {
    text a 'Größe, 字, 👩‍🚀\n\n\ttabs  and   spaces, 3.14159 don'"'"'t'
    local name
    for name in gpt-2 llama-bpe qwen2; do
        run tokenize "$folder/a" --no-special --model "$(vocabulary $name)"
        expectStatus 0
        cp "$out" "$folder/ids"
        run detokenize "$folder/ids" --model "$(vocabulary $name)"
        expectStatus 0
        cmp -s -n "$(wc -c < "$folder/a")" "$folder/a" "$out" || complain "$name should give the text back"
    done
}

test_defaultModelRoundTrip() {
    run tokenize "$LONGSCOPE_SOURCE/assets/short.md"
    expectStatus 0
    cp "$out" "$folder/ids"
    run detokenize "$folder/ids"
    expectStatus 0
    cmp -s -n "$(wc -c < "$LONGSCOPE_SOURCE/assets/short.md")" "$LONGSCOPE_SOURCE/assets/short.md" "$out" ||
        complain "the text should come back"
}

test_specialTokensAreRecognisedUnlessToldNot() {
    text a '<|im_start|>user'
    run tokenize "$file"
    expectJson 'value[0] == 1 and len(value) == 2'
    run tokenize "$file" --no-special
    expectJson 'value[0] != 1 and len(value) > 2'
}

test_noDeviceIsNeeded() {
    text a 'Hello'
    export VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent
    run tokenize "$file" --model "$(vocabulary gpt-2)"
    expectStatus 0
    expectJson 'value == [15496]'
}

test_templateRendersMessages() {
    text chat.json '{"messages": [{"role": "user", "content": "Hi"}]}'
    run template "$file" --add-generation-prompt
    expectStatus 0
    expectOut '<\|im_start\|>user'
    [[ $(tail -n 1 "$out") == '<|im_start|>assistant' ]] || complain "it should end with the assistant's turn"
}

test_templateRefusesWhatIsNoJson() {
    text chat.json '{"messages": ['
    run template "$file"
    expectError 1 'chat.json'
}

test_detokenizeRefusesUnknownIds() {
    text ids '[1, 999999999]'
    run detokenize "$file"
    expectError 1 '999999999'
    text ids '[1, -3]'
    run detokenize "$file"
    expectError 1 .
    text ids '{"a": 1}'
    run detokenize "$file"
    expectError 1 .
}

test_invalidUtf8() {
    text a 'good \xff\xfe bad \xc3'
    run tokenize "$file" --model "$(vocabulary gpt-2)"
    expectStatus 0
    expectJson 'len(value) > 3'
}
