// Scores for choosing keys on GPUs: one for a group of queries and a group of keys, which is the
// sum over the antidiagonal of the scores between them (group 1: plain scores). A workgroup has
// QUERIES groups of queries of one head and takes tiles of 32 groups of keys (subgroup_tiles.glsl),
// every z-th one.
// Groups: x = ceil(row_groups / QUERIES), y = heads, z = any; more than ceil(key_groups / 32)
// are of no use.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "subgroup_tiles.glsl"

layout(push_constant) uniform Push { AttentionScores p; };

void store(uint first_group, uint rows, uint key, vec4 scores[OWN_ROWS]) {
    uint across = gl_LocalInvocationID.x % 8, down = gl_LocalInvocationID.x / 8;
    [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
        [[unroll]] for (uint j = 0; j < 4; ++j) {
            uint row = down + i * ROW_STEP, key_group = key + across + 8 * j;
            uint at = (gl_WorkGroupID.y * p.row_groups + first_group + row) * p.key_groups;
            if (row < rows && key_group < p.key_groups)
                p.scores.v[at + key_group] = scores[i][j];
        }
}

void main() {
    uint head = gl_WorkGroupID.y, first_group = gl_WorkGroupID.x * QUERIES;
    if (first_group >= p.row_groups)
        return;
    uint rows = min(p.row_groups - first_group, QUERIES);
    uint cache_row = head / (p.heads / p.kv_heads) * p.capacity;
    // There are no lists, so no schedule is read.
    KeyRows keys = KeyRows(p.k, p.rotation, Uints(p.scores), cache_row, p.rope_dims);
    for (uint key = gl_WorkGroupID.z * KEYS; key < p.key_groups; key += gl_NumWorkGroups.z * KEYS) {
        vec4 scores[OWN_ROWS];
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
            scores[i] = vec4(0);
        for (uint t = 0; t < p.group; ++t) {
            vec4 before[OWN_ROWS];
            uint first_row = p.first_row + first_group * p.group + p.group - 1 - t;
            QueryRows queries =
                QueryRows(p.q, Tile(first_row, p.group, rows, 0, 0), p.heads, head,
                          HAS_RULES ? p.scale * LOG2_E : p.scale, p.position, p.head_facts);
            Run run = Run(t, t, p.group, p.key_groups, SCHEDULE_NONE, SCHEDULE_NONE, 0);
            [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
                before[i] = scores[i];
                if (HAS_RULES) // are of one product
                    scores[i] = vec4(0);
            }
            addScores(queries, keys, run, key, scores);
            if (HAS_RULES)
                applyRules(queries, keys, run, key, scores);
            [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
                if (HAS_RULES)
                    scores[i] = before[i] + scores[i] * (1 / LOG2_E);
        }
        store(first_group, rows, key, scores);
    }
}
