// One assignment as a product: p has a single row.
#include "expert.glsl"

uint assignment, x_row;

void openAssignment(uint a) {
    assignment = a;
    x_row = a / layer.x_divisor;
    openExpert(layer.list.v[a], 1);
}

uint rowOfX(uint row) { return x_row; }
uint rowOfY(uint row) { return assignment; }
float scaleOf(uint row) { return scaleOfAssignment(assignment); }
