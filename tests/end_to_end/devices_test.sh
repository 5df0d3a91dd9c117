#!/usr/bin/env bash
# Devices: the list, the choice, and a machine without any.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}"

test_list() {
    run devices
    expectStatus 0
    expectOut '[A-Za-z]'
    run devices --json
    expectStatus 0
    expectJson 'len(value["devices"]) >= 1 and value["devices"][0]["name"] != ""'
}

test_noDriver() {
    export VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent
    run devices
    expectStatus 0
    run complete hello -n 1
    expectError 1 '[Vv]ulkan'
}

test_unknownDevice() {
    run complete hello -n 1 --device 77
    expectError 1 77
    run complete hello -n 1 --device 'no such card'
    expectError 1 'no such card'
}
