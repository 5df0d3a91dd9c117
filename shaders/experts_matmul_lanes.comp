// Matrix product of an expert layer for prefill on the software device.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "params.h"
#include "expert_tile.glsl"
#include "lanes_matmul.glsl"

// Groups: x = tiles of TILE_ROWS rows, y = ceil(n / 8 / TILE_GROUPS). The driver gives each of its
// threads a range of workgroups in which x runs first, so each has its part of the empty tiles.
void main() {
    if (openTile(gl_WorkGroupID.x))
        multiplyTile(0, gl_WorkGroupID.y * TILE_GROUPS);
}
