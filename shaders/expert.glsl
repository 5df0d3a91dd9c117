// The product of one expert, as the plain kernels see it: p, filled from the table of experts.
layout(push_constant) uniform Push { ExpertMatmul layer; };
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
const bool OF_HEADS = (FLAGS & MATMUL_HEADS) != 0;

Matmul p;

void openExpert(uint expert, uint rows) {
    Expert own = layer.experts.v[expert];
    p.w = own.w;
    p.x = layer.x;
    p.y = layer.y;
    p.bias = own.bias;
    p.residual = layer.y; // unused
    p.rows = rows;
    p.k = layer.k;
    p.n = layer.n;
    p.x_stride = layer.x_stride;
    p.y_stride = layer.y_stride;
    p.scale = own.scale;
}

float scaleOfAssignment(uint a) {
    return (FLAGS & MATMUL_FACTOR) != 0 ? p.scale * layer.factor.v[a] : p.scale;
}
