// Scores with lane = query, KEYS keys a step, for the `lanes` kernels that have them: the dims of a
// key are handed round. In turn t, lane l takes the value of lane l ^ t. That is one instruction
// (none for t = 0); handing the value of one lane to all is two.
// Needs before it: the parameters `p` with q, k, rope_dims, scale, position and head_facts.

layout(constant_id = SPEC_TILE_A) const uint HEADS = 3; // divides heads / kv_heads
layout(constant_id = SPEC_TILE_B) const uint KEYS = 3;
layout(constant_id = SPEC_TILE_C) const uint ROWS = 1; // queries of a lane

const uint QUERIES = LANES * ROWS; // of a tile
// A lane has OWN pairs of a query and a head: number n is head n % HEADS of the tile's query
// lane + LANES * (n / HEADS).
const uint OWN = ROWS * HEADS;

uint lane, first_head, cache_row; // cache_row: of slot 0 of this KV head
uint query_rows[ROWS];            // lane = query: rows of q
// lane = query, times scale * log2(e); [turn] holds the dims of lane ^ turn
float queries[OWN][LANES][DIMS];
float weights[OWN][KEYS]; // lane = query: scores, later their exp2
uint rows[KEYS];          // of the cache, of the keys of a step

/// Those of `query_rows`.
void loadQueries(Floats q) {
    [[unroll]] for (uint own = 0; own < OWN; ++own) {
        uint row = query_rows[own / HEADS] * p.heads + first_head + own % HEADS;
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn)
            [[unroll]] for (uint i = 0; i < FOURS; ++i) {
                uint n = (lane ^ turn) * FOURS + i;
                vec4 four = loadQueryFour(q, row, n, p.rope_dims);
                [[unroll]] for (uint j = 0; j < 4; ++j)
                    queries[own][turn][4 * i + j] = four[j] * (p.scale * LOG2_E);
            }
    }
}

/// Row of a key of a run, of each lane's own one; beyond the run that of its last key.
uint rowOfKey(Uints schedule, Run run, uint key) {
    uint at = min(key, run.keys - 1);
    if (HAS_LISTS && run.list != SCHEDULE_NONE)
        return cache_row + schedule.v[listOf(schedule, run) + at];
    return cache_row + run.slot + at * run.step;
}

/// Lane j has the row of key j (KEYS <= LANES): one load of a list instead of KEYS.
void shareRows(uint row) {
    [[unroll]] for (uint j = 0; j < KEYS; ++j)
        rows[j] = subgroupShuffle(row, j);
}

/// Rows of the next KEYS keys of a run, from `row` on (or from its list); never one beyond the run:
/// what lies there may be NaN, and 0 * NaN is NaN.
void findRows(Uints schedule, Run run, uint key, inout uint row) {
    uint last_row = cache_row + run.slot + (run.keys - 1) * run.step;
    if (HAS_LISTS) {
        shareRows(rowOfKey(schedule, run, key + lane));
        return;
    }
    [[unroll]] for (uint j = 0; j < KEYS; ++j) {
        rows[j] = row;
        row = min(row + run.step, last_row);
    }
}

/// What a row of the cache plus this is the position of.
uint rowToPosition(Run run) {
    if (HAS_LISTS && run.list != SCHEDULE_NONE)
        return -cache_row;
    return run.position - run.slot - cache_row;
}

/// Which keys of a run a lane sees: key i when i - first <= last, in unsigned numbers.
struct Seen {
    uint first, last;
};
Seen readSeen(Uints schedule, Run run, uint query) {
    uvec2 bounds = readBounds(schedule, run, QUERIES, query);
    bool none = bounds.x >= bounds.y;
    return Seen(none ? 1u << 31 : bounds.x, none ? 0 : bounds.y - 1 - bounds.x);
}

// With q8_0 the driver's compiler makes one score after the other, each a chain of additions that
// wait for each other. Two shorter chains are a fifth faster there, and not with other types.
const bool TWO_CHAINS = CACHE_TYPE_K == CACHE_Q8_0;

/// Scores of `rows`, in base 2. `table`: rotations of raw keys.
void scoreKeys(Floats table, uint to_position) {
    vec4 keys[KEYS][FOURS];
    float odd[OWN][KEYS]; // two chains: sums of the odd turns
    [[unroll]] for (uint j = 0; j < KEYS; ++j) {
        loadKeyPart(p.k, rows[j], lane, table, rows[j] + to_position, p.rope_dims, keys[j]);
        scaleKeyPart(p.k, rows[j], lane, keys[j]);
    }
    [[unroll]] for (uint i = 0; i < DIMS; ++i)
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn)
            [[unroll]] for (uint j = 0; j < KEYS; ++j) {
                float value = subgroupShuffleXor(keys[j][i / 4][i % 4], turn);
                [[unroll]] for (uint own = 0; own < OWN; ++own) {
                    float product = queries[own][turn][i] * value;
                    if (TWO_CHAINS && turn % 2 == 1)
                        odd[own][j] = i + turn == 1 ? product : odd[own][j] + product;
                    else
                        weights[own][j] = i + turn == 0 ? product : weights[own][j] + product;
                }
            }
    if (TWO_CHAINS)
        [[unroll]] for (uint own = 0; own < OWN; ++own)
            [[unroll]] for (uint j = 0; j < KEYS; ++j)
                weights[own][j] += odd[own][j];
    if (HAS_RULES)
        [[unroll]] for (uint own = 0; own < OWN; ++own) {
            vec4 facts = p.head_facts.v[first_head + own % HEADS];
            uint query_position = p.position + query_rows[own / HEADS];
            [[unroll]] for (uint j = 0; j < KEYS; ++j) {
                int distance = int(query_position - (rows[j] + to_position));
                weights[own][j] = ruledScore(weights[own][j], facts, distance);
            }
        }
}
