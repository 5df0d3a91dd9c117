#!/usr/bin/env bash
# `--session FILE`: what was read comes back, and what does not fit is left as it is.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

words='The harbour master wrote down every ship that came in, its name and its cargo, and '
text=$(printf "%s" "$words$words$words$words")

test_completeGoesOn() {
    run complete "$text" -n 8 --temp 0 --session "$folder/kept"
    expectStatus 0
    cp "$out" "$folder/first"
    [[ $(stat -c %a "$folder/kept") == 600 ]] || complain "only the owner should read the file"
    run complete "$text" -n 8 --temp 0 --session "$folder/kept"
    expectStatus 0
    expectErr "^longscope: [0-9]+ tokens come from $folder/kept"
    same "$folder/first" "$out"
    run complete "$text" -n 8 --temp 0 --session "$folder/kept" --json --quiet
    expectJson 'value["prompt_tokens"] > 60'
    [[ ! -s $err ]] || complain "--quiet should be quiet"
    # A larger window than the file's: nothing is read twice.
    run complete "$text$words" -n 300 --temp 0 --session "$folder/kept"
    expectStatus 0
    if grep -q 'reading again' "$err"; then complain "the session should come along into a larger window"; fi
    local kept=("$folder"/kept*)
    ((${#kept[@]} == 1)) || complain "nothing should be left beside the file"
}

test_otherOptionsAreRefused() {
    run complete "$text" -n 2 --temp 0 --session "$folder/kept"
    cp "$folder/kept" "$folder/before"
    run complete "$text" -n 2 --temp 0 --session "$folder/kept" --kv f32
    expectError 1 'does not fit: the type of keys is f16 there and f32 here'
    same "$folder/before" "$folder/kept"
    expectNoOut
}

test_damageIsRefused() {
    run complete "$text" -n 2 --temp 0 --session "$folder/kept"
    cp "$folder/kept" "$folder/good"
    truncate -s -5 "$folder/kept"
    cp "$folder/kept" "$folder/before"
    run complete "$text" -n 2 --temp 0 --session "$folder/kept"
    expectError 1 "$folder/kept is cut off: it has [0-9]+ bytes, [0-9]+ by what it says"
    same "$folder/before" "$folder/kept"
    printf 'no session' > "$folder/text"
    run complete "$text" -n 2 --session "$folder/text"
    expectError 1 'is not a session file'
    [[ $(< "$folder/text") == 'no session' ]] || complain "the text should be as it was"
    run complete "$text" -n 2 --temp 0 --session "$folder/missing/kept"
    expectError 1 'No such file'
    expectOut .
}

test_chatGoesOn() {
    run chat -n 12 --temp 0 --session "$folder/kept" <<< 'My name is Ada. Say hello.'
    expectStatus 0
    run chat -n 12 --temp 0 --session "$folder/kept" --json <<< 'What is my name?'
    expectStatus 0
    expectErr 'tokens come from'
    expectJson '[m["role"] for m in value["messages"]].count("user") == 2 and "Ada" in value["messages"][-4]["content"]'
    # The same as one conversation.
    cp "$out" "$folder/two"
    printf 'My name is Ada. Say hello.\nWhat is my name?\n' > "$folder/lines"
    run chat -n 12 --temp 0 --json < "$folder/lines"
    python3 -c 'import json, sys
one, two = (json.load(open(path))["messages"] for path in sys.argv[1:])
sys.exit(one != two)' "$out" "$folder/two" || complain "two halves should be one conversation"
}
