// What models do to the product of a query and a key before the softmax. Scores are in base 2, and
// so are the facts of a head (params.h, `head_facts`).
// Needs before it: FLAGS.
#ifndef LONGSCOPE_SCORE_RULES_GLSL
#define LONGSCOPE_SCORE_RULES_GLSL

const bool HAS_CAP = (FLAGS & ATTENTION_CAP) != 0;
const bool HAS_SLOPES = (FLAGS & ATTENTION_SLOPES) != 0;
const bool HAS_SINKS = (FLAGS & ATTENTION_SINKS) != 0;
const bool HAS_RULES = HAS_CAP || HAS_SLOPES;

/// tanh: near 0, where the other form loses its digits, its series.
float saturated(float x) {
    float square = x * x;
    float series = x + x * square *
                           (-1.0 / 3 + square * (2.0 / 15 + square * (-17.0 / 315 +
                                                                      square * (62.0 / 2835))));
    float whole = 1 - 2 / (exp2(2.88539008 * min(abs(x), 20.0)) + 1);
    return abs(x) < 0.25 ? series : x < 0 ? -whole : whole;
}

/// facts: (slope, sink, cap, 0); distance: from the key to the query.
float ruledScore(float score, vec4 facts, int distance) {
    if (HAS_CAP)
        score = facts.z * saturated(score / facts.z);
    if (HAS_SLOPES)
        score -= facts.x * float(distance);
    return score;
}
#endif
