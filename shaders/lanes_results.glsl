// The state of a tile in the `lanes` attention: how it starts, goes on from an earlier pass, and is
// stored. A tile is often over in some microseconds, so addresses are made once.
// Needs before it: the parameters `p` (AttentionPrefill), `tile`, `maxima`, `totals`, `sums`.

uint headOf(uint own) { return first_head + own % HEADS; }

/// Query of the tile that sums[turn][own] belongs to.
uint queryOf(uint turn, uint own) { return (lane ^ turn) + LANES * (own / HEADS); }

uint stateWord(uint own) { return query_rows[own / HEADS] * p.heads + headOf(own); }

const uint TWOS = DIMS / 2;
/// Bytes from the first dim of a head to two dims of this lane. Beyond head_dim (it is even): its
/// first two, or those of the head.
uint64_t two_bytes[TWOS];
uint64_t head_bytes; // from a head to the next one

void placeTwos() {
    uint first = lane * DIMS < p.head_dim ? lane * DIMS : 0;
    [[unroll]] for (uint i = 0; i < TWOS; ++i) {
        uint dim = lane * DIMS + 2 * i;
        two_bytes[i] = uint64_t(4 * (dim < p.head_dim ? dim : first));
    }
    head_bytes = uint64_t(4 * p.head_dim);
}

/// Address of the first head of the row of query (lane ^ turn) + LANES * group.
uint64_t resultRow(uint turn, uint group) {
    uint row = rowOfQuery(tile, (lane ^ turn) + LANES * group);
    return uint64_t(p.result) + uint64_t(4 * (row * p.out_stride + first_head * p.head_dim));
}

vec2 loadTwo(uint64_t address) { return twoFloats(Words64(address).v[0]); }

void continueState() {
    [[unroll]] for (uint own = 0; own < OWN; ++own) {
        vec2 state = twoFloats(Words64(p.state).v[stateWord(own)]);
        totals[own] = state.y;
        maxima[own] = state.y > 0 ? state.x : FIRST_MAXIMUM;
    }
    [[unroll]] for (uint group = 0; group < ROWS; ++group)
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn) {
            uint64_t address = resultRow(turn, group);
            [[unroll]] for (uint head = 0; head < HEADS; ++head) {
                uint own = group * HEADS + head;
                float total = subgroupShuffleXor(totals[own], turn);
                [[unroll]] for (uint i = 0; i < TWOS; ++i) {
                    vec2 sum = loadTwo(address + two_bytes[i]) * total;
                    sums[turn][own][2 * i] = sum.x;
                    sums[turn][own][2 * i + 1] = sum.y;
                }
                address += head_bytes;
            }
        }
}

void startState() {
    [[unroll]] for (uint own = 0; own < OWN; ++own) {
        maxima[own] = HAS_SINKS ? p.head_facts.v[headOf(own)].y : FIRST_MAXIMUM;
        totals[own] = HAS_SINKS ? 1 : 0;
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn)
            [[unroll]] for (uint i = 0; i < DIMS; ++i)
                sums[turn][own][i] = 0;
    }
}

void storeState() {
    [[unroll]] for (uint own = 0; own < OWN; ++own)
        if (queryOf(0, own) < tile.rows)
            Words64(p.state).v[stateWord(own)] =
                packUint2x32(floatBitsToUint(vec2(maxima[own], totals[own])));
}

void storeResult() {
    float inverse[OWN];
    [[unroll]] for (uint own = 0; own < OWN; ++own)
        inverse[own] = totals[own] > 0 ? 1 / totals[own] : 0;
    [[unroll]] for (uint group = 0; group < ROWS; ++group)
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn) {
            float factors[HEADS];
            [[unroll]] for (uint head = 0; head < HEADS; ++head)
                factors[head] = subgroupShuffleXor(inverse[group * HEADS + head], turn);
            if (queryOf(turn, group * HEADS) >= tile.rows || lane * DIMS >= p.head_dim)
                continue;
            uint64_t address = resultRow(turn, group);
            [[unroll]] for (uint head = 0; head < HEADS; ++head) {
                uint own = group * HEADS + head;
                vec2 first;
                [[unroll]] for (uint i = 0; i < TWOS; ++i) {
                    vec2 two = vec2(sums[turn][own][2 * i], sums[turn][own][2 * i + 1]);
                    two *= factors[head];
                    first = i == 0 ? two : first;
                    if (lane * DIMS + 2 * i >= p.head_dim) // stores those once more
                        two = first;
                    Words64(address + two_bytes[i]).v[0] = packUint2x32(floatBitsToUint(two));
                }
                address += head_bytes;
            }
        }
}
