#!/usr/bin/env bash
# Summaries of a long text by every strategy: calls, tokens, minutes, and how far the forecasts were
# off. summaries.sh LONGSCOPE [WORDS_OF_TEXT [STRATEGY...]]; about 74,000 words are 100,000 tokens.
# The texts and the reports stay in build/summaries.
set -euo pipefail

longscope=${1:?the program}
words=${2:-74000}
shift $(($# > 2 ? 2 : $#))
strategies=("$@")
((${#strategies[@]} > 0)) || strategies=(extract map-reduce tree refine)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work="$root/build/summaries"
mkdir -p "$work"

# Own text: the samples by sections, and between them chronicles of made-up places whose facts are
# told in varied words, until there are enough.
python3 - "$root" "$words" > "$work/long.md" << 'PYTHON'
import random, sys
root, wanted = sys.argv[1], int(sys.argv[2])
random.seed(7)
places = "Harrow Selby Lenning Marsh Oxbow Tarn Wick Alder Brent Corran Dunmore Eskdale Fenton Garth Holm Ingle Kessock Lorn Mallow Norwick".split()
things = "the mill;the ferry;the school;the bridge;the lighthouse;the market;the quarry;the library;the railway;the hospital;the harbour;the theatre".split(";")
people = "Anna Reed;Tom Hale;Ines Vogt;Piet Maas;Lena Kurz;Omar Said;Ruth Bell;Jan Novak;Mira Stone;Karl Berg".split(";")
causes = "a flood in spring;a fire in the night;a gift of the county;a strike of the carriers;a winter without snow;the new road over the hill;a quarrel about money;the war".split(";")
outcomes = "trade came back within {n} years;{n} families moved away;the council sold {n} fields to pay for it;{n} workers were taken on;the price of bread rose by {n} percent;nobody spoke of it for {n} years;visitors came from {n} towns".split(";")
openings = ["In {y} {thing} of {place} was rebuilt after {cause}, and {out}.",
            "{person} took over {thing} at {place} in {y}; {out}.",
            "Because of {cause}, {place} lost {thing} in {y}, and {out}.",
            "The records of {place} say that {thing} cost {c} crowns in {y}.",
            "After {y} {person} of {place} wrote {n} letters about {thing}.",
            "It was {cause} that brought {person} to {place} in {y}, and soon {out}.",
            "By {y} {thing} at {place} served {c} people a year."]
def sentence(place):
    n = random.randint(2, 90)
    return random.choice(openings).format(y=random.randint(1780, 1990), thing=random.choice(things), place=place,
        cause=random.choice(causes), person=random.choice(people), n=n, c=f"{random.randint(2, 980)},{random.randint(0, 999):03}",
        out=random.choice(outcomes).format(n=n))
out, count, chapter = [], 0, 0
def add(text):
    global count
    out.append(text)
    count += len(text.split())
add("# A long book of places\n")
for name in ("assets/sample.md", "assets/short.md", "tests/data/harbour.md"):
    text = open(f"{root}/{name}").read()
    add("\n".join("#" + line if line.startswith("#") else line for line in text.splitlines()) + "\n")
while count < wanted:
    chapter += 1
    add(f"## Chapter {chapter}\n")
    for section in range(random.randint(3, 6)):
        place = random.choice(places)
        add(f"### {place} in {random.randint(1780, 1990)}, part {chapter}.{section + 1}\n")
        for paragraph in range(random.randint(2, 6)):
            add(" ".join(sentence(place) for _ in range(random.randint(3, 7))) + "\n")
        if count >= wanted:
            break
print("\n".join(out))
PYTHON
printf '%s words, %s bytes: %s\n' "$(wc -w < "$work/long.md")" "$(wc -c < "$work/long.md")" "$work/long.md"

for strategy in "${strategies[@]}"; do
    status=0
    "$longscope" summarize "$work/long.md" --strategy "$strategy" --json \
        > "$work/$strategy.json" 2> "$work/$strategy.err" || status=$?
    python3 - "$strategy" "$status" "$work/$strategy.json" << 'PYTHON'
import json, sys
strategy, status, path = sys.argv[1:]
try:
    value = json.load(open(path))
except ValueError:
    sys.exit(f"{strategy}: status {status}, no report; see the .err file beside {path}")
run = value["documents"][0]
real = run["seconds"]
off = lambda forecast: f"{100 * (forecast - real) / real:+.0f} %" if forecast > 0 and real > 0 else "none"
sentences = value["sentences"]
print(f"{strategy}: status {status}, {value['calls']} calls ({value['kept_calls']} kept), "
      f"{value['prompt_tokens']} tokens in prompts ({value['reused_tokens']} reused), "
      f"{value['generated_tokens']} written, {real / 60:.1f} min; forecast before {off(run['forecast_seconds'])}, "
      f"after a tenth {off(run['forecast_after_tenth_seconds'])}; {len(sentences)} sentences, "
      f"{sum(bool(s['sources']) for s in sentences)} with sources")
for sentence in sentences:
    print("   -", sentence["text"], "" if sentence["sources"] else "[no source found]")
PYTHON
done
