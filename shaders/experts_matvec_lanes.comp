// Matrix product of an expert layer for decode on the software device.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "params.h"
#include "expert_row.glsl"
#include "lanes_matvec.glsl"

// Groups: x = ceil(n / TILE_W_ROWS), y = assignments.
void main() {
    openAssignment(gl_WorkGroupID.y);
    multiplyRow(0);
}
