#!/usr/bin/env bash
# The window of the real program on a display without a screen (Xvfb), with real keys and clicks;
# and what happens without a display. The data folder is the test's own.
# shellcheck disable=SC2034  # status and command_line are read by support.sh
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

library="$folder/data/longscope/library.sqlite"
server='' program='' window=''
trap 'end; rm -rf "$folder"' EXIT

end() {
    [[ -z $program ]] || kill -KILL "$program" 2> /dev/null
    [[ -z $server ]] || kill "$server" 2> /dev/null
}

# The user's model, and nothing else of the user.
ownData() {
    mkdir -p "$folder/data/longscope"
    ln -s "$(dirname "$(defaultModel)")" "$folder/data/longscope/models"
    export XDG_DATA_HOME="$folder/data"
}

# A display of 1440x900; its picture is the file $folder/Xvfb_screen0.
display() {
    if ! command -v Xvfb > /dev/null || ! command -v xdotool > /dev/null; then
        echo "SKIPPED, NOT PASSED: the window is tested with the packages xvfb and xdotool"
        exit 77
    fi
    Xvfb -displayfd 3 -screen 0 1440x900x24 -fbdir "$folder" -nolisten tcp \
        3> "$folder/number" 2> "$folder/server" &
    server=$!
    for _ in $(seq 100); do
        [[ ! -s $folder/number ]] || break
        sleep 0.1
    done
    DISPLAY=":$(cat "$folder/number")"
    export DISPLAY
    unset WAYLAND_DISPLAY
}

# open ARGUMENTS...: starts `longscope run` and waits for its window.
open() {
    command_line="longscope run $*"
    set -m # a job of its own: else the shell would make it deaf to SIGINT
    "$LONGSCOPE" run "$@" > "$out" 2> "$err" &
    program=$!
    set +m
    window=$(timeout 20 xdotool search --sync --onlyvisible --name '^Longscope$') ||
        complain "no window was shown"
    until within 10 colours 20; do
        complain "nothing is drawn in the window"
        break
    done
    xdotool windowfocus --sync "$window"
}

# close SIGNAL: sends it, sets the status and the milliseconds it took.
close() {
    local started=${EPOCHREALTIME/./}
    kill "-$1" "$program"
    status=0
    wait "$program" 2> /dev/null || status=$?
    program=''
    milliseconds=$(((${EPOCHREALTIME/./} - started) / 1000))
}

# within SECONDS COMMAND...: waits until the command succeeds.
within() {
    local tries=$(($1 * 10))
    shift
    for _ in $(seq "$tries"); do
        "$@" && return
        sleep 0.1
    done
    return 1
}

# colours N: more than N colours are on the display.
colours() {
    python3 -c 'import sys
picture = open(sys.argv[1], "rb").read()[-1440 * 900 * 4:]
pixels = memoryview(picture).cast("I")
sys.exit(0 if len(set(pixels[::97])) > int(sys.argv[2]) else 1)' "$folder/Xvfb_screen0" "$1"
}

# changed SHARE: at least this share of the display is not as it was at `remember`.
remember() { cp "$folder/Xvfb_screen0" "$folder/before"; }
changed() {
    python3 -c 'import sys
size = 1440 * 900 * 4
a, b = (memoryview(open(name, "rb").read()[-size:]).cast("I") for name in sys.argv[1:3])
differing = sum(a[i] != b[i] for i in range(0, len(a), 13)) / len(range(0, len(a), 13))
sys.exit(0 if differing >= float(sys.argv[3]) else 1)' "$folder/before" "$folder/Xvfb_screen0" "$1"
}

# kept EXPRESSION: holds for what the library has: documents, open, preferences, messages (in order,
# each a dict with role, text and details).
kept() {
    python3 -c 'import json, sqlite3, sys
base = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
texts = dict(base.execute("SELECT name, text FROM small_texts"))
documents = dict(base.execute("SELECT id, title FROM documents"))
open_ones = json.loads(texts.get("documents.open", "{}"))
preferences = json.loads(texts.get("preferences", "{}"))
messages = [{"role": r, "text": t, "details": json.loads(d)} for r, t, d in
            base.execute("SELECT role, text, details FROM messages ORDER BY id")]
sys.exit(0 if eval(sys.argv[2]) else 1)' "$library" "$1" 2> "$folder/python"
}

