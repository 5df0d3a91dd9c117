// Sorts the assignments of a chunk by expert and cuts them into tiles (params_experts.h), by
// counting. Within a step of LOCAL_SIZE assignments each looks how many before it have the same
// expert, so the order is stable. One workgroup.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 64;
layout(push_constant) uniform Push { Group p; };

shared uint counts[ROUTE_MAX_EXPERTS]; // assignments of each expert; later where the next goes
shared uint step_ids[LOCAL_SIZE];
shared uvec2 totals[LOCAL_SIZE]; // assignments and tiles of the experts of an invocation

uint tilesFor(uint count) { return (count + p.tile_rows - 1) / p.tile_rows; }

void countExperts() {
    for (uint e = gl_LocalInvocationID.x; e < p.experts; e += LOCAL_SIZE)
        counts[e] = 0;
    barrier();
    for (uint a = gl_LocalInvocationID.x; a < p.assignments; a += LOCAL_SIZE)
        atomicAdd(counts[p.ids.v[a]], 1);
    barrier();
}

void storeTile(uint tile, uint expert, uint first, uint rows) {
    if (tile >= p.tiles_made)
        return;
    uint at = tile * GROUP_TILE_WORDS;
    p.tiles.v[at] = expert;
    p.tiles.v[at + 1] = first;
    p.tiles.v[at + 2] = rows;
    p.tiles.v[at + 3] = 0;
}

/// Each invocation has a run of experts; `at` is where it begins, in assignments and tiles.
void placeExperts() {
    uint me = gl_LocalInvocationID.x;
    uint share = (p.experts + LOCAL_SIZE - 1) / LOCAL_SIZE;
    uint first = min(me * share, p.experts), end = min(first + share, p.experts);
    uvec2 own = uvec2(0), at = uvec2(0), all = uvec2(0);
    for (uint e = first; e < end; ++e)
        own += uvec2(counts[e], tilesFor(counts[e]));
    totals[me] = own;
    barrier();
    for (uint i = 0; i < LOCAL_SIZE; ++i) {
        if (i == me)
            at = all;
        all += totals[i];
    }
    for (uint e = first; e < end; ++e) {
        uint count = counts[e];
        for (uint done = 0; done < count; done += p.tile_rows)
            storeTile(at.y++, e, at.x + done, min(count - done, p.tile_rows));
        counts[e] = at.x;
        at.x += count;
    }
    for (uint tile = all.y + me; tile < p.tiles_made; tile += LOCAL_SIZE)
        storeTile(tile, 0, 0, 0);
    barrier();
}

void placeAssignments() {
    uint me = gl_LocalInvocationID.x;
    for (uint first = 0; first < p.assignments; first += LOCAL_SIZE) {
        uint a = first + me;
        uint expert = a < p.assignments ? p.ids.v[a] : ROUTE_MAX_EXPERTS;
        step_ids[me] = expert;
        barrier();
        uint before = 0;
        for (uint i = 0; i < LOCAL_SIZE; ++i)
            before += i < me && step_ids[i] == expert ? 1 : 0;
        if (a < p.assignments)
            p.order.v[counts[expert] + before] = a;
        barrier();
        if (a < p.assignments)
            atomicAdd(counts[expert], 1);
    }
}

void main() {
    countExperts();
    placeExperts();
    placeAssignments();
}
