// Matrix product of an expert layer for prefill on GPUs.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "expert_tile.glsl"
#include "subgroup_matmul.glsl"

// Groups: x = ceil(n / TILE_B), y = tiles of TILE_A rows.
void main() {
    if (openTile(gl_WorkGroupID.y))
        multiplyTile(0);
}
