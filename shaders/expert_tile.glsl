// A tile of group.comp as a product: its rows are assignments of one expert.
#include "expert.glsl"

uint first_in_order;

/// False: the tile has no rows.
bool openTile(uint tile) {
    uint at = tile * GROUP_TILE_WORDS;
    uint rows = layer.tiles.v[at + 2];
    if (rows == 0)
        return false;
    first_in_order = layer.tiles.v[at + 1];
    openExpert(layer.tiles.v[at], rows);
    return true;
}

uint assignmentOf(uint row) { return layer.list.v[first_in_order + row]; }

uint rowOfX(uint row) { return assignmentOf(row) / layer.x_divisor; }
uint rowOfY(uint row) { return assignmentOf(row); }
float scaleOf(uint row) { return scaleOfAssignment(assignmentOf(row)); }
