// One range of the keys of a head group, taken in segments of at most LOCAL_SIZE keys: decode of
// the `subgroup` family. A segment joins neighbouring runs of one zone, so that many short runs
// cost little more than a long one.
#include "subgroup_attention.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 128;

// Where the keys of the segment lie.
shared uint key_slots[LOCAL_SIZE];
const bool HAS_POSITIONS = RAW_KEYS || HAS_SLOPES;
shared uint key_positions[HAS_POSITIONS ? LOCAL_SIZE : 1];

/// Where the next segment begins: key at_key of run at_run.
struct Cursor {
    uint at_run, at_key;
    uint end_run;
};

/// `count` keys behind the first one of a tile.
Cursor cursorAt(Uints schedule, Tile tile, uint count) {
    Cursor cursor = Cursor(tile.first_run, 0, tile.end_run);
    for (; cursor.at_run < cursor.end_run; ++cursor.at_run) {
        uint keys = readRun(schedule, cursor.at_run).keys;
        if (count < keys)
            break;
        count -= keys;
    }
    cursor.at_key = count;
    return cursor;
}

/// Takes the next segment: at most `most` keys, all of one zone. Returns how many. Barriers before
/// and after it are the caller's.
uint takeSegment(Uints schedule, uint most, inout Cursor cursor, out uint zone) {
    uint me = gl_LocalInvocationID.x;
    uint count = 0;
    zone = 0;
    while (cursor.at_run < cursor.end_run && count < most) {
        Run run = readRun(schedule, cursor.at_run);
        if (HAS_ZONES && count > 0 && run.zone != zone)
            break;
        zone = run.zone;
        uint taken = min(run.keys - cursor.at_key, most - count);
        if (me - count < taken) { // unsigned: also me >= count
            uvec2 place = slotAndPosition(schedule, run, cursor.at_key + me - count, HAS_LISTS);
            key_slots[me] = place.x;
            if (HAS_POSITIONS)
                key_positions[me] = place.y;
        }
        count += taken;
        cursor.at_key += taken;
        if (cursor.at_key == run.keys) {
            ++cursor.at_run;
            cursor.at_key = 0;
        }
    }
    return count;
}
