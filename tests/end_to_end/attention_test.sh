#!/usr/bin/env bash
# attention: maps as files that others can read, figures of all heads, and refusals with numbers.
# Run through support.sh, which sets the variables used here.
: "${out:?}" "${err:?}" "${folder:?}"

# The beginning of a text, 200 words: some 370 tokens.
shortText() {
    file="$folder/text"
    tr -s ' \n' ' ' < "$LONGSCOPE_SOURCE/tests/data/text.txt" | cut -d' ' -f1-200 > "$file"
}

# check EXPRESSION: a Python expression that must hold over the functions below.
check() {
    python3 - "$1" "$folder" 2> "$folder/python" << 'PYTHON' || complain "should hold: $1 $(tail -n 1 "$folder/python")"
import ast, csv, struct, sys, zlib
folder = sys.argv[2] + "/"

def npy(name):
    data = open(folder + name, "rb").read()
    assert data[:8] == b"\x93NUMPY\x01\x00"
    length = struct.unpack("<H", data[8:10])[0]
    assert (10 + length) % 64 == 0 and data[9 + length:10 + length] == b"\n"
    header = ast.literal_eval(data[10:10 + length].decode())
    assert header["descr"] == "<f4" and header["fortran_order"] is False
    rows, columns = header["shape"]
    values = struct.unpack(f"<{rows * columns}f", data[10 + length:])
    return [values[r * columns:(r + 1) * columns] for r in range(rows)]

def table(name):
    lines = list(csv.reader(open(folder + name)))
    return lines[0][1:], [line[0] for line in lines[1:]], [[float(v) for v in line[1:]] for line in lines[1:]]

# Pixels as (red, green, blue), by the PNG specification: chunks, zlib, filters, palette.
def png(name):
    data = open(folder + name, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        chunks[kind] = chunks.get(kind, b"") + data[at + 8:at + 8 + length]
        at += 12 + length
    width, height, bits, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (bits, colour) == (8, 3)
    raw, palette = zlib.decompress(chunks[b"IDAT"]), chunks[b"PLTE"]
    above, rows = bytes(width), []
    for y in range(height):
        line = bytearray(raw[y * (width + 1):(y + 1) * (width + 1)])
        kind, line = line[0], line[1:]
        for x in range(width):
            a, b, c = (line[x - 1] if x else 0), above[x], (above[x - 1] if x else 0)
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = (line[x] + (0, a, b, (a + b) // 2, paeth)[kind]) % 256
        above = bytes(line)
        rows.append([tuple(palette[3 * i:3 * i + 3]) for i in line])
    return rows

def lightness(pixel):
    return 0.2126 * pixel[0] + 0.7152 * pixel[1] + 0.0722 * pixel[2]

# Larger values never look darker, and much larger ones look lighter.
def ordered(values, pixels):
    scale = len(pixels) // len(values)
    cells = sorted((v, lightness(pixels[r * scale][c * scale]))
                   for r, row in enumerate(values) for c, v in enumerate(row))
    rising = all(a[1] <= b[1] + 1e-9 for a, b in zip(cells, cells[1:]))
    return rising and cells[-1][1] > 200 and len({light for _, light in cells}) > 20

def rowSums(values, step, tokens):
    return all(abs(sum(row) - min(step, tokens - r * step)) < 1e-2 for r, row in enumerate(values))

sys.exit(0 if eval(sys.argv[1]) else 1)
PYTHON
}

test_mapsAreFilesThatOthersRead() {
    shortText
    run attention "$file" --layer 3 --head 2 --size 32 --out "$folder/map.npy" --json
    expectStatus 0
    expectJson 'value["tokens"] > 300 and value["rows"] <= 32 and value["heads"] == [2] and value["map_device_bytes"] < 2**26'
    expectErr '^longscope: [0-9]+ tokens, [0-9]+ x [0-9]+ cells of [0-9]+ queries by [0-9]+ keys \(sum\).* s beyond the reading'
    local tokens step
    tokens=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["tokens"])' "$out")
    step=$(((tokens + 31) / 32))
    check "rowSums(npy('map.npy'), $step, $tokens)"
    run attention "$file" --layer 3 --head 2 --size 32 --out "$folder/map.csv"
    expectStatus 0
    expectNoOut
    check "table('map.csv')[0][:2] == ['0:$step', '$step:$((2 * step))'] and table('map.csv')[0] == table('map.csv')[1]"
    check "all(abs(a - b) < 1e-5 for x, y in zip(npy('map.npy'), table('map.csv')[2]) for a, b in zip(x, y))"
    run attention "$file" --layer 3 --head 2 --size 32 --out "$folder/map.png"
    expectStatus 0
    check "ordered(npy('map.npy'), png('map.png'))"
    check "len(png('map.png')) >= 256"
}

test_poolsAgree() {
    shortText
    local pool
    for pool in sum mean max; do
        run attention "$file" --layer 0 --size 50 --queries 100:231 --keys 20:90 --pool $pool --out "$folder/$pool.npy"
        expectStatus 0
    done
    # 3 queries by 2 keys, all of them visible: 6 pairs, but in the last row (100 + 43 * 3 = 229).
    check "len(npy('sum.npy')) == 44 and len(npy('sum.npy')[0]) == 35"
    check "all(abs(s - m * 6) < 1e-5 for x, y in zip(npy('sum.npy')[:-1], npy('mean.npy')) for s, m in zip(x, y))"
    check "all(b >= a - 1e-7 for x, y in zip(npy('mean.npy'), npy('max.npy')) for a, b in zip(x, y))"
}

test_patternsShowInTheMap() {
    shortText
    run attention "$file" --attention window:40 --layer 1 --head 0 --size 512 --out "$folder/map.npy"
    expectStatus 0
    check "all(v == 0 for i, row in enumerate(npy('map.npy')) for j, v in enumerate(row) if j > i or j <= i - 40)"
    check "rowSums(npy('map.npy'), 1, len(npy('map.npy')))"
}

test_figuresOfAllHeads() {
    shortText
    run attention "$file" --json --recall a-shape:4+60
    expectStatus 0
    expectJson 'len(value["heads"]) == 270 and value["recall_of"] == "a-shape:4+60"'
    expectJson 'all(0 <= h["sink_share"] <= 1.001 and 0 <= h["recent_share"] <= 1.001 and h["entropy"] >= 0 for h in value["heads"])'
    # The window holds the sinks and the last 60, and less than everything.
    expectJson 'all(h["sink_share"] - 1e-3 <= h["recall"] <= 1.001 for h in value["heads"]) and any(h["recall"] < 0.9 for h in value["heads"])'
    run attention "$file"
    expectStatus 0
    expectOut '^layer +head +entropy +distance +first 4 +last 256$'
    [[ $(wc -l < "$out") == 271 ]] || complain "there should be a line for each of 270 heads"
}

test_recallOfSomeLayersAndOfAMask() {
    shortText
    printf 'block 64\n1\n01\n' > "$folder/mask"
    run attention "$file" --json --recall "blocks:$folder/mask@0-3"
    expectStatus 0
    expectJson 'all(h["recall"] == 1 for h in value["heads"] if h["layer"] > 3) and any(h["recall"] < 0.9 for h in value["heads"] if h["layer"] < 4)'
    run attention "$file" --recall "window:9@30"
    expectError 2 'there is no layer 30'
}

test_refusals() {
    shortText
    run attention "$file" --layer 0
    expectError 2 '--out'
    run attention "$file" --out "$folder/map.png"
    expectError 2 '--layer'
    run attention "$file" --layer 0 --out "$folder/map.jpg"
    expectError 2 '.npy, .csv or .png'
    run attention "$file" --layer 30 --out "$folder/map.png"
    expectError 2 'layer 30.* 29'
    run attention "$file" --layer 0 --head 1,9 --out "$folder/map.png"
    expectError 2 'head 9.* 8'
    run attention "$file" --layer 0 --keys 5:4000 --out "$folder/map.png"
    expectError 2 '5:4000'
    run attention "$file" --layer 0 --queries x --out "$folder/map.png"
    expectError 2 'A:B'
    run attention "$file" --context 64 --layer 0 --out "$folder/map.png"
    expectError 1 'needs [0-9]+ tokens, the window has 64'
    run attention "$file" --recall topk:4,32
    expectError 2 'topk:4,32'
    [[ ! -e $folder/map.png ]] || complain "no file should be left"
}
