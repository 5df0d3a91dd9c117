// Four columns of a row at a time: loads and stores of rows of any width, and the smooth steps that
// norms, activations and caps are made of, finite for every finite argument.
#ifndef LONGSCOPE_QUADS_GLSL
#define LONGSCOPE_QUADS_GLSL

// Columns column .. column + 3 of a row that begins at `start` and has `columns`; those beyond
// count as 0. wide: start and columns are multiples of 4, `from` of 16 bytes.
vec4 loadQuad(Floats from, uint start, uint column, uint columns, bool wide) {
    if (wide)
        return Vec4s(from).v[(start + column) / 4];
    vec4 value = vec4(0);
    [[unroll]] for (uint e = 0; e < 4; ++e)
        if (column + e < columns)
            value[e] = from.v[start + column + e];
    return value;
}

// The reverse; nothing is written beyond the last column.
void storeQuad(Floats to, uint start, uint column, uint columns, bool wide, vec4 value) {
    if (wide) {
        Vec4s(to).v[(start + column) / 4] = value;
        return;
    }
    [[unroll]] for (uint e = 0; e < 4; ++e)
        if (column + e < columns)
            to.v[start + column + e] = value[e];
}

// Which of the four columns lie beyond the last one.
bvec4 beyondColumns(uint column, uint columns) {
    return greaterThanEqual(uvec4(column) + uvec4(0, 1, 2, 3), uvec4(columns));
}

// 1 / (1 + exp(-x)). Below -80 it is 0, so that a large |x| times it is 0 too; the bound keeps exp
// finite.
vec4 sigmoid(vec4 x) {
    vec4 inner = 1.0 / (1.0 + exp(-max(x, vec4(-80))));
    return mix(inner, vec4(0), lessThan(x, vec4(-80)));
}

vec4 silu(vec4 x) {
    return x * sigmoid(x);
}

// Beyond 15 the tangent is 1 to the last bit; many drivers make it of exp, which would overflow.
vec4 boundedTanh(vec4 x) {
    return tanh(clamp(x, vec4(-15), vec4(15)));
}
#endif
