#!/usr/bin/env bash
# The main job and its pieces, with the default model.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"


test_completeIsDeterministic() {
    run complete 'The capital of France is' -n 12 --temp 0
    expectStatus 0
    expectOut Paris
    cp "$out" "$folder/first"
    run complete 'The capital of France is' -n 12 --temp 0 --quiet
    same "$folder/first" "$out"
    [[ ! -s $err ]] || complain "--quiet should be quiet"
}

test_seedsAreRepeatable() {
    run complete 'Once upon a time' -n 12 --temp 1 --seed 7
    expectStatus 0
    cp "$out" "$folder/first"
    run complete 'Once upon a time' -n 12 --temp 1 --seed 7
    same "$folder/first" "$out"
}

test_promptFromStandardInput() {
    run complete - -n 4 --temp 0 <<< 'One, two, three,'
    expectStatus 0
    [[ -s $out ]] || complain "there should be a continuation"
}

test_evaluateMakesTheTable() {
    export XDG_DATA_HOME="$folder/data" VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent
    run evaluate "$LONGSCOPE_SOURCE/tests/data/reading" --strategy extract
    expectStatus 0
    expectOut '^\| key sentences, k = 5 \| 1\.00 \| 1\.00 \| 1\.00 \| 0\.0'
    run evaluate "$LONGSCOPE_SOURCE/tests/data/reading" --strategy extract --json
    expectStatus 0
    expectJson 'len(value["texts"]) == 5 and [r["key_points"] >= 0.62 for r in value["recipes"] if r["name"] == "key sentences, k = 8"] == [True] and [r["key_points"] >= 0.47 for r in value["recipes"] if r["name"] == "key sentences, k = 5"] == [True]'
}

test_evaluateRefusesAFolderWithoutPoints() {
    mkdir "$folder/texts"
    run evaluate "$folder/texts" --strategy extract
    expectError 1 'no file NAME.points'
    printf 'a word\n' > "$folder/texts/a.points"
    run evaluate "$folder/texts" --strategy extract
    expectError 1 'a.points needs one text'
    printf 'A word stands here, and nothing else does.\n' > "$folder/texts/a.txt"
    printf '(a\n' > "$folder/texts/a.points"
    run evaluate "$folder/texts" --strategy extract
    expectError 1 'a.points, line 1.*is no pattern'
    run evaluate "$folder/nowhere" --strategy extract
    expectError 1 'nowhere cannot be read as a folder'
}

test_logitsHaveOneRowAToken() {
    printf '[1, 4093, 198, 2683]' > "$folder/ids.json"
    run logits "$folder/ids.json" --out "$folder/logits.f32"
    expectStatus 0
    [[ $(wc -c < "$folder/logits.f32") == $((4 * 49152 * 4)) ]] || complain "the file should be [4, 49152] float32"
}

test_perplexity() {
    run perplexity "$LONGSCOPE_SOURCE/tests/data/text.txt" --context 128 --chunks 1 --json
    expectStatus 0
    expectJson '5 < value["perplexity"] < 200 and value["windows"] == 1 and value["context"] == 128'
}

test_bench() {
    run bench -p 16 -n 4 -d 0 --repeat 1 --format json
    expectStatus 0
    expectJson '{r["test"] for r in value["results"]} == {"prompt", "generation"} and all(r["median_tokens_per_second"] > 0 for r in value["results"])'
}

# One setting alone has its pairs beside the formula: 30 layers, one of 9 heads in a window.
test_benchCountsPairs() {
    run bench -p 64 -n 0 -d 0 --repeat 1 --attention 'mixed:window:16#0|full' --format json
    expectStatus 0
    expectJson '[(a["pairs_by_formula"], a["pairs_seen"]) for a in value["attention"]] == [(30 * (904 + 8 * 2080),) * 2]'
    expectJson 'value["attention"][0]["pairs_computed"] >= value["attention"][0]["pairs_seen"] and "against_full" not in value["attention"][0]'
    run bench -p 64 -n 0 -d 0 --repeat 1 --attention 'mixed:window:16#40|full'
    expectError 2 'there is no head 40; layer 0 has 9 heads, 0 to 8'
}

test_chatAnswersEachLine() {
    run chat -n 8 --temp 0 <<< 'Say hello.'
    expectStatus 0
    [[ -s $out ]] || complain "there should be an answer"
}
