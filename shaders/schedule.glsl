// Reading a schedule (layout: params.h): the tiles of a head group, the runs of keys of a tile, and
// which keys of a run each query sees. Every run has at least one key.
#ifndef LONGSCOPE_SCHEDULE_GLSL
#define LONGSCOPE_SCHEDULE_GLSL

struct Tile {
    uint first_row, row_step, rows, first_run, end_run;
};

struct Run {
    uint slot, position, step, keys, bounds, list, zone; // keys: the length
};

uint tilesOf(Uints schedule, uint head_group) {
    return schedule.v[SCHEDULE_GROUPS + 2 * head_group + 1];
}

/// Tile `index` of a head group; index < tilesOf(schedule, head_group).
Tile readTile(Uints schedule, uint head_group, uint index) {
    uint tile = schedule.v[SCHEDULE_GROUPS + 2 * head_group] + index;
    uint at = schedule.v[SCHEDULE_TILES] + tile * SCHEDULE_TILE_WORDS;
    return Tile(schedule.v[at], schedule.v[at + 1], schedule.v[at + 2], schedule.v[at + 3],
                schedule.v[at + 4]);
}

Run readRun(Uints schedule, uint run) {
    uint at = schedule.v[SCHEDULE_RUNS] + run * SCHEDULE_RUN_WORDS;
    return Run(schedule.v[at], schedule.v[at + 1], schedule.v[at + 2], schedule.v[at + 3],
               schedule.v[at + 4], schedule.v[at + 5], schedule.v[at + 6]);
}

/// Row of q of a tile's query. Beyond the last one: the last one again, which is not stored.
uint rowOfQuery(Tile tile, uint query) {
    return tile.first_row + min(query, tile.rows - 1) * tile.row_step;
}

/// Keys of the run that a query sees: first, end. `queries`: of a tile of this kernel.
uvec2 readBounds(Uints schedule, Run run, uint queries, uint query) {
    if (run.bounds == SCHEDULE_NONE)
        return uvec2(0, run.keys);
    uint at = schedule.v[SCHEDULE_BOUNDS] + (run.bounds * queries + query) * 2;
    return uvec2(schedule.v[at], min(schedule.v[at + 1], run.keys));
}

/// Where the list of a run begins (word of the schedule); only for runs that have one.
uint listOf(Uints schedule, Run run) { return schedule.v[SCHEDULE_LISTS] + run.list; }

/// Slot and position of key `i` of a run, i < run.keys. Slots outside a run may hold NaN, so
/// callers that step over its end clamp i. `has_lists`: whether runs may have lists (a constant).
uvec2 slotAndPosition(Uints schedule, Run run, uint i, bool has_lists) {
    if (has_lists && run.list != SCHEDULE_NONE)
        return uvec2(schedule.v[listOf(schedule, run) + i]);
    return uvec2(run.slot, run.position) + i * run.step;
}
#endif
