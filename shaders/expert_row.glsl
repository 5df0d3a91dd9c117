// One assignment as a product: p has a single row.
#include "expert.glsl"

uint assignment, x_at, y_at;

void openAssignment(uint a) {
    assignment = a;
    if (OF_HEADS) {
        uint row = a / layer.heads, head = a % layer.heads;
        x_at = row * layer.x_stride + head * layer.x_head;
        y_at = row * layer.y_stride + head * layer.y_head;
        openExpert(head, 1);
    } else {
        x_at = a / layer.x_divisor * layer.x_stride;
        y_at = a * layer.y_stride;
        openExpert(layer.list.v[a], 1);
    }
}

uint xAt(uint row) { return x_at; }
uint yAt(uint row) { return y_at; }
float scaleOf(uint row) { return scaleOfAssignment(assignment); }
