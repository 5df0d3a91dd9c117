#!/usr/bin/env bash
# What was read is kept: the same document is not read twice, whoever asks.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

sample="$LONGSCOPE_SOURCE/assets/sample.md"
kept="$XDG_DATA_HOME/longscope/readings"

test_theSecondOpeningReadsNothingTwice() {
    run summarize "$sample" --strategy whole --words 20 --json
    expectStatus 0
    expectJson 'value["reused_tokens"] == 0'
    cp "$out" "$folder/first"
    [[ $(stat -c %a "$kept") == 700 ]] || complain "only the owner should see the folder"
    [[ $(stat -c %a "$kept"/*.reading) == 600 ]] || complain "only the owner should read the file"
    # Another task over the same text; only the words behind the text are read.
    run summarize "$sample" --strategy whole --words 25 --json
    expectStatus 0
    expectJson 'value["reused_tokens"] > 0.95 * value["prompt_tokens"]'
    expectErr 'restoring [0-9]+ tokens of '
    python3 -c 'import json, sys
one, two = (json.load(open(path)) for path in sys.argv[1:])
print("%.1f s, then %.2f s" % (one["prompt_seconds"], two["prompt_seconds"]))' "$folder/first" "$out"
    # The very same again needs no call at all.
    run summarize "$sample" --strategy whole --words 20 --json
    expectStatus 0
    expectJson 'value["kept_calls"] == 1'
    python3 -c 'import json, sys
one, two = (json.load(open(path)) for path in sys.argv[1:])
sys.exit(one["text"] != two["text"])' "$folder/first" "$out" || complain "the summaries should be the same"
}

test_noKeepLeavesNothing() {
    run summarize "$sample" --strategy whole --words 20 --json --no-keep
    expectStatus 0
    [[ -z $(ls "$kept" 2> /dev/null) ]] || complain "nothing should be kept"
}

test_chatComesBackToItsDocument() {
    run chat "$sample" -n 4 --temp 0 --json <<< 'What is it about?'
    expectStatus 0
    run chat "$sample" -n 4 --temp 0 --json <<< 'Who wrote it?'
    expectStatus 0
    expectJson 'value["reused_tokens"] > 0.9 * value["prompt_tokens"]'
}

test_interruptedReadingGoesOn() {
    set -m
    "$LONGSCOPE" summarize "$sample" --strategy whole --words 20 --json > "$out" 2> "$err" &
    local job=$!
    set +m
    for _ in $(seq 600); do
        [[ -z $(find "$kept" -name '*.reading' 2> /dev/null) ]] || break
        sleep 0.05
    done
    kill -KILL "$job"
    wait "$job"
    run summarize "$sample" --strategy whole --words 20 --json
    expectStatus 0
    expectJson 'value["reused_tokens"] >= 100'
}
