#!/usr/bin/env bash
# Packages of the system: finds which lines of app/packages.txt are not met and installs those with apt.
# On Debian 12 what is too old comes from Debian 13 (trixie), through the mirror that the machine itself
# uses and with a pin that keeps everything else as it is. Part of app/setup.sh, which sets the two below.
: "${longscope_root:?}" "${stamps:?}"

apt_sources=${LONGSCOPE_APT_ROOT:-}/etc/apt/sources.list.d/longscope-trixie.sources
apt_pin=${LONGSCOPE_APT_ROOT:-}/etc/apt/preferences.d/longscope-trixie

# Lines "package version" of packages.txt for a purpose; `tests` includes `build`.
wantedPackages() {
    awk -v purpose="$1" '!/^#/ && NF >= 4 && ($3 == "build" || $3 == purpose) { print $1, $2 }' \
        "$longscope_root/app/packages.txt"
}

# True when version $1 is at least version $2, in plain numbers.
versionAtLeast() {
    [[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" == "$2" ]]
}

# True when a tool that does the work of package $1 is there, from wherever; false for libraries.
toolIsThere() {
    case $1 in
    g++-14) findCompiler > /dev/null ;;
    cmake) versionAtLeast "$(cmake --version 2> /dev/null | sed -n '1s/[^0-9]*//p')" "$2" ;;
    ninja-build) versionAtLeast "$(ninja --version 2> /dev/null)" "$2" ;;
    pkg-config) command -v pkg-config > /dev/null ;;
    glslang-tools) versionAtLeast "$(glslangValidator --version 2> /dev/null | sed -n '1s/.*:\([0-9]\)/\1/p')" "$2" ;;
    curl) command -v curl > /dev/null ;;
    python3-pip) findPip > /dev/null ;;
    xvfb) command -v Xvfb > /dev/null ;;
    xdotool) command -v xdotool > /dev/null ;;
    *) return 1 ;;
    esac
}

# Lines "package installed-version" of all wanted packages that dpkg has for this architecture.
installedPackages() {
    local names
    names=$(wantedPackages "$1" | cut -d' ' -f1)
    # shellcheck disable=SC2086  # one argument a package
    dpkg-query -W -f='${db:Status-Status} ${Architecture} ${Package} ${Version}\n' $names 2> /dev/null |
        awk -v here="$(dpkg --print-architecture)" \
            '$1 == "installed" && ($2 == here || $2 == "all") { print $3, $4 }'
}

# Lines "package version" of what is missing or too old, on a system with dpkg.
missingPackages() {
    local installed package version found
    installed=$(installedPackages "$1" || true)
    while read -r package version; do
        toolIsThere "$package" "$version" && continue
        found=$(awk -v package="$package" '$1 == package { print $2 }' <<< "$installed")
        [[ -n $found ]] && dpkg --compare-versions "$found" ge "$version" && continue
        printf '%s %s\n' "$package" "$version"
    done < <(wantedPackages "$1")
}

# Lines "package version" of tools that are missing, on a system without dpkg (libraries: CMake
# tells; fonts: the window takes others).
missingTools() {
    local package version
    while read -r package version; do
        case $package in lib* | *-dev | mesa* | vulkan* | ca-* | fonts-*) continue ;; esac
        toolIsThere "$package" "$version" || printf '%s %s\n' "$package" "$version"
    done < <(wantedPackages "$1")
}

asRoot() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Stops with the list of packages when nobody here may install them.
requireRoot() {
    ((EUID != 0)) || return 0
    command -v sudo > /dev/null ||
        die "these packages are missing, and there is no sudo to install them with: $*; install them as root, then run this again"
    say "will run apt-get with sudo to install: $*"
    sudo -n true 2> /dev/null || sudo -v || die "sudo refused; install these packages as root, then run this again: $*"
}

aptGet() {
    asRoot env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"
}

# Prints the newest version of package $1 that the machine's own sources offer (not our trixie one).
offeredVersion() {
    local skip=none
    [[ -f $apt_sources ]] && skip='trixie/'
    apt-cache madison "$1" 2> /dev/null |
        awk -F' *[|] *' -v skip="$skip" 'index($3, skip) == 0 { print $2; exit }'
}

