// Matrix product of an expert layer for prefill on GPUs.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "expert_tile.glsl"
#include "subgroup_matmul.glsl"

// Groups: x = tiles of TILE_A rows, y = ceil(n / TILE_B): neighbours read the same weights.
void main() {
    if (openTile(gl_WorkGroupID.x))
        multiplyTile(0, gl_WorkGroupID.y * TILE_B);
}
