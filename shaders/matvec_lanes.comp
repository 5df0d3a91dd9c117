// Matrix product for decode on the software device.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "params.h"

layout(push_constant) uniform Push { Matmul p; };
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;

uint xAt(uint row) { return row * p.x_stride; }
uint yAt(uint row) { return row * p.y_stride; }
float scaleOf(uint row) { return p.scale; }
#include "lanes_matvec.glsl"

// Groups: x = ceil(n / TILE_W_ROWS), y = rows.
void main() { multiplyRow(gl_WorkGroupID.y); }
