// Router of an expert layer: which experts each row uses, and their weights (params_experts.h has
// the rule). The best is asked for `used` times: every invocation looks through its part of the
// scores, then all agree. Workgroup = one row. Groups: x = rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 64;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(push_constant) uniform Push { Route p; };

const float LOWEST = -3.4e38; // finite, so that no difference of infinities can arise
const uint NONE = 0xffffffffu;

shared float chances[ROUTE_MAX_EXPERTS]; // P
shared float scores[ROUTE_MAX_EXPERTS];  // S; of NaN LOWEST
shared float group_scores[ROUTE_MAX_EXPERTS];
shared uint open[ROUTE_MAX_EXPERTS]; // 1: may be chosen
shared uint chosen[ROUTE_MAX_USED];
shared float partial_values[LOCAL_SIZE]; // one a subgroup; they may be as small as one invocation
shared uint partial_indices[LOCAL_SIZE];

float sumOfWorkgroup(float value) {
    value = subgroupAdd(value);
    barrier(); // the partial values of the last time have been read
    if (subgroupElect())
        partial_values[gl_SubgroupID] = value;
    barrier();
    float sum = 0;
    for (uint i = 0; i < gl_NumSubgroups; ++i)
        sum += partial_values[i];
    return sum;
}

/// The place of the largest value of all invocations, of equals the first place. `index` NONE: has
/// no value.
uint placeOfLargest(float value, uint index) {
    float largest = subgroupMax(value);
    uint place = subgroupMin(value == largest ? index : NONE);
    barrier();
    if (subgroupElect()) {
        partial_values[gl_SubgroupID] = largest;
        partial_indices[gl_SubgroupID] = place;
    }
    barrier();
    for (uint i = 0; i < gl_NumSubgroups; ++i) {
        float other = partial_values[i];
        if (i == 0 || other > largest || (other == largest && partial_indices[i] < place)) {
            largest = other;
            place = partial_indices[i];
        }
    }
    return place;
}

float largestOfWorkgroup(float value) {
    value = subgroupMax(value);
    barrier();
    if (subgroupElect())
        partial_values[gl_SubgroupID] = value;
    barrier();
    float largest = partial_values[0];
    for (uint i = 1; i < gl_NumSubgroups; ++i)
        largest = max(largest, partial_values[i]);
    return largest;
}

float logitOf(uint row, uint expert) { return p.z.v[row * p.z_stride + expert]; }

/// The bound keeps exp finite; beyond it the sigmoid is 0 to every digit that matters.
float sigmoid(float z) { return 1.0 / (1.0 + exp(min(-z, 80.0))); }

void softmaxOf(uint row) {
    float largest = LOWEST, sum = 0;
    for (uint e = gl_LocalInvocationID.x; e < p.experts; e += LOCAL_SIZE)
        largest = max(largest, logitOf(row, e));
    largest = largestOfWorkgroup(largest);
    for (uint e = gl_LocalInvocationID.x; e < p.experts; e += LOCAL_SIZE) {
        chances[e] = exp(logitOf(row, e) - largest);
        sum += chances[e];
    }
    sum = sumOfWorkgroup(sum);
    for (uint e = gl_LocalInvocationID.x; e < p.experts; e += LOCAL_SIZE)
        chances[e] /= sum;
}

void scoreExperts(uint row) {
    if ((FLAGS & ROUTE_SOFTMAX) != 0)
        softmaxOf(row);
    for (uint e = gl_LocalInvocationID.x; e < p.experts; e += LOCAL_SIZE) {
        if ((FLAGS & ROUTE_SIGMOID) != 0)
            chances[e] = sigmoid(logitOf(row, e));
        else if ((FLAGS & ROUTE_SOFTMAX) == 0)
            chances[e] = logitOf(row, e);
        float score = chances[e] + ((FLAGS & ROUTE_BIAS) != 0 ? p.bias.v[e] : 0.0);
        scores[e] = isnan(score) ? LOWEST : max(score, LOWEST);
        open[e] = 1;
    }
}

/// Closes all experts but those of the best groups: a group stays if fewer than groups_used are
/// better than it.
void keepGroups() {
    uint size = p.experts / p.groups;
    barrier();
    for (uint group = gl_LocalInvocationID.x; group < p.groups; group += LOCAL_SIZE) {
        float first = LOWEST, second = LOWEST;
        for (uint i = 0; i < size; ++i) {
            float score = scores[group * size + i];
            second = max(second, min(first, score));
            first = max(first, score);
        }
        group_scores[group] = size == 1 ? first : first + second;
    }
    barrier();
    for (uint group = gl_LocalInvocationID.x; group < p.groups; group += LOCAL_SIZE) {
        uint better = 0;
        float own = group_scores[group];
        for (uint i = 0; i < p.groups; ++i)
            better += group_scores[i] > own || (group_scores[i] == own && i < group) ? 1 : 0;
        for (uint i = 0; i < size && better >= p.groups_used; ++i)
            open[group * size + i] = 0;
    }
}

void chooseExperts() {
    barrier();
    for (uint j = 0; j < p.used; ++j) {
        float largest = LOWEST;
        uint place = NONE;
        for (uint e = gl_LocalInvocationID.x; e < p.experts; e += LOCAL_SIZE)
            if (open[e] != 0 && (place == NONE || scores[e] > largest)) {
                largest = scores[e];
                place = e;
            }
        place = placeOfLargest(largest, place);
        if (gl_LocalInvocationID.x == 0)
            chosen[j] = place;
        if (place % LOCAL_SIZE == gl_LocalInvocationID.x)
            open[place] = 0;
    }
    barrier();
}

float weightOf(uint row, uint j) {
    float z = logitOf(row, chosen[j]);
    if ((FLAGS & ROUTE_SIGMOID_SELECTED) != 0)
        return sigmoid(z);
    if ((FLAGS & ROUTE_SOFTMAX_SELECTED) == 0)
        return chances[chosen[j]];
    float largest = z, sum = 0;
    for (uint i = 0; i < p.used; ++i)
        largest = max(largest, logitOf(row, chosen[i]));
    for (uint i = 0; i < p.used; ++i)
        sum += exp(logitOf(row, chosen[i]) - largest);
    return exp(z - largest) / sum;
}

void main() {
    uint row = gl_WorkGroupID.x;
    scoreExperts(row);
    if (p.groups > 1)
        keepGroups();
    chooseExperts();
    for (uint j = gl_LocalInvocationID.x; j < p.used; j += LOCAL_SIZE) {
        float weight = weightOf(row, j);
        if ((FLAGS & ROUTE_NORMALIZE) != 0) {
            float sum = 0;
            for (uint i = 0; i < p.used; ++i)
                sum += weightOf(row, i);
            weight /= max(sum, exp2(-14.0));
        }
        p.ids.v[row * p.used + j] = chosen[j];
        p.weights.v[row * p.used + j] = weight * p.factor;
    }
}
