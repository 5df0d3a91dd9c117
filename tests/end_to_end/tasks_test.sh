#!/usr/bin/env bash
# Classifying, rewriting, composing, and long conversations, with the default model.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

topics="$LONGSCOPE_SOURCE/tests/data/topics"

test_classifyFindsTheTopic() {
    run classify "$topics/cooking-1.txt" "$topics/law-2.txt" --labels 'sport, cooking, law' --json
    expectStatus 0
    expectJson '[f["winner"] for f in value["files"]] == ["cooking", "law"]'
    expectJson 'all(abs(sum(l["probability"] for l in f["labels"]) - 1) < 1e-6 for f in value["files"])'
    run classify "$topics/cooking-1.txt" --labels sport,cooking
    expectStatus 0
    [[ $(head -n 1 "$out") == *cooking ]] || complain "the likeliest label should come first"
    expectErr 'million parameters'
}

test_classifyBySections() {
    local name
    for name in cooking-1 cooking-2 law-3; do
        printf '# %s\n\n' "$name"
        cat "$topics/$name.txt"
        printf '\n'
    done > "$folder/all.md"
    run classify "$folder/all.md" --labels sport,cooking,law --strategy sections --context 512 --json
    expectStatus 0
    expectJson 'value["strategy"] == "sections" and value["sections"][0]["start"] == 0 and all(len(s["probabilities"]) == 3 and s["start"] < s["end"] for s in value["sections"])'
}

test_classifyWrongUsage() {
    run classify "$topics/law-2.txt" --labels law
    expectError 2 'two or more'
    run classify "$topics/law-2.txt"
    expectError 2 'labels'
    run classify "$topics/law-2.txt" --labels law,law
    expectError 2 '"law" is given twice'
    run classify "$folder/missing.txt" --labels law,sport
    expectError 1 'missing.txt'
}

test_rewriteKeepsHeadings() {
    printf '# The pier\n\nThe pier of the town is 120 years old.\n\n# The boats\n\nEleven boats lie there.\n' > "$folder/a.md"
    printf 'pier = quay\n' > "$folder/terms"
    run rewrite "$folder/a.md" --instruction 'Write it in one short sentence.' --terms "$folder/terms" --out "$folder/b.md"
    expectStatus 0
    expectNoOut
    [[ $(grep -c '^# The ' "$folder/b.md") == 2 ]] || complain "both headings should be there"
    expectErr 'million parameters'
    run rewrite "$folder/a.md" --instruction 'Write it in one short sentence.' --json --quiet
    expectStatus 0
    expectJson '[p["kind"] for p in value["parts"]] == ["heading", "text", "heading", "text"] and value["generated_tokens"] > 0'
    run rewrite "$folder/a.md"
    expectError 2 'instruction'
    printf 'no mark\n' > "$folder/terms"
    run rewrite "$folder/a.md" --language French --terms "$folder/terms"
    expectError 1 'line 1 is not'
}

test_composeWritesEachSection() {
    printf '# Bees\n## The queen\n## Honey\n' > "$folder/outline.md"
    run compose "$folder/outline.md" --words 60
    expectStatus 0
    expectOut '^# Bees$'
    expectOut '^## The queen$'
    expectOut '^## Honey$'
    [[ $(wc -w < "$out") -gt 20 ]] || complain "there should be text"
    expectErr 'weak'
    : > "$folder/empty.md"
    run compose "$folder/empty.md"
    expectError 1 'empty.md has no heading'
}

test_chatCompactsAndBringsBack() {
    local i
    {
        printf 'My dog is called Bruno and he is 9 years old. I live in Lund.\n'
        for i in 1 2 3 4 5 6 7; do
            printf 'Please write a sentence about the weather in the month number %s of the year, and about what farmers and fishermen may do in that month when the weather is good.\n' $i
        done
        printf '/find Bruno\n/undo\n/undo\n'
        printf 'What is the name of my dog?\n'
    } > "$folder/lines"
    run chat --context 512 -n 32 --temp 0 < "$folder/lines"
    expectStatus 0
    expectErr 'turns 1 to [0-9]+ were compacted into [0-9]+ sentences?; /undo brings them back'
    expectOut '^turn 1, user: My dog is called Bruno'
    expectErr 'turns 1 to [0-9]+ are back, word for word'
    run chat --context 512 -n 32 --temp 0 --json --session "$folder/kept" < "$folder/lines"
    expectStatus 0
    expectJson 'len(value["messages"]) == 18 and value["messages"][0]["content"].startswith("My dog")'
    run chat --context 512 -n 8 --temp 0 --json --session "$folder/kept" <<< 'Where do I live?'
    expectStatus 0
    expectJson 'len(value["messages"]) == 20 and value["messages"][0]["content"].startswith("My dog") and value["compactions"][0]["turns"] > 0'
}

test_chatGoesOnAfterAMessageThatIsTooLong() {
    {
        printf 'Say hello.\n'
        printf 'word %.0s' {1..900}
        printf '\nSay it again.\n'
    } > "$folder/lines"
    run chat --context 512 -n 4 --temp 0 --json --session "$folder/long" < "$folder/lines"
    expectStatus 1
    expectErr 'need[s]? [0-9,]+ tokens.*512'
    expectJson '[m["role"] for m in value["messages"]] == ["user", "assistant"] * 2'
    expectJson 'value["messages"][2]["content"] == "Say it again."'
    run chat --context 512 -n 4 --temp 0 --json --session "$folder/long" <<< 'And again.'
    expectStatus 0
    expectJson 'len(value["messages"]) == 6'
}
