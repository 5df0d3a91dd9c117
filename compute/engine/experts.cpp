#include "compute/engine/experts.h"

#include "compute/core/error.h"
#include "compute/engine/kernels.h"

#include <algorithm>

namespace longscope::engine {
namespace {

uint32_t ceilDiv(uint64_t a, uint64_t b) {
    return static_cast<uint32_t>((a + b - 1) / b);
}

uint32_t tilesOf(const RoutingRule &rule, const Tiling &tiling, uint32_t rows) {
    uint32_t assignments = rows * rule.used;
    return ceilDiv(assignments, expertTileRows(tiling)) + std::min(rule.experts, assignments);
}

/// Calls rows(member, rows, stride) for activations and plain(member, words) for the rest, so that
/// the plan and the allocation are one list.
template <class Rows, class Plain>
void forEachBuffer(const RoutingRule &rule, const ExpertWidths &widths, const Tiling &tiling,
                   Rows rows, Plain plain) {
    uint64_t assignments = uint64_t{tiling.chunk_tokens} * rule.used;
    rows(&ExpertScratch::logits, uint64_t{tiling.chunk_tokens}, padded(rule.experts));
    rows(&ExpertScratch::gate_up, assignments, widths.gate_up);
    rows(&ExpertScratch::hidden, assignments, widths.hidden);
    rows(&ExpertScratch::results, assignments, widths.model);
    plain(&ExpertScratch::ids, assignments);
    plain(&ExpertScratch::weights, assignments);
    plain(&ExpertScratch::order, assignments);
    plain(&ExpertScratch::tiles,
          uint64_t{GROUP_TILE_WORDS} * tilesOf(rule, tiling, tiling.chunk_tokens));
}

void checkRule(const RoutingRule &rule) {
    if (rule.experts == 0 || rule.experts > ROUTE_MAX_EXPERTS)
        fail(ErrorKind::model, "the model has {} experts, 1 to {} are supported", rule.experts,
             ROUTE_MAX_EXPERTS);
    if (rule.used == 0 || rule.used > std::min<uint32_t>(ROUTE_MAX_USED, rule.experts))
        fail(ErrorKind::model, "the model uses {} of its {} experts, 1 to {} are supported",
             rule.used, rule.experts, std::min<uint32_t>(ROUTE_MAX_USED, rule.experts));
    if (rule.groups <= 1)
        return;
    if (rule.experts % rule.groups != 0)
        fail(ErrorKind::model, "{} experts cannot be cut into {} equal groups", rule.experts,
             rule.groups);
    uint32_t open = rule.experts / rule.groups * std::min(rule.groups_used, rule.groups);
    if (rule.groups_used > rule.groups || open < rule.used)
        fail(ErrorKind::model, "{} of {} groups of experts leave {} to choose, {} are used",
             rule.groups_used, rule.groups, open, rule.used);
}

uint32_t flagsOf(const RoutingRule &rule) {
    uint32_t flags = rule.normalize ? ROUTE_NORMALIZE : 0;
    if (rule.chance == RoutingRule::Chance::softmax)
        flags |= ROUTE_SOFTMAX;
    else if (rule.chance == RoutingRule::Chance::sigmoid)
        flags |= ROUTE_SIGMOID;
    if (rule.weight == RoutingRule::Weight::softmax_of_chosen)
        flags |= ROUTE_SOFTMAX_SELECTED;
    else if (rule.weight == RoutingRule::Weight::sigmoid_of_z)
        flags |= ROUTE_SIGMOID_SELECTED;
    return flags;
}

} // namespace

RoutingRule routingRule(const model::Config &config) {
    const model::ExpertConfig &experts = config.experts;
    RoutingRule rule{.experts = experts.count,
                     .used = experts.used,
                     .normalize = experts.normalize,
                     .factor = static_cast<float>(experts.weight_scale * config.branch_factor),
                     .groups = experts.groups,
                     .groups_used = experts.used_groups};
    using Gating = model::ExpertConfig::Gating;
    switch (experts.gating) {
    case Gating::softmax:
        break;
    case Gating::sigmoid:
        rule.chance = RoutingRule::Chance::sigmoid;
        break;
    case Gating::softmax_of_chosen:
        rule.chance = RoutingRule::Chance::logits;
        rule.weight = RoutingRule::Weight::softmax_of_chosen;
        break;
    case Gating::sigmoid_on_input:
        rule.chance = RoutingRule::Chance::logits;
        rule.weight = RoutingRule::Weight::sigmoid_of_z;
        rule.weighs_input = true;
        break;
    }
    return rule;
}

uint64_t planExpertScratch(const RoutingRule &rule, const ExpertWidths &widths,
                           const Tiling &tiling) {
    uint64_t words = 0;
    forEachBuffer(
        rule, widths, tiling, [&](auto, uint64_t rows, uint32_t stride) { words += rows * stride; },
        [&](auto, uint64_t count) { words += count; });
    return words * 4;
}

ExpertScratch makeExpertScratch(gpu::Device &device, const RoutingRule &rule,
                                const ExpertWidths &widths, const Tiling &tiling) {
    ExpertScratch scratch;
    auto buffer = [&](uint64_t words) {
        gpu::Buffer made(device, "scratch", words * 4, gpu::Memory::device);
        gpu::fillWords(device, made, 0); // padding must stay finite
        return made;
    };
    forEachBuffer(
        rule, widths, tiling,
        [&](auto member, uint64_t rows, uint32_t stride) {
            scratch.*member = {buffer(rows * stride), stride};
        },
        [&](auto member, uint64_t words) { scratch.*member = buffer(words); });
    return scratch;
}

Experts::Experts(gpu::Device &device, const Tiling &tiling, const RoutingRule &rule)
    : tiling_(tiling), rule_(rule) {
    checkRule(rule);
    auto find = [&](const gpu::Kernel &kernel, uint32_t flags) {
        return &gpu::findPipeline(device, kernel, {{SPEC_FLAGS, flags}},
                                  {.local_size = tiling.shared_local});
    };
    route_ = find(kRoute, flagsOf(rule));
    route_biased_ = find(kRoute, flagsOf(rule) | ROUTE_BIAS);
    group_ = &gpu::findPipeline(device, kGroup, {}, {.local_size = tiling.shared_local});
    uint32_t weights = rule.weighs_input ? 0 : COMBINE_WEIGHTS;
    combine_ = find(kCombine, weights);
    combine_added_ = find(kCombine, weights | COMBINE_ADD);
}

bool Experts::takesMatvec(uint32_t rows) const {
    bool lanes = tiling_.family == KernelFamily::lanes;
    return rows == 1 || rows * rule_.used <= (lanes ? 2 : 1) * rule_.experts;
}

uint32_t Experts::tilesFor(uint32_t rows) const {
    return tilesOf(rule_, tiling_, rows);
}

void Experts::route(gpu::Recorder &recorder, const gpu::Buffer *selection_bias,
                    const ExpertScratch &scratch, uint32_t rows) const {
    params::Route params{.z = scratch.logits.address(),
                         .bias = selection_bias ? selection_bias->address() : 0,
                         .ids = scratch.ids.address(),
                         .weights = scratch.weights.address(),
                         .rows = rows,
                         .experts = rule_.experts,
                         .used = rule_.used,
                         .z_stride = scratch.logits.stride,
                         .groups = rule_.groups,
                         .groups_used = rule_.groups_used,
                         .factor = rule_.factor,
                         .unused = 0};
    recorder.dispatch(*(selection_bias ? route_biased_ : route_), params, {&scratch.logits.buffer},
                      {&scratch.ids, &scratch.weights}, {rows},
                      {.bytes = 4ull * rows * (rule_.experts + 2 * rule_.used)});
    if (!takesMatvec(rows))
        group(recorder, scratch, rows);
}

void Experts::group(gpu::Recorder &recorder, const ExpertScratch &scratch, uint32_t rows) const {
    params::Group params{.ids = scratch.ids.address(),
                         .order = scratch.order.address(),
                         .tiles = scratch.tiles.address(),
                         .assignments = rows * rule_.used,
                         .experts = rule_.experts,
                         .tile_rows = expertTileRows(tiling_),
                         .tiles_made = tilesFor(rows)};
    recorder.dispatch(*group_, params, {&scratch.ids}, {&scratch.order, &scratch.tiles}, {1},
                      {.bytes = 12ull * params.assignments});
}

void Experts::multiply(gpu::Recorder &recorder, const ExpertGroup &group, const Activations &x,
                       Input input, const Activations &y, const ExpertScratch &scratch,
                       uint32_t rows) const {
    uint64_t assignments = uint64_t{rows} * rule_.used;
    bool matvec = takesMatvec(rows);
    for (const ExpertLinear &linear : group) {
        params::ExpertMatmul params{.experts = linear.table.address(),
                                    .list =
                                        matvec ? scratch.ids.address() : scratch.order.address(),
                                    .tiles = scratch.tiles.address(),
                                    .x = x.address(),
                                    .y = y.address(0, linear.out_offset),
                                    .factor = scratch.weights.address(),
                                    .k = linear.layout.columns,
                                    .n = linear.layout.rows,
                                    .x_stride = x.stride,
                                    .y_stride = y.stride,
                                    .x_divisor = input == Input::of_row ? rule_.used : 1,
                                    .heads = 0,
                                    .rows = 0,
                                    .tile_rows = 0,
                                    .x_head = 0,
                                    .y_head = 0};
        gpu::Cost cost{.bytes =
                           std::min<uint64_t>(assignments, linear.experts) * linear.layout.bytes +
                           assignments * (params.k + params.n) * sizeof(float),
                       .flops = 2 * assignments * params.k * params.n};
        gpu::Groups groups =
            matvec ? gpu::Groups{ceilDiv(params.n, tiling_.matvec_rows), rows * rule_.used}
                   : gpu::Groups{tilesFor(rows), ceilDiv(params.n, tiling_.matmulColumns())};
        recorder.dispatch(
            *(matvec ? linear.matvec : linear.matmul), params,
            {&x.buffer, &scratch.ids, &scratch.order, &scratch.tiles, &scratch.weights},
            {&y.buffer}, groups, cost);
    }
}

void Experts::combine(gpu::Recorder &recorder, const ExpertScratch &scratch, const Activations &x,
                      Into into, uint32_t rows) const {
    const Activations &y = scratch.results;
    params::Combine params{.y = y.address(),
                           .weights = scratch.weights.address(),
                           .x = x.address(),
                           .rows = rows,
                           .columns = std::min(x.stride, y.stride),
                           .used = rule_.used,
                           .y_stride = y.stride,
                           .x_stride = x.stride,
                           .factor = 1};
    uint64_t elements = uint64_t{rows} * params.columns;
    recorder.dispatch(
        *(into == Into::added ? combine_added_ : combine_), params,
        {&y.buffer, &scratch.weights, &x.buffer}, {&x.buffer},
        {ceilDiv(params.columns / 4, tiling_.shared_local), rows},
        {.bytes = elements * (rule_.used + 2) * sizeof(float), .flops = 2 * elements * rule_.used});
}

} // namespace longscope::engine
