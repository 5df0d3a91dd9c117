#!/usr/bin/env bash
# Summaries: every strategy on a short text with the default model, and what each sentence shows.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

short="$LONGSCOPE_SOURCE/assets/short.md"

# Each quoted line of the output stands in the document word for word.
expectQuotes() {
    python3 -c 'import re, sys
words = lambda text: " ".join(re.sub(r"[*_`#>]", "", text).split())
document = words(open(sys.argv[2]).read())
quotes = re.findall(r"^- (.*?)  \[.+\]$", open(sys.argv[1]).read(), re.M)
assert len(quotes) >= 3, "only %d quotes" % len(quotes)
for quote in quotes:
    assert words(quote) in document, quote' \
        "$out" "$short" 2> "$folder/python" || complain "quotes should be quotes: $(tail -n 1 "$folder/python")"
}

withoutDevice() {
    export VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent
}

test_extractNeedsNoModel() {
    withoutDevice
    export XDG_DATA_HOME="$folder/data"
    run summarize "$short" --strategy extract
    expectStatus 0
    expectQuotes
}

test_autoQuotesForASmallModelAndSaysWhy() {
    withoutDevice
    run summarize "$short"
    expectStatus 0
    expectQuotes
    expectErr 'quotes only, because .* has 134 million parameters'
    run summarize "$short" --json --sentences 3 --quiet
    expectStatus 0
    expectJson 'value["strategy"] == "extract" and "million" in value["reason"] and len(value["sentences"]) == 3 and value["calls"] == 0'
}

test_quotesNeedNoModelFile() {
    withoutDevice
    export XDG_DATA_HOME="$folder/none"
    run summarize "$short"
    expectStatus 0
    expectQuotes
    expectErr 'quotes only, because there is no model'
}

test_lengthIsThatOfQuotesToo() {
    withoutDevice
    run summarize "$short" --length short --json --language French
    expectJson 'len(value["sentences"]) == 4'
    expectErr 'warning: quotes stay as they are'
    run summarize "$short" --words 30 --sentences 3 --json
    expectJson 'len(value["sentences"]) == 3'
    [[ $(grep -c warning "$err") == 0 ]] || complain "nothing is to be warned of"
}

# summary STRATEGY: as JSON; every sentence has a source in the file, to the byte, or says none.
summary() {
    run summarize "$short" --words 40 --json --strategy "$1"
    expectStatus 0
    expectJson "value['strategy'] == '$1' and value['calls'] > 0 and value['prompt_tokens'] > 0 and value['generated_tokens'] > 0 and value['seconds'] > 0 and value['reason']"
    python3 -c 'import json, sys
document = open(sys.argv[2], "rb").read()
value = json.load(open(sys.argv[1]))
assert value["coverage"], "no coverage"
for sentence in value["sentences"]:
    assert sentence["sources"] or not sentence["supported"], sentence
    for source in sentence["sources"]:
        assert 0 <= source["start"] < source["end"] <= len(document), source
words = lambda text: "".join(c if c.isalnum() else " " for c in text.lower()).split()
phrases = [tuple(w[i:i + 4]) for s in value["sentences"] for w in [words(s["text"])] for i in range(len(w) - 3)]
assert len(phrases) == len(set(phrases)), "four words in a row stand there twice"' \
        "$out" "$short" 2> "$folder/python" || complain "sentences should have sources: $(tail -n 1 "$folder/python")"
}

test_whole() {
    summary whole
    expectJson 'value["calls"] == 1 and value["coverage"][0]["start"] == 0'
    run summarize "$short" --words 40 --strategy whole
    expectStatus 0
    expectOut '^Written by .*check it'
    expectOut '^- .*\[(no source found|.*paragraph [0-9]+)\]$'
}
test_mapReduce() { summary map-reduce; }
test_refine() { summary refine; }
test_tree() { summary tree; }

test_thePlanIsSaidBefore() {
    run summarize "$short" --words 40 --strategy map-reduce --style prose
    expectStatus 0
    expectErr 'map-reduce, because it was asked for: .*calls.*, about [0-9,]+ tokens, about'
    [[ $(wc -l < "$out") -le 2 ]] || complain "prose should be one paragraph below a line"
    expectErr 'all of the text was read, in [0-9]+ parts, of which [0-9]+ left a trace'
}

test_theLibraryKeepsSummaryAndSettings() {
    local i
    for i in 1 2; do # the second takes the place of the first
        run summarize "$short" --words 40 --strategy map-reduce --seed 7 --library "$folder/books"
        expectStatus 0
    done
    run library show 1 --library "$folder/books"
    expectOut '^summary: .*map-reduce, finished$'
    run library show 1 --json --library "$folder/books"
    expectJson '[(r["kind"], r["strategy"], r["finished"]) for r in value["runs"]] == [("summary", "map-reduce", True)]'
    expectJson 'value["runs"][0]["settings"]["words"] == 40 and value["runs"][0]["settings"]["seed"] == 7'
    expectJson 'all("sources" in s for s in value["runs"][0]["result"]["sentences"])'
}

test_anErrorLeavesTheSummariesBefore() {
    local i
    for ((i = 0; i < 400; ++i)); do
        printf 'Line %s tells of the weather on the %s day at the coast.\n' $i $i
    done > "$folder/long.txt"
    run summarize "$short" "$folder/long.txt" --words 20 --strategy whole -c 1024 --json
    expectStatus 1
    expectErr 'long.txt: .*the window has 1024'
    expectJson '[d["file"].endswith("short.md") for d in value["documents"]] == [True]'
}

test_aWindowTooSmallIsSaidWithNumbers() {
    run summarize "$short" --strategy whole -c 128
    expectError 1 'need [0-9]+ tokens and the window has 128'
    run summarize "$short" --strategy tree -c 60
    expectError 1 'the window has 60'
}

test_wrongUsage() {
    run summarize "$short" --strategy best
    expectError 2 strategy
    run summarize "$short" --length short --words 5
    expectError 2 words
    run summarize "$short" --length huge
    expectError 2 length
}
