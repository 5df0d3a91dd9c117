#!/usr/bin/env bash
# Ctrl-C: exit status 130 within a second, and what was written stays.
# shellcheck disable=SC2034  # status and command_line are read by support.sh
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

isReading() { grep -q reading "$err"; }
hasWritten() { (($(wc -c < "$out") > 20)); }

# Starts longscope, waits until the command CONDITION succeeds (at most a minute), sends SIGINT,
# measures: interruptWhen CONDITION ARGUMENTS...
interruptWhen() {
    local condition=$1 started
    shift
    command_line="longscope $* (and Ctrl-C when $condition)"
    set -m # jobs of their own: else the shell would make them deaf to SIGINT
    "$LONGSCOPE" "$@" > "$out" 2> "$err" &
    local job=$!
    set +m
    for _ in $(seq 600); do
        $condition && break
        kill -0 "$job" 2> /dev/null || break
        sleep 0.1
    done
    kill -0 "$job" 2> /dev/null || complain "it ended before it could be interrupted"
    started=${EPOCHREALTIME/./}
    kill -INT "$job" 2> /dev/null
    status=0
    wait "$job" || status=$?
    local milliseconds=$(((${EPOCHREALTIME/./} - started) / 1000))
    printf 'stopped after %s ms\n' "$milliseconds"
    ((milliseconds < 1000)) || complain "it took $milliseconds ms to stop"
    expectStatus 130
}

test_whileLoading() { interruptWhen 'sleep 0.05' complete hello -n 2000; }

test_whileReading() {
    interruptWhen isReading perplexity "$LONGSCOPE_SOURCE/tests/data/text.txt" --context 4096
}

test_whileWritingKeepsTheText() {
    interruptWhen hasWritten complete 'Once upon a time' -n 4000 --temp 0
    hasWritten || complain "what was written should stay"
}

isSummarizing() { grep -q 'summarizing .*(call' "$err"; }
test_summaryInManyCalls() {
    interruptWhen isSummarizing summarize "$LONGSCOPE_SOURCE/assets/sample.md" --strategy map-reduce
    expectErr 'stopped after [0-9]+ of about [0-9]+ calls'
}

test_noHalfFileStays() {
    seq -s, 100 4000 | sed 's/^/[/; s/$/]/' > "$folder/ids.json"
    interruptWhen 'sleep 2' logits "$folder/ids.json" --out "$folder/logits.f32"
    [[ -z $(find "$folder" -name 'logits*') ]] || complain "no part of the file should stay"
}
