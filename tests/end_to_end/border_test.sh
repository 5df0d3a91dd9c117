#!/usr/bin/env bash
# The borders between rooms: what a panel must not see does not build there. Run through support.sh.
: "${out:?}" "${err:?}" "${folder:?}"

# True when a panel that includes FILE compiles, with the folders that the target `ui` has.
panelBuildsWith() {
    local include=() path
    while IFS= read -r path; do include+=("-isystem" "$path"); done < <(tr ':' '\n' <<< "$LONGSCOPE_UI_INCLUDES")
    printf '#include "%s"\n' "$1" > "$folder/panel.cpp"
    "$LONGSCOPE_CXX" -std=c++23 -fsyntax-only -DIMGUI_USER_CONFIG='"ui/imgui_config.h"' "${include[@]}" \
        "$folder/panel.cpp" > "$out" 2> "$err"
}

test_panelsSeeTheirContract() {
    local file
    for file in ui/snapshot.h ui/command.h ui/panel.h compute/attention/pattern.h; do
        panelBuildsWith "$file" || complain "a panel should build with $file"
    done
}

test_panelsSeeNothingElse() {
    local file
    for file in compute/engine/session.h compute/engine/worker.h compute/gpu/device.h compute/model/gguf.h \
        compute/document/document.h compute/reading/summarize.h app/desk/desk.h app/window/window.h; do
        [[ -f $LONGSCOPE_SOURCE/$file ]] || complain "$file is not there any more"
        ! panelBuildsWith "$file" || complain "a panel should not build with $file"
        grep -q "$file: No such file\|'$file' file not found" "$err" || complain "$file should not be found"
    done
}

test_panelsNameNoVulkan() {
    if grep -rnE 'vulkan|Vk[A-Z]|std::(thread|mutex|jthread)|<fstream>|<filesystem>|<mutex>|<thread>' \
        "$LONGSCOPE_SOURCE/ui" --include='*.cpp' --include='*.h'; then
        complain "the panels name no Vulkan, thread, lock or file"
    fi
}
