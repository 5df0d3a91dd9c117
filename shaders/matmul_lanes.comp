// Matrix product for prefill on the software device.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "params.h"

layout(push_constant) uniform Push { Matmul p; };
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;

uint xAt(uint row) { return row * p.x_stride; }
uint yAt(uint row) { return row * p.y_stride; }
float scaleOf(uint row) { return p.scale; }
#include "lanes_matmul.glsl"

// Groups: x = ceil(n / 8 / TILE_GROUPS), y = ceil(rows / TILE_ROWS).
void main() { multiplyTile(gl_WorkGroupID.y * TILE_ROWS, gl_WorkGroupID.x * TILE_GROUPS); }
