#version 450
// Scores for choosing keys, on the software device. A workgroup is 8 groups of rows (lane = row
// group) x HEADS heads of one KV head x a range of the key groups. Sums over the `group` products
// are made in memory, one turn of all keys after the other, so that queries are loaded once a turn.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "params.h"
#include "lanes_attention.glsl"

layout(local_size_x = 8) in;
layout(push_constant) uniform Push { AttentionScores p; };
#include "lanes_scores.glsl"

/// Adds to the scores of KEYS key groups, or begins them.
void storeScores(uint row_group, uint first, uint end, bool is_first) {
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        uint at = ((first_head + head) * p.row_groups + row_group) * p.key_groups + first;
        [[unroll]] for (uint j = 0; j < KEYS; ++j)
            if (row_group < p.row_groups && first + j < end) {
                float score = weights[head][j] * (1 / LOG2_E);
                p.scores.v[at + j] = is_first ? score : p.scores.v[at + j] + score;
            }
    }
}

/// Products of key `turn` of every group with the row that meets it.
void scoreTurn(uint turn, uint row_group, uint begin, uint end) {
    uint last_group = min(row_group, p.row_groups - 1); // repeats are not stored
    query_rows[0] = p.first_row + last_group * p.group + p.group - 1 - turn;
    loadQueries(p.q);
    for (uint first = begin; first < end; first += KEYS) {
        [[unroll]] for (uint j = 0; j < KEYS; ++j)
            rows[j] = cache_row + min(first + j, end - 1) * p.group + turn;
        scoreKeys(p.rotation, -cache_row);
        // A loop that ends at once. Without a border here the driver's compiler makes one score
        // after the other, each a chain of additions that wait for each other: half the speed.
        do
            storeScores(row_group, first, end, turn == 0);
        while (p.heads == 0);
    }
}

// Grid: (ceil(row_groups / 8), heads / HEADS, ranges of the key groups: any number).
void main() {
    lane = gl_SubgroupInvocationID;
    first_head = gl_WorkGroupID.y * HEADS;
    cache_row = first_head / (p.heads / p.kv_heads) * p.capacity;
    uint range = (p.key_groups + gl_NumWorkGroups.z - 1) / gl_NumWorkGroups.z;
    uint begin = gl_WorkGroupID.z * range, end = min(begin + range, p.key_groups);
    for (uint turn = 0; turn < p.group; ++turn)
        scoreTurn(turn, gl_WorkGroupID.x * LANES + lane, begin, end);
}