test_showsADocumentAndThePalette() {
    ownData
    display
    open "$LONGSCOPE_SOURCE/tests/data/bees.txt"
    within 10 kept 'len(documents) == 1 and open_ones["current"] in documents' ||
        complain "the document of the command line should be open"
    sleep 0.5
    remember
    xdotool keydown ctrl keydown shift key p keyup shift keyup ctrl
    within 5 changed 0.02 || complain "the command palette should cover a part of the window"
    xdotool type --delay 20 'light'
    xdotool key Return
    within 5 kept 'preferences.get("theme") == "light"' ||
        complain "the palette should have changed the theme"
    within 5 changed 0.5 || complain "the window should be light now"
}

test_interruptClosesIt() {
    ownData
    display
    open
    close INT
    printf 'closed after %s ms\n' "$milliseconds"
    expectStatus 130
    ((milliseconds < 2000)) || complain "it took $milliseconds ms to close"
    kept 'preferences["window"][2:] == [1440, 900]' || complain "the window's size should be kept"
}

# All texts that are kept.
messages() {
    python3 -c 'import sqlite3, sys
for row in sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute(
        "SELECT id, parent, role, text FROM messages ORDER BY id"):
    print(*row)' "$library"
}

# write TEXT: as a message; the field keeps the keyboard after the first click into it.
write() {
    xdotool type --delay 15 "$1"
    xdotool key Return
}

test_aKillLosesNoFinishedMessage() {
    ownData
    display
    open
    xdotool mousemove --window "$window" 900 797 sleep 0.1 click 1 # the field of the chat
    write 'Say hello'
    within 90 kept 'len(messages) == 2 and not messages[1]["details"]["growing"]' ||
        complain "the first answer should come"
    write 'Tell me a long story about the sea'
    within 60 kept 'len(messages) == 4 and len(messages[3]["text"]) > 20' ||
        complain "the second answer should begin"
    close KILL
    expectStatus 137
    kept 'messages[1]["text"] and messages[2]["text"].startswith("Tell me")' ||
        complain "finished messages should be in the library"
    kept 'messages[3]["details"]["growing"]' || complain "it should have been killed while writing"
    messages > "$folder/killed"
    open
    sleep 1
    close INT
    messages > "$folder/found"
    same "$folder/killed" "$folder/found"
}

test_noDisplayReadsInTheTerminal() {
    unset DISPLAY WAYLAND_DISPLAY
    run run "$LONGSCOPE_SOURCE/tests/data/bees.txt"
    expectStatus 0
    expectOut 'bees'
}

test_aDisplayThatIsNotThere() {
    unset WAYLAND_DISPLAY
    ownData
    DISPLAY=:9999 run run "$LONGSCOPE_SOURCE/tests/data/bees.txt"
    expectStatus 0
    expectErr '^longscope: no window can be opened here: .*command line'
    [[ $(grep -c 'no window' "$err") == 1 ]] || complain "that should be said once"
    expectOut 'bees'
}

test_screenshotOfNoPanel() {
    run screenshot kitchen --out "$folder/kitchen.png"
    expectError 2 'kitchen'
    [[ ! -e $folder/kitchen.png ]] || complain "no picture should be written"
}

test_screenshotOfAQuestionToSeveral() {
    unset DISPLAY WAYLAND_DISPLAY
    run screenshot library "$LONGSCOPE_SOURCE/tests/data/bees.txt" \
        "$LONGSCOPE_SOURCE/tests/data/harbour.md" --question "How many species of fish?" \
        --out "$folder/library.png"
    expectStatus 0
    expectNoOut
    [[ -s $folder/library.png ]] || complain "there should be a picture"
    run screenshot library "$LONGSCOPE_SOURCE/tests/data/bees.txt" --labels one \
        --out "$folder/none.png"
    expectError 1 'at least two'
    [[ ! -e $folder/none.png ]] || complain "no picture should be written"
}

test_screenshotHasTheSize() {
    unset DISPLAY WAYLAND_DISPLAY
    run screenshot settings --theme light --scale 2 --out "$folder/settings.png" \
        "$LONGSCOPE_SOURCE/tests/data/bees.txt"
    expectStatus 0
    expectNoOut
    python3 -c 'import struct, sys
head = open(sys.argv[1], "rb").read(24)
sys.exit(0 if head[1:4] == b"PNG" and struct.unpack(">II", head[16:]) == (1920, 1600) else 1)' \
        "$folder/settings.png" || complain "the picture should have 1920 x 1600 pixels"
}
