# From a one-line apt source file: the first entry for Debian 12's main archive, as a deb822 entry for
# trixie. Keeps the mirror and the options arch= and signed-by=.
$1 != "deb" || done { next }
{
    line = $0
    sub(/#.*/, "", line)
    options = ""
    if (match(line, /\[[^]]*\]/)) {
        options = substr(line, RSTART + 1, RLENGTH - 2)
        line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
    }
    count = split(line, word)
    if (word[2] ~ /^cdrom:/ || word[3] !~ /^(bookworm|oldstable|stable)$/) next
    for (i = 4; i <= count && word[i] != "main"; i++) continue
    if (i > count) next
    print "Types: deb\nURIs: " word[2] "\nSuites: trixie\nComponents: main"
    count = split(options, option)
    for (i = 1; i <= count; i++) {
        value = option[i]
        sub(/^[^=]*=/, "", value)
        gsub(/,/, " ", value)
        if (option[i] ~ /^arch=/) print "Architectures: " value
        if (option[i] ~ /^signed-by=/) print "Signed-By: " value
    }
    done = 1
}
