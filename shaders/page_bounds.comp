// Quest (Tang et al. 2024): the smallest and largest key of each page, dimension by dimension.
// Invocation = 4 dimensions of one page; slots from `keys` on are not read.
// Groups: x = ceil(count * HEAD_DIM / 4 / LOCAL_SIZE), y = kv_heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "cache.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant) uniform Push { PageBounds p; };

const uint QUADS = HEAD_DIM / 4;

void main() {
    uint page = p.first_page + gl_GlobalInvocationID.x / QUADS;
    uint quad = gl_GlobalInvocationID.x % QUADS;
    uint kv_head = gl_WorkGroupID.y;
    uint first = page * p.page_keys, end = min(first + p.page_keys, p.keys);
    if (page >= p.first_page + p.count || first >= end)
        return;
    vec4 smallest = loadQuad(p.k, TYPE_K, kv_head * p.capacity + first, quad);
    vec4 largest = smallest;
    for (uint slot = first + 1; slot < end; ++slot) {
        vec4 key = loadQuad(p.k, TYPE_K, kv_head * p.capacity + slot, quad);
        smallest = min(smallest, key);
        largest = max(largest, key);
    }
    uint at = (kv_head * p.page_capacity + page) * 2 * QUADS + quad;
    Vec4s(p.pages).v[at] = smallest;
    Vec4s(p.pages).v[at + QUADS] = largest;
}
