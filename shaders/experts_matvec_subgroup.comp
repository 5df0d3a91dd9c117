// Matrix product of an expert layer for decode on GPUs.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "params.h"
#include "expert_row.glsl"
#include "subgroup_matvec.glsl"

// Groups: x = ceil(n / TILE_A), y = assignments.
void main() {
    openAssignment(gl_WorkGroupID.y);
    multiplyRows();
}
