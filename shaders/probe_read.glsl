// The body of the two read probes. The includer defines WORDS, a type of 16 bytes, and foldWords.
// Each workgroup reads one contiguous run, 16 bytes an invocation and step: on the software device
// a workgroup of one subgroup then streams through memory as a processor likes it.
layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant, std430) uniform Params { Probe p; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Source { WORDS v[]; };

void main() {
    Source source = Source(p.data);
    const uint lanes = gl_WorkGroupSize.x;
    uint at = gl_WorkGroupID.x * p.iterations * lanes + gl_LocalInvocationID.x;
    WORDS sum0 = WORDS(0), sum1 = WORDS(0), sum2 = WORDS(0), sum3 = WORDS(0);
    uint done = 0;
    // Four loads are in flight before the first is needed.
    for (; done + 4 <= p.iterations; done += 4) {
        sum0 += source.v[at];
        sum1 += source.v[at + lanes];
        sum2 += source.v[at + 2 * lanes];
        sum3 += source.v[at + 3 * lanes];
        at += 4 * lanes;
    }
    for (; done < p.iterations; done++) {
        sum0 += source.v[at];
        at += lanes;
    }
    // 16 bits are exact in a float, so that a test can compare.
    p.result.v[gl_GlobalInvocationID.x] = float(foldWords(sum0 + sum1 + sum2 + sum3) & 0xffffu);
}
