#!/usr/bin/env bash
# Help, wrong usage, and what standard output does when it cannot be written to.
# shellcheck disable=SC2034  # status and command_line are read by support.sh
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

test_help() {
    run --help
    expectStatus 0
    for command in run summarize chat complete tokenize detokenize template logits perplexity bench \
        inspect devices selftest; do
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
