#!/usr/bin/env bash
# Questions about documents: answers with places, plain refusals, tables.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

sample="$LONGSCOPE_SOURCE/assets/sample.md"

test_findsWithPlace() {
    run ask "$sample" --question 'How much space does a full window of Llama 3.1 take in the cache?'
    expectStatus 0
    expectOut '16 GiB.*\[The cache is the memory of the reader, paragraph 2\]'
    expectOut '^Quoted; .*Strategy retrieve: .* has 134 million parameters'
    expectOut '^Places:'
}

test_saysNotFoundAndThatIsNoError() {
    run ask "$sample" --question 'Which football club won the championship in Madrid?'
    expectStatus 0
    expectOut '^Not found: '
}

test_jsonHasSources() {
    run ask "$sample" --json -q 'What is reading a prompt called?' --strategy retrieve
    expectStatus 0
    expectJson 'value["found"] and "prefill" in value["text"] and value["strategy"] == "retrieve"'
    expectJson 'all(s["supported"] and s["sources"] for s in value["sentences"])'
    expectJson '{"file", "start", "end", "text", "page", "heading", "score"} <= set(value["sources"][0])'
    expectJson 'value["sentences"][0]["sources"][0]["heading"] == "Reading and writing are different work"'
    expectJson 'value["calls"] == 0 and value["seconds"] >= 0 and value["coverage"]'
    # The offsets are bytes of the imported text, and the text says the same.
    expectJson 'all(len(s["text"].encode()) == s["end"] - s["start"] for s in value["sources"])'
}

test_severalQuestions() {
    run ask "$sample" --json -q 'What is writing an answer called?' -q 'Who sells umbrellas in Oslo?'
    expectStatus 0
    expectJson '[a["found"] for a in value["answers"]] == [True, False]'
}

test_severalFilesAreATable() {
    run ask "$sample" "$LONGSCOPE_SOURCE/tests/data/bees.txt" -q 'What is reading a prompt called?'
    expectStatus 0
    expectOut '^\| .*sample.md \| .*prefill.* \| Reading and writing are different work.* \|'
    expectOut '^\| .*bees.txt \| Not found \|'
    run ask "$sample" "$LONGSCOPE_SOURCE/tests/data/bees.txt" -q 'What is reading a prompt called?' --json
    expectJson '[row["found"] for row in value["table"]] == [True, False] and value["found"]'
}

test_wholeQuotesFromAll() {
    run ask "$sample" --strategy whole --json -q 'In which year was FlashAttention published?'
    expectStatus 0
    expectJson '"2022" in value["text"] and value["strategy"] == "whole"'
}

test_writesOnRequest() {
    printf 'The bridge at Lenningham was closed in March. It cost 2 million crowns.\n' > "$folder/town.txt"
    run ask "$folder/town.txt" --write --json -n 24 -q 'When was the bridge at Lenningham closed?'
    expectStatus 0
    expectJson 'value["calls"] == 1 and value["generated_tokens"] > 0'
    expectJson 'all("supported" in s for s in value["sentences"])'
}

test_onlyWhatFitsTheWindowIsRead() {
    run ask "$sample" --write --json -c 512 -n 24 --places 20 -q 'What does the cache keep of each token?'
    expectStatus 0
    expectJson 'value["calls"] == 1 and value["prompt_tokens"] + 24 <= 512'
}

test_theLibraryKeepsAnswers() {
    run ask "$sample" -q 'What is reading a prompt called?' --library "$folder/books"
    run library show 1 --json --library "$folder/books"
    expectJson '[r["kind"] for r in value["runs"]] == ["answer"] and value["runs"][0]["finished"]'
    expectJson '"prefill" in value["runs"][0]["result"]["text"]'
    expectJson 'value["runs"][0]["settings"]["questions"] == ["What is reading a prompt called?"]'
}

test_vectors() {
    run ask "$LONGSCOPE_SOURCE/tests/data/bees.txt" --vectors --json -q 'How do bees dance?'
    expectStatus 0
    expectJson 'len(value["sources"]) >= 1'
}

test_standardInput() {
    run ask - -q 'Where is the key?' <<< 'The key is under the third stone. Nobody knows it.'
    expectStatus 0
    expectOut 'under the third stone'
}

test_wrongUsage() {
    run ask "$sample"
    expectError 2 'question'
    run ask "$sample" --question ' '
    expectError 2 'nothing asked'
    run ask "$sample" -q 'What?' --strategy guess
    expectError 2 'strategy'
    run ask "$folder/none.txt" -q 'What?'
    expectError 1 'none.txt'
}
