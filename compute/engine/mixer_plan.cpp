#include "compute/engine/mixer_plan.h"

#include "compute/core/text.h"
#include "compute/engine/packing.h"

#include <algorithm>
#include <format>

namespace longscope::engine {
namespace {

using model::Recurrence;
using model::RecurrentConfig;

/// Hands out columns from left to right.
class Row {
  public:
    uint32_t place(uint64_t columns) {
        uint32_t at = end_;
        end_ += padded(columns);
        return at;
    }
    uint32_t end() const { return end_; }

  private:
    uint32_t end_ = 0;
};

/// As RecurrentShape::channels of a layer that convolves.
uint32_t convolvedChannels(const model::Config &config) {
    const RecurrentConfig &sizes = config.recurrent;
    switch (config.architecture->mixer.kind) {
    case Recurrence::mamba1:
        return sizes.inner;
    case Recurrence::mamba2:
    case Recurrence::delta_net:
        return sizes.inner + 2 * sizes.groups * sizes.state;
    default:
        return config.model_dim;
    }
}

void placeRates(const model::Config &config, Row &row, MixerWidths &widths) {
    const RecurrentConfig &sizes = config.recurrent;
    bool apart = config.architecture->mixer.key_heads_tiled; // else each key head's beside another
    widths.rates = row.place(apart ? sizes.heads : 2 * sizes.heads);
    widths.alpha = apart ? row.place(sizes.heads) : widths.rates + sizes.heads / sizes.groups;
}

/// make(member, columns) for all rows that a model needs, so that plan and allocation are one list.
template <class Make> void forEachRows(const model::Config &config, Make make) {
    const MixerWidths widths = mixerWidths(config);
    const uint32_t dim = padded(config.model_dim);
    make(&MixerScratch::result, widths.result);
    if (config.architecture->mixer.kind != Recurrence::rwkv6) {
        make(&MixerScratch::inputs, widths.inputs);
        make(&MixerScratch::convolved, widths.convolved);
        if (config.architecture->mixer.kind == Recurrence::mamba1) {
            make(&MixerScratch::dt_b_c, widths.dt_b_c);
            make(&MixerScratch::dt, widths.result);
        }
        return;
    }
    make(&MixerScratch::shifted, dim);
    make(&MixerScratch::low, 5 * widths.mix_rank);
    make(&MixerScratch::shares, 5 * dim);
    make(&MixerScratch::mixes, 5 * dim);
    make(&MixerScratch::projected, 4 * dim);
    make(&MixerScratch::decay_low, widths.decay_rank);
    make(&MixerScratch::raw_decay, dim);
    make(&MixerScratch::decay, dim);
    make(&MixerScratch::hidden, widths.channel_mix);
}

} // namespace

bool recurs(const model::Config &config) {
    return std::ranges::any_of(config.layer, &model::LayerConfig::recurs);
}

RecurrentShape mixerShape(const model::Config &config) {
    const RecurrentConfig &sizes = config.recurrent;
    const model::Recurrence kind = config.architecture->mixer.kind;
    RecurrentShape shape;
    shape.channels = convolvedChannels(config);
    shape.taps = sizes.conv_kernel;
    shape.conv_bias = kind == Recurrence::mamba1 || kind == Recurrence::mamba2;
    switch (kind) {
    case Recurrence::mamba1:
        shape.mixer = Mixer::mamba1;
        shape.heads = 1;
        shape.head_dim = sizes.inner;
        shape.keys = sizes.state;
        break;
    case Recurrence::mamba2:
    case Recurrence::delta_net:
        shape.mixer = kind == Recurrence::mamba2 ? Mixer::mamba2 : Mixer::delta_net;
        shape.heads = sizes.heads;
        shape.groups = sizes.groups;
        shape.head_dim = sizes.inner / sizes.heads;
        shape.keys = sizes.state;
        shape.modulo_heads = config.architecture->mixer.key_heads_tiled;
        break;
    case Recurrence::rwkv6:
        shape.mixer = Mixer::rwkv6;
        shape.heads = sizes.heads;
        shape.head_dim = shape.keys = sizes.head_dim;
        break;
    case Recurrence::short_conv:
    case Recurrence::none:
        break;
    }
    checkRecurrentShape(shape);
    return shape;
}

MixerWidths mixerWidths(const model::Config &config) {
    const RecurrentConfig &sizes = config.recurrent;
    const uint32_t channels = convolvedChannels(config);
    MixerWidths widths{.convolved = padded(channels), .result = padded(sizes.inner)};
    Row row;
    switch (config.architecture->mixer.kind) {
    case Recurrence::short_conv:
        widths.gate_in = row.place(channels);
        widths.z = row.place(channels);
        widths.u = row.place(channels);
        break;
    case Recurrence::mamba1: {
        widths.u = row.place(channels);
        widths.z = row.place(sizes.inner);
        Row of_u;
        of_u.place(sizes.heads);
        widths.b = of_u.place(sizes.state);
        widths.c = of_u.place(sizes.state);
        widths.dt_b_c = of_u.end();
        break;
    }
    case Recurrence::mamba2:
        widths.z = row.place(sizes.inner);
        widths.u = row.place(channels);
        widths.rates = row.place(sizes.heads);
        break;
    case Recurrence::delta_net:
        widths.u = row.place(channels);
        widths.z = row.place(sizes.inner);
        placeRates(config, row, widths);
        break;
    case Recurrence::rwkv6:
        widths.mix_rank = padded(sizes.mix_rank);
        widths.decay_rank = padded(sizes.decay_rank);
        widths.channel_mix = padded(sizes.channel_dim);
        break;
    case Recurrence::none:
        break;
    }
    widths.inputs = row.end();
    return widths;
}

uint64_t planMixerScratch(const model::Config &config, const Tiling &tiling) {
    uint64_t columns = 0;
    forEachRows(config, [&](auto, uint32_t stride) { columns += stride; });
    return columns * tiling.chunk_tokens * sizeof(float);
}

MixerScratch makeMixerScratch(gpu::Device &device, const model::Config &config,
                              const Tiling &tiling) {
    MixerScratch scratch;
    forEachRows(config, [&](auto member, uint32_t stride) {
        uint64_t bytes = uint64_t{tiling.chunk_tokens} * stride * sizeof(float);
        scratch.*member = {gpu::Buffer(device, "scratch", bytes, gpu::Memory::device), stride};
        gpu::fillWords(device, (scratch.*member).buffer, 0); // padding must stay finite
    });
    return scratch;
}

uint64_t planLayerState(const model::Config &config, uint32_t layer) {
    return config.layer[layer].recurs() ? mixerShape(config).bytes() : 0;
}

std::string_view recurrenceName(model::Recurrence kind) {
    switch (kind) {
    case model::Recurrence::none:
        return "none";
    case model::Recurrence::mamba1:
        return "Mamba";
    case model::Recurrence::mamba2:
        return "Mamba-2";
    case model::Recurrence::short_conv:
        return "short convolution";
    case model::Recurrence::delta_net:
        return "gated delta net";
    case model::Recurrence::rwkv6:
        return "RWKV-6";
    }
    return "none";
}

std::string describeRecurrence(const model::Config &config) {
    std::vector<uint32_t> layers;
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        if (config.layer[layer].recurs())
            layers.push_back(layer);
    if (layers.empty())
        return "";
    const bool one = layers.size() == 1;
    return std::format("{} {} {} ({}): a state of {}{} instead of keys, however long the text is",
                       one ? "layer" : "layers", numberRanges(layers), one ? "recurs" : "recur",
                       recurrenceName(config.architecture->mixer.kind),
                       formatBytes(planLayerState(config, layers.front())), one ? "" : " each");
}

} // namespace longscope::engine
