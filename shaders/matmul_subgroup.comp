// Matrix product for prefill on GPUs.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(push_constant) uniform Push { Matmul p; };
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;

uint xAt(uint row) { return row * p.x_stride; }
uint yAt(uint row) { return row * p.y_stride; }
float scaleOf(uint row) { return p.scale; }
#include "subgroup_matmul.glsl"

// Groups: x = ceil(n / TILE_B), y = ceil(rows / TILE_A).
void main() { multiplyTile(gl_WorkGroupID.y * TILE_A, gl_WorkGroupID.x * TILE_B); }
