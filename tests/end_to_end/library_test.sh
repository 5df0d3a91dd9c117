#!/usr/bin/env bash
# The command `library`: adding, listing, showing, searching, removing, purging.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}" "${LONGSCOPE_SOURCE:?}"

books="$folder/books"
library() { run library "$@" --library "$books"; }

addTwo() {
    printf '# Boats\n\nThe harbour has forty berths.\n\n## Ferries\n\nThey leave at noon.\n' > "$folder/boats.md"
    printf 'Trains leave, too. No harbour is near.\n' > "$folder/trains.txt"
    library add "$folder/boats.md" "$folder/trains.txt"
}

test_emptyList() {
    library list
    expectStatus 0
    expectOut "^0 documents in $books/library.sqlite: "
    library list --json
    expectJson 'value["documents"] == [] and value["parts"][0]["bytes"] > 0'
}

test_addListAndShow() {
    addTwo
    expectStatus 0
    expectOut '^1  Boats \([0-9]+ B\)$'
    library list
    expectOut "^ +2 .* trains  \($folder/trains\.txt\)$"
    expectOut '^2 documents'
    library list --json
    expectJson '[d["title"] for d in value["documents"]] == ["trains", "Boats"]'
    library show 1 --json
    expectJson 'value["file"].endswith("boats.md") and value["paragraphs"] == 4'
    expectJson '[s["title"] for s in value["sections"]] == ["Boats", "Ferries"]'
    expectJson 'value["sections"][1]["end"] == value["text_bytes"] and value["runs"] == []'
    library show 1
    expectOut '^ +[0-9]+ B +Ferries$'
}

test_theSameTextIsOneDocument() {
    addTwo
    cp "$folder/boats.md" "$folder/again.md"
    library add "$folder/again.md" --json
    expectJson 'value["documents"][0]["id"] == 1'
    library list --json
    expectJson 'len(value["documents"]) == 2 and "again.md" in value["documents"][0]["file"]'
}

test_search() {
    addTwo
    library search HARBOUR berths
    expectStatus 0
    expectOut '^1  Boats  \[Boats, paragraph 1\]$'
    expectOut 'The harbour has forty berths\.'
    library search 'harb' --json
    expectJson 'sorted(h["document"] for h in value["hits"]) == [1, 2]'
    expectJson 'all(h["end"] > h["start"] and "harbour" in h["text"] for h in value["hits"])'
    expectJson '[h["heading"] for h in value["hits"] if h["document"] == 1] == ["Boats"]'
    library search '"NEAR(' '*' 'no-such-word'
    expectStatus 0
    expectNoOut
    expectErr 'no paragraph of the 2 documents'
}

test_searchTellsThePageOnce() {
    mkdir "$folder/both"
    printf '1\n00:00:01,000 --> 00:00:02,000\nThe harbour is closed.\n' > "$folder/both/a.srt"
    printf 'Another harbour is open.\n' > "$folder/both/b.txt"
    library add "$folder/both" "$LONGSCOPE_SOURCE/tests/data/documents/minutes.pdf"
    library search closed
    expectOut '^1  both  \[00:00:01, a.srt, paragraph 1\]$'
    library search thanked
    expectOut '^2  .*  \[page 1, Opening, '
    library search another
    expectOut '^1  both  \[b.txt, paragraph 1\]$'
    library search another --json
    expectJson '[(h["page"], h["heading"]) for h in value["hits"]] == [(None, "b.txt")]'
}

test_removeAndPurge() {
    addTwo
    library remove 1 9
    expectError 1 'no document 9 among the 2'
    library remove 1
    expectStatus 0
    expectOut '^removed 1  Boats$'
    library search harbour --json
    expectJson '[h["document"] for h in value["hits"]] == [2]'
    library show 1
    expectError 1 'no document 1 '
    library purge --json
    expectStatus 0
    expectJson 'value["result_bytes"] == 0 and value["freed_bytes"] >= 0'
    library list --json
    expectJson 'len(value["documents"]) == 1'
}

test_wrongUsage() {
    library
    expectError 2 ACTION
    library burn
    expectError 2 burn
    library add
    expectError 2 'library add'
    library list 1
    expectError 2 'takes nothing'
    library show 1 2
    expectError 2 'one id, 2'
    library show one
    expectError 2 'one.* is not the number'
    library add "$folder/none.txt"
    expectError 1 none.txt
}

test_aDamagedLibraryIsKeptAside() {
    addTwo
    printf 'Once upon a time' > "$books/library.sqlite"
    library list
    expectStatus 0
    expectErr 'warning: The library was damaged.*library\.sqlite\.damaged-'
    expectOut '^0 documents'
    grep -q 'Once upon' "$books"/library.sqlite.damaged-* || complain "the damaged file should be kept"
}
