// Some rows of one expert as a product: a tile of group.comp, whose rows are assignments, or rows
// that follow one another, of one head.
#include "expert.glsl"

uint first_in_order; // of heads: the first row
uint head;

void openTileOfHead(uint tile) {
    head = tile % layer.heads;
    first_in_order = tile / layer.heads * layer.tile_rows;
    openExpert(head, min(layer.tile_rows, layer.rows - first_in_order));
}

/// False: the tile has no rows.
bool openTile(uint tile) {
    if (OF_HEADS) {
        openTileOfHead(tile);
        return true;
    }
    uint at = tile * GROUP_TILE_WORDS;
    uint rows = layer.tiles.v[at + 2];
    if (rows == 0)
        return false;
    first_in_order = layer.tiles.v[at + 1];
    openExpert(layer.tiles.v[at], rows);
    return true;
}

uint assignmentOf(uint row) { return layer.list.v[first_in_order + row]; }

uint xAt(uint row) {
    return OF_HEADS ? (first_in_order + row) * layer.x_stride + head * layer.x_head
                    : assignmentOf(row) / layer.x_divisor * layer.x_stride;
}

uint yAt(uint row) {
    return OF_HEADS ? (first_in_order + row) * layer.y_stride + head * layer.y_head
                    : assignmentOf(row) * layer.y_stride;
}

float scaleOf(uint row) {
    return OF_HEADS ? p.scale : scaleOfAssignment(assignmentOf(row));
}
