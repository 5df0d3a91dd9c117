// Probe of `bench`: how many bytes a second kernels can read.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "params.h"

#define WORDS uvec4
uint foldWords(uvec4 sum) { return sum.x + sum.y + sum.z + sum.w; }

#include "probe_read.glsl"
