# From a deb822 apt source file: the first entry for Debian 12's main archive, rewritten for trixie.
# Keeps the mirror (URIs), Architectures and Signed-By, which may be a path or a key of many lines.
function reset() { split("", field); key = "" }
function has(list, pattern,    words, count, i) {
    count = split(list, words)
    for (i = 1; i <= count; i++) if (words[i] ~ pattern) return 1
    return 0
}
function flush() {
    if (!done && has(field["types"], "^deb$") && has(field["components"], "^main$") &&
        has(field["suites"], "^(bookworm|oldstable|stable)$") && tolower(field["enabled"]) !~ /no/) {
        print "Types: deb\nURIs:" field["uris"] "\nSuites: trixie\nComponents: main"
        if ("architectures" in field) print "Architectures:" field["architectures"]
        if ("signed-by" in field) print "Signed-By:" field["signed-by"]
        done = 1
    }
    reset()
}
BEGIN { reset() }
/^#/ { next }
/^[ \t]*$/ { flush(); next }
/^[ \t]/ { field[key] = field[key] "\n" $0; next }
{
    colon = index($0, ":")
    key = tolower(substr($0, 1, colon - 1))
    field[key] = substr($0, colon + 1)
}
END { flush() }
