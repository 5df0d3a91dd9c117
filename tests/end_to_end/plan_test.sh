#!/usr/bin/env bash
# plan: what a window costs, before and after it was allocated.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

part() { printf 'next(p for p in value["parts"] if p["name"] == "%s")' "$1"; }

test_text() {
    run plan --context 1024
    expectStatus 0
    expectOut '^\| weights \| [0-9]+ \|'
    expectOut '^\| kv cache \| 23592960 \|' # 30 layers, 3 heads of 64, K and V in halves
    expectOut '^\| full \| [0-9]+ \|'
    expectOut '8192 \|$' # that the positions reach
}

test_aRingDoesNotGrow() {
    run plan --json --context 4096 --attention window:512 --kv q8_0
    expectStatus 0
    expectJson '[layer["tokens"] for layer in value["layers"]] == [512 + 256 - 1] * 30'
    expectJson "$(part 'kv cache')[\"planned_bytes\"] == 30 * 767 * 3 * 2 * 68"
    expectJson 'sum(p["planned_bytes"] for p in value["parts"]) == value["total_bytes"]'
    expectJson 'value["flops_prefill"] > 4096 * 2.1e8 and value["flops_per_token"] > 2.1e8'
    expectJson 'value["longest_context"] == value["longest_context_by_cache"]["q8_0"] > 1e9'
    expectJson '"reach" not in value'
}

test_theCacheDecidesTheLongestWindow() {
    run plan --json --context 1024
    expectJson 'value["reach"] == 8192'
    expectJson 'all(a < b for a, b in zip(*(lambda l: ([l["f32"], l["f16"], l["q8_0"]], [l["f16"], l["q8_0"], l["q4_0"]]))(value["longest_context_by_cache"])))'
    expectJson 'value["longest_context_by_cache"]["f16"] == value["longest_context_by_cache"]["bf16"]'
}

test_settingsSideBySide() {
    run plan --json --context 2048 --attention full --attention "window:64@0-28 full@29"
    expectStatus 0
    expectJson '[s["attention"] for s in value["settings"]] == ["full", "window:64@0-28 full@29"]'
    expectJson 'value["settings"][1]["layers"][29]["tokens"] == 2048'
    expectJson 'value["settings"][1]["flops_prefill"] < value["settings"][0]["flops_prefill"]'
}

test_plannedIsBooked() {
    run plan --json --measure --quiet --context 600 --attention full --attention sinks:4+60
    expectStatus 0
    for index in 0 1; do
        expectJson "all(p[\"planned_bytes\"] == p[\"booked_bytes\"] for p in value[\"settings\"][$index][\"parts\"] if p[\"name\"] != \"scratch\")"
        expectJson "all(abs(p[\"planned_bytes\"] / p[\"booked_bytes\"] - 1) < 0.05 for p in value[\"settings\"][$index][\"parts\"])"
    done
}

test_windowsBeyondTheTrainedOne() {
    run plan --context 20000
    expectStatus 0
    expectErr '^longscope: warning: .*20000.*8192'
    run plan --context 20000 --attention window:64@99
    expectError 2 99
}
