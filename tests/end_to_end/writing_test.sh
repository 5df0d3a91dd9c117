#!/usr/bin/env bash
# The main job and its pieces, with the default model.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

short="$LONGSCOPE_SOURCE/assets/short.md"

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

test_summaryQuotesTheDocument() {
    run summarize "$short" --words 40
    expectStatus 0
    # The quoted lines come before the first empty one; each stands in the document word for word.
    python3 -c 'import re, sys
words = lambda text: " ".join(re.sub(r"[*_`#>]", "", text).split())
document = words(open(sys.argv[2]).read())
quotes = re.findall(r"^- (.*?)  \[.+\]$", open(sys.argv[1]).read().split("\n\n")[0], re.M)
assert len(quotes) >= 3, "only %d quotes" % len(quotes)
for quote in quotes:
    assert words(quote) in document, quote' \
        "$out" "$short" 2> "$folder/python" || complain "quotes should be quotes: $(tail -n 1 "$folder/python")"
    expectOut '^Written by .*check it'
}

test_summaryAsJson() {
    run summarize "$short" --words 40 --json
    expectStatus 0
    expectJson 'value["text"] and value["sentences"] and value["prompt_tokens"] > 0 and value["generated_tokens"] > 0 and value["seconds"] > 0'
    # Every source is a span of the file, to the byte.
    python3 -c 'import json, sys
document = open(sys.argv[2], "rb").read().decode()
value = json.load(open(sys.argv[1]))
assert value["sources"], "no sources"
for source in value["sources"]:
    assert 0 <= source["start"] < source["end"] <= len(document.encode()) + 2, source' \
        "$out" "$short" 2> "$folder/python" || complain "sources should lie in the file: $(tail -n 1 "$folder/python")"
}

# The same summary as JSON and as text: a sentence of the model is marked exactly when its words are
# not in the document, and a quoted one never.
test_sentencesWithoutSupportAreMarked() {
    run summarize "$short" --words 60 --json
    expectStatus 0
    cp "$out" "$folder/summary.json"
    run summarize "$short" --words 60
    expectStatus 0
    python3 -c 'import json, sys
lines = open(sys.argv[1]).read().splitlines()
mark = "  [words not found in the document]"
written = [s for s in json.load(open(sys.argv[2]))["sentences"] if s["kind"] == "written"]
assert written, "the model wrote nothing"
for sentence in written:
    wanted = "- " + sentence["text"] + ("" if sentence["supported"] else mark)
    assert wanted in lines, wanted
marked = [line for line in lines if line.endswith(mark)]
assert len(marked) == sum(not s["supported"] for s in written), marked' \
        "$out" "$folder/summary.json" 2> "$folder/python" || complain "unsupported sentences should be marked: $(tail -n 1 "$folder/python")"
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

test_extractNeedsNoModel() {
    export XDG_DATA_HOME="$folder/data" VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent
    run summarize "$short" --strategy extract
    expectStatus 0
    [[ -s $out ]] || complain "there should be key sentences"
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

test_chatAnswersEachLine() {
    run chat -n 8 --temp 0 <<< 'Say hello.'
    expectStatus 0
    [[ -s $out ]] || complain "there should be an answer"
}