# The machine's Debian 12 source as a trixie one in deb822 form; nothing when there is none.
# Reads both kinds of apt source files; takes over Signed-By (a path or a whole key) and the mirror.
trixieSource() {
    local etc=${LONGSCOPE_APT_ROOT:-}/etc/apt file found
    for file in "$etc"/sources.list.d/*.sources "$etc"/sources.list "$etc"/sources.list.d/*.list; do
        [[ -r $file && $file != "$apt_sources" ]] || continue
        if [[ $file == *.sources ]]; then
            found=$(awk -f "$longscope_root/app/trixie_from_sources.awk" "$file")
        else
            found=$(awk -f "$longscope_root/app/trixie_from_list.awk" "$file")
        fi
        [[ -z $found ]] || { printf '%s\n' "$found" && return; }
    done
}

trixiePin() {
    cat << 'PIN'
# Written by Longscope's app/setup.sh: Debian 13 is there to be asked for by name, and upgrades nothing
# by itself. Before upgrading this machine to Debian 13, delete this file and
# sources.list.d/longscope-trixie.sources.
Package: *
Pin: release n=trixie*
Pin-Priority: 90
PIN
}

# Writes TEXT to FILE as root, whole or not at all; nothing when it says so already.
writeAsRoot() {
    local file=$1 text=$2 draft
    [[ -r $file && "$(< "$file")" == "$text" ]] && return
    draft=$(mktemp)
    temporary_files+=("$draft")
    printf '%s\n' "$text" > "$draft"
    say "writing $file"
    asRoot install -m 644 "$draft" "$file.new"
    asRoot mv "$file.new" "$file"
}

# Makes trixie available, asked for by name only. The pin is written first: no moment without it.
addTrixie() {
    local source
    source=$(trixieSource)
    [[ -n $source ]] ||
        die "this Debian is too old for: $*; and none of its apt sources names bookworm, so that the set-up does not know which mirror has trixie"
    writeAsRoot "$apt_pin" "$(trixiePin)"
    writeAsRoot "$apt_sources" "$source"
}

# Removes our trixie source once the machine's own sources are at trixie: the pin would hold them back.
dropTrixieAfterUpgrade() {
    [[ -f $apt_sources && -z "$(trixieSource)" ]] || return 0
    say "this machine has left Debian 12: removing $apt_sources and $apt_pin"
    asRoot rm -f "$apt_sources" "$apt_pin"
}

updateLists() {
    runFollowed "apt-get update" "$stamps/apt.log" aptGet update && return
    tail -n 5 "$stamps/apt.log" >&2
    die "apt-get update failed (off line?); still to be installed: $*"
}

# What apt would do for `install OPTIONS... PACKAGES...`; nothing is changed.
installPlan() {
    local plan
    plan=$(apt-get -s -q install --no-install-recommends "$@" 2>&1) && printf '%s\n' "$plan" && return
    printf '%s\n' "$plan" | tail -n 15 >&2
    die "apt cannot install: $*"
}

# The packages that a plan (standard input) takes away for good, on one line: tools, and whatever
# somebody asked for by name. Other libraries come back under a new name (libfoo1 as libfoo1t64) or
# are needed by nobody any more.
lostPackages() {
    awk -v manual="$(apt-mark showmanual | paste -sd' ' -)" '
        BEGIN { split(manual, names, " "); for (i in names) asked[names[i]] = 1 }
        $1 == "Remv" { gone[$2] } $1 == "Inst" { comes[$2] }
        END { for (name in gone)
                  if (!(name in comes) && !((name "t64") in comes) && (name !~ /^lib/ || name in asked))
                      printf "%s ", name }'
}

# aptInstall OPTIONS... PACKAGES...: a package that would have to go because it wants the older library
# is taken to the same release with the others; what cannot be kept so is a reason not to begin.
aptInstall() {
    local lost kept
    lost=$(installPlan "$@" | lostPackages)
    if [[ -n $lost ]]; then
        # shellcheck disable=SC2086  # one argument a package
        kept=$(installPlan "$@" $lost | lostPackages)
        [[ -z $kept ]] ||
            die "installing $* would remove ${lost% }; nothing was changed. Install them by hand if that is wanted"
        say "newer too, because they would not work with the newer libraries: ${lost% }"
        # shellcheck disable=SC2086
        set -- "$@" $lost
    fi
    runFollowed installing "$stamps/apt.log" aptGet install --no-install-recommends "$@" && return
    tail -n 20 "$stamps/apt.log" >&2
    die "apt-get could not install: $*"
}

# Installs "package version" lines: from the machine's own sources where they are new enough, else, on
# Debian, from trixie; elsewhere the older one, saying so.
aptInstallMissing() {
    local own=() newer=() package version offered
    while read -r package version; do
        offered=$(offeredVersion "$package")
        if [[ -n $offered ]] && dpkg --compare-versions "$offered" ge "$version"; then
            own+=("$package")
        elif grep -q '^ID=debian' /etc/os-release; then
            newer+=("$package")
        elif [[ -n $offered ]]; then
            say "this system has $package $offered; Longscope was tested with $version and newer"
            own+=("$package")
        else
            say "this system does not offer $package; the build will say if it is missed"
        fi
    done <<< "$1"
    ((${#own[@]} == 0)) || aptInstall "${own[@]}"
    ((${#newer[@]} == 0)) && return
    say "from Debian 13 (trixie), pinned so that nothing else is upgraded: ${newer[*]}"
    addTrixie "${newer[@]}"
    updateLists "${newer[@]}"
    aptInstall -t trixie "${newer[@]}"
}

# Makes sure that all packages for a purpose (`build` or `tests`) are there.
installPackages() {
    local purpose=$1 wanted missing names
    wanted=$(cat "$longscope_root"/app/packages.txt "$longscope_root"/app/setup*.sh | cksum)
    stampSays packages-tests "$wanted" && return
    stampSays "packages-$purpose" "$wanted" && return
    if command -v apt-get > /dev/null && command -v dpkg-query > /dev/null; then
        missing=$(missingPackages "$purpose")
        names=$(cut -d' ' -f1 <<< "$missing" | paste -sd' ' -)
        if [[ -n $missing ]]; then
            say "missing or too old on this system: $names"
            # shellcheck disable=SC2086  # one argument a package
            requireRoot $names
            dropTrixieAfterUpgrade
            updateLists "$names"
            aptInstallMissing "$missing"
        fi
    else
        missing=$(missingTools "$purpose")
        names=$(cut -d' ' -f1 <<< "$missing" | paste -sd' ' -)
        [[ -z $missing ]] ||
            die "this system has no apt, so please install, under its own names for them: $names (all that is needed, and why: app/packages.txt)"
    fi
    writeStamp "packages-$purpose" "$wanted"
}
