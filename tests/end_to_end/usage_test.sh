#!/usr/bin/env bash
# Help, wrong usage, and what standard output does when it cannot be written to.
# shellcheck disable=SC2034  # status and command_line are read by support.sh
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

test_help() {
    run --help
    expectStatus 0
    for command in run summarize chat complete tokenize detokenize template logits perplexity bench \
        attention plan inspect devices selftest library evaluate ask classify rewrite compose; do
        expectOut "^ +$command( |$)"
    done
    [[ ! -s $err ]] || complain "nothing should stand on standard error"
}

test_helpOfACommand() {
    run summarize --help
    expectStatus 0
    expectOut '--words'
}

test_noCommand() {
    run
    expectError 2 .
    expectErr '^usage: longscope'
    expectNoOut
}

test_unknownCommand() {
    run translate
    expectError 2 translate
    expectErr '^usage: longscope'
}

test_unknownOption() {
    run devices --colour
    expectError 2 colour
}

test_valueThatIsNoNumber() {
    run complete hello -n many
    expectError 2 many
}

test_wrongWaysOfReading() {
    run complete hello --kv q3
    expectError 2 'q3.* f32, f16, bf16, q8_0, q4_0'
    run complete hello --attention window:0
    expectError 2 'window:0'
    run complete hello --attention "window:8@0-3 circle:4"
    expectError 2 circle
    run complete hello --attention full@three
    expectError 2 three
    run complete hello --rope yarn:half
    expectError 2 half
    run complete hello --evict h2o
    expectError 2 h2o
    run complete hello --attention full --attention window:8
    expectError 2 'attention.* 2 times'
    run complete hello --rope none --rope model
    expectError 2 'rope.* 2 times'
}

test_maskOfBlocks() {
    run complete hello --attention "blocks:$folder/none"
    expectError 1 "$folder/none"
    printf 'block 16\n1\n1x\n' > "$folder/mask"
    run complete hello --attention "blocks:$folder/mask@0-1"
    expectError 2 'line 3, column 2'
    printf 'block 16\n1\n11\n' > "$folder/mask"
    printf 'block 16\n1\n01\n' > "$folder/other"
    run complete hello --attention "blocks:$folder/mask@0 blocks:$folder/other@1"
    expectError 2 'two masks'
}

test_fewBitsAreWarnedOf() {
    run complete hello -n 1 --temp 0 --kv q8_0,q4_0
    expectStatus 0
    expectErr '^longscope: warning: .*q4_0'
    run complete hello -n 1 --temp 0 --kv q8_0
    expectStatus 0
    [[ $(grep -c warning "$err") == 0 ]] || complain "q8_0 needs no warning"
}

test_windowsBeyondTheTrainedOne() {
    run complete hello -n 1 --temp 0 --context 20000
    expectError 1 '20000.*8192.*--rope'
    run complete hello -n 1 --temp 0 --context 20000 --rope yarn:2
    expectStatus 0
    expectErr '^longscope: warning: .*20000.*yarn:2 reaches 16384'
    run complete hello -n 1 --temp 0 --context 20000 --rope yarn:4
    expectStatus 0
    [[ $(grep -c warning "$err") == 0 ]] || complain "yarn:4 reaches 32768"
    run complete hello -n 1 --temp 0 --context 20000 --attention sinks:4+508
    expectStatus 0
}

test_missingFile() {
    run summarize
    expectError 2 FILE
    run tokenize
    expectError 2 FILE
}

test_optionBeforeAndAfterTheCommand() {
    run --model "$(vocabulary gpt-2)" tokenize "$LONGSCOPE_SOURCE/LICENSE"
    expectStatus 0
    cp "$out" "$folder/before"
    run tokenize "$LONGSCOPE_SOURCE/LICENSE" --model "$(vocabulary gpt-2)"
    same "$folder/before" "$out"
}

test_fullStandardOutput() {
    status=0
    command_line="longscope devices > /dev/full"
    "$LONGSCOPE" devices > /dev/full 2> "$err" || status=$?
    expectError 1 .
}

test_closedStandardOutput() {
    status=0
    command_line="longscope devices >&-"
    "$LONGSCOPE" devices >&- 2> "$err" || status=$?
    expectError 1 .
}

test_readerThatLeaves() {
    command_line="longscope --help | true"
    "$LONGSCOPE" --help 2> "$err" | true
    status=${PIPESTATUS[0]}
    ((status < 128 || status == 141)) || complain "a closed pipe should end the program quietly"
}
