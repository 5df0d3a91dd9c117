// Matrix times one to four vectors, for decode on GPUs.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "params.h"

layout(push_constant) uniform Push { Matmul p; };
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;

uint xAt(uint row) { return row * p.x_stride; }
uint yAt(uint row) { return row * p.y_stride; }
float scaleOf(uint row) { return p.scale; }
#include "subgroup_matvec.glsl"

// Groups: x = ceil(n / TILE_A).
void main() { multiplyRows(); }
