// The verbs of recurrent layers as the forward pass will call them, and the state: planned bytes,
// checkpoints, bytes of the host. The inputs lie in one wide row, as one matmul makes them.
#include "compute/core/error.h"
#include "compute/engine/recurrent.h"
#include "compute/reference/recurrent.h"
#include "tests/support/recurrent_check.h"

#include <format>

namespace longscope::test {
namespace {

using engine::Activations;
using engine::Recurrent;
using engine::RecurrentShape;
using engine::RecurrentState;
using engine::RowPart;

/// The tiling of every family that the device can run.
std::vector<engine::Tiling> tilings() {
    const gpu::DeviceFacts &facts = gpu::testDevice().facts();
    std::vector<engine::Tiling> all = {engine::chooseTiling(facts, engine::KernelFamily::subgroup)};
    if (facts.subgroup_size == 8)
        all.push_back(engine::chooseTiling(facts, engine::KernelFamily::lanes));
    return all;
}

Activations activations(const std::vector<float> &values, uint32_t stride) {
    return {upload(values), stride};
}

Activations poisonedRows(uint32_t rows, uint32_t stride) {
    return {poisoned(uint64_t{rows} * stride), stride};
}

RowPart from(const Activations &rows, uint32_t column, uint32_t row) {
    RowPart columns = engine::partOf(rows, column);
    columns.address += uint64_t{row} * rows.stride * sizeof(float);
    return columns;
}

std::vector<float> columnsOfRows(const std::vector<float> &wide, uint32_t stride, uint32_t column,
                                 uint32_t count) {
    std::vector<float> dense;
    for (size_t at = column; at < wide.size(); at += stride)
        dense.insert(dense.end(), wide.begin() + static_cast<long>(at),
                     wide.begin() + static_cast<long>(at + count));
    return dense;
}

void expectNear(const std::vector<float> &got, const std::vector<float> &wanted,
                const std::string &what) {
    double most = largest(wanted); // sums of products of several kernels, 24 bits each
    expectClose(
        got, wanted, [&](size_t) { return 1e-5 * most; }, what);
}

// mamba-2 as ssm_in makes its inputs: [z inner | x inner | B | C | dt heads].
constexpr uint32_t kHeads = 3, kHeadDim = 20, kGroups = 1, kKeys = 16, kTaps = 4;
constexpr uint32_t kInner = kHeads * kHeadDim, kChannels = kInner + 2 * kGroups * kKeys;
constexpr uint32_t kRow = kInner + kChannels + kHeads + 1; // 156: a multiple of 4

RecurrentShape mamba2Shape() {
    RecurrentShape shape;
    shape.mixer = engine::Mixer::mamba2;
    shape.channels = kChannels;
    shape.taps = kTaps;
    shape.conv_bias = true;
    shape.heads = kHeads;
    shape.groups = kGroups;
    shape.head_dim = kHeadDim;
    shape.keys = kKeys;
    return shape;
}

class Mamba2Layer {
  public:
    explicit Mamba2Layer(uint32_t rows) : rows_(rows) {
        Random random(5);
        in_ = random.normals(rows * kRow);
        weight_ = random.normals(kChannels * kTaps);
        bias_ = random.normals(kChannels);
        dt_bias_ = random.normals(kHeads);
        d_ = random.normals(kHeads);
        for (uint32_t head = 0; head < kHeads; ++head)
            a_.push_back(-0.1f - static_cast<float>(head));
    }

    std::vector<float> twin(std::vector<float> &history, std::vector<float> &state) const {
        auto z = columnsOfRows(in_, kRow, 0, kInner);
        auto xbc = columnsOfRows(in_, kRow, kInner, kChannels);
        auto dt = columnsOfRows(in_, kRow, kInner + kChannels, kHeads);
        auto u = reference::shortConv({xbc, {}, {}, weight_, bias_, kTaps, true}, history);
        auto x = columnsOfRows(u, kChannels, 0, kInner);
        auto b = columnsOfRows(u, kChannels, kInner, kKeys);
        auto c = columnsOfRows(u, kChannels, kInner + kKeys, kKeys);
        return reference::scanMamba2(
            {x, b, c, dt, z, dt_bias_, a_, d_, rows_, kHeads, kGroups, kHeadDim, kKeys}, state);
    }

    /// Uploads once; `run` computes the rows first .. first + count.
    void upload() {
        in_rows_ = activations(in_, kRow);
        u_ = poisonedRows(rows_, engine::padded(kChannels));
        y_ = poisonedRows(rows_, engine::padded(kInner));
        for (auto [from, to] : {std::pair{&weight_, &buffers_[0]},
                                {&bias_, &buffers_[1]},
                                {&dt_bias_, &buffers_[2]},
                                {&a_, &buffers_[3]},
                                {&d_, &buffers_[4]}})
            *to = test::upload(*from);
    }
    void run(const Recurrent &verbs, const RecurrentState &state, uint32_t first,
             uint32_t count) const {
        gpu::Recorder recorder(gpu::testDevice());
        verbs.conv(recorder, {from(in_rows_, kInner, first), {}, {}, &buffers_[0], &buffers_[1]},
                   state, from(u_, 0, first), count);
        engine::MambaInputs in;
        in.u = from(u_, 0, first);
        in.z = from(in_rows_, 0, first);
        in.b = from(u_, kInner, first);
        in.c = from(u_, kInner + kKeys, first);
        in.dt = from(in_rows_, kInner + kChannels, first);
        in.dt_bias = &buffers_[2];
        in.a = &buffers_[3];
        in.d = &buffers_[4];
        verbs.scan(recorder, in, state, from(y_, 0, first), count);
        recorder.run();
    }
    std::vector<float> result() const {
        return columnsOfRows(download<float>(y_.buffer, uint64_t{rows_} * y_.stride), y_.stride, 0,
                             kInner);
    }

  private:
    uint32_t rows_;
    std::vector<float> in_, weight_, bias_, dt_bias_, a_, d_;
    Activations in_rows_, u_, y_;
    gpu::Buffer buffers_[5];
};

} // namespace

TEST(RecurrentLayer, ReadsColumnsOfOneWideRow) {
    for (const engine::Tiling &tiling : tilings()) {
        Mamba2Layer layer(19);
        layer.upload();
        Recurrent verbs(gpu::testDevice(), tiling, mamba2Shape());
        RecurrentState state = engine::makeRecurrentState(gpu::testDevice(), verbs.shape());
        layer.run(verbs, state, 0, 7);
        layer.run(verbs, state, 7, 12);

        std::vector<float> history(verbs.shape().historyFloats());
        std::vector<float> twin_state(verbs.shape().stateFloats());
        std::string what(engine::familyName(tiling.family));
        expectNear(layer.result(), layer.twin(history, twin_state), what);
        expectNear(download<float>(state.history, history.size()), history, what + " history");
        expectNear(download<float>(state.state, twin_state.size()), twin_state, what + " state");
    }
}

TEST(RecurrentState, GoesBackToACheckpoint) {
    gpu::Device &device = gpu::testDevice();
    Mamba2Layer layer(9);
    layer.upload();
    Recurrent verbs(device, tilings().front(), mamba2Shape());
    RecurrentState state = engine::makeRecurrentState(device, verbs.shape());
    EXPECT_EQ(state.bytes(), verbs.shape().bytes());
    EXPECT_EQ(state.bytes(), 4u * (kChannels * 3 + kInner * kKeys));

    layer.run(verbs, state, 0, 4);
    gpu::Buffer checkpoint = poisoned(state.bytes() / 4 + 8);
    std::vector<std::byte> at_four(state.bytes()), at_end(state.bytes()), again(state.bytes());
    gpu::Recorder recorder(device);
    engine::saveState(recorder, state, checkpoint, 16);
    recorder.run();
    engine::downloadState(device, state, at_four);
    layer.run(verbs, state, 4, 5);
    engine::downloadState(device, state, at_end);
    EXPECT_NE(at_four, at_end);

    // From the checkpoint on the device, and from the bytes of the host: the same end each time.
    engine::restoreState(recorder, state, checkpoint, 16);
    recorder.run();
    engine::downloadState(device, state, again);
    EXPECT_EQ(again, at_four);
    layer.run(verbs, state, 4, 5);
    engine::downloadState(device, state, again);
    EXPECT_EQ(again, at_end);
    engine::uploadState(device, state, at_four);
    layer.run(verbs, state, 4, 5);
    engine::downloadState(device, state, again);
    EXPECT_EQ(again, at_end);

    engine::clearState(device, state);
    engine::downloadState(device, state, again);
    EXPECT_EQ(again, std::vector<std::byte>(state.bytes()));
}

TEST(RecurrentState, BytesOfKnownModels) {
    auto bytes = [](engine::Mixer mixer, uint32_t channels, uint32_t taps, uint32_t heads,
                    uint32_t head_dim, uint32_t keys) {
        RecurrentShape shape;
        shape.mixer = mixer;
        shape.channels = channels;
        shape.taps = taps;
        shape.heads = heads;
        shape.head_dim = head_dim;
        shape.keys = keys;
        return std::pair(shape.historyFloats() * 4, shape.stateFloats() * 4);
    };
    using engine::Mixer;
    // 16 key heads and 32 value heads of 128; inner 4096, 128 keys; lfm2 of 2048; rwkv6 of 2048.
    EXPECT_EQ(bytes(Mixer::delta_net, 8192, 4, 32, 128, 128), std::pair(98304ul, 2097152ul));
    EXPECT_EQ(bytes(Mixer::mamba2, 4352, 4, 64, 64, 128), std::pair(52224ul, 2097152ul));
    EXPECT_EQ(bytes(Mixer::short_conv, 2048, 3, 0, 0, 0), std::pair(16384ul, 0ul));
    EXPECT_EQ(bytes(Mixer::rwkv6, 2048, 0, 32, 64, 64), std::pair(16384ul, 524288ul));
}

TEST(RecurrentLayer, ShortConvolutionWithGates) {
    constexpr uint32_t kDim = 40, kRows = 5;
    RecurrentShape shape;
    shape.channels = kDim;
    shape.taps = 3;
    Random random(6);
    auto wide = random.normals(kRows * 3 * kDim), weight = random.normals(kDim * 3);
    for (const engine::Tiling &tiling : tilings()) {
        Recurrent verbs(gpu::testDevice(), tiling, shape);
        RecurrentState state = engine::makeRecurrentState(gpu::testDevice(), shape);
        Activations in = activations(wide, 3 * kDim), y = poisonedRows(kRows, 64);
        gpu::Buffer weights = upload(weight);
        for (uint32_t row = 0; row < kRows; ++row) { // one token at a time
            gpu::Recorder recorder(gpu::testDevice());
            verbs.conv(recorder,
                       {from(in, 2 * kDim, row), from(in, 0, row), from(in, kDim, row), &weights},
                       state, from(y, 0, row), 1);
            recorder.run();
        }
        auto b = columnsOfRows(wide, 3 * kDim, 0, kDim),
             c = columnsOfRows(wide, 3 * kDim, kDim, kDim);
        auto u = columnsOfRows(wide, 3 * kDim, 2 * kDim, kDim);
        std::vector<float> history(2 * kDim);
        auto twin = reference::shortConv({u, b, c, weight, {}, 3, false}, history);
        std::string what(engine::familyName(tiling.family));
        auto got = download<float>(y.buffer, kRows * y.stride);
        expectNear(withoutPadding(got, y.stride, kDim, y.stride, what), twin, what);
        EXPECT_EQ(download<float>(state.history, history.size()), history) << what;
    }
}

TEST(RecurrentLayer, TileOfEveryFamilyAndKeys) {
    engine::Tiling subgroup;
    for (uint32_t keys : {5u, 16u, 64u, 128u, 256u}) {
        engine::ScanTile tile = engine::chooseScanTile(subgroup, keys);
        EXPECT_EQ(tile.lanes, 0u);
        EXPECT_EQ(tile.local % tile.split, 0u);
        EXPECT_LE(keys / tile.split / 4, 8u) << keys; // fours of an invocation
    }
    engine::Tiling lanes;
    lanes.family = engine::KernelFamily::lanes;
    for (auto [keys, wide] : {std::pair{16u, 1u}, {64u, 2u}, {128u, 2u}, {256u, 1u}})
        EXPECT_EQ(engine::chooseScanTile(lanes, keys), (engine::ScanTile{8, 1, 8, wide})) << keys;
}

TEST(RecurrentState, RefusesWhatNoKernelRuns) {
    auto refuses = [](RecurrentShape shape, const char *number) {
        try {
            engine::checkRecurrentShape(shape);
            ADD_FAILURE() << "took " << number;
        } catch (const Error &error) {
            EXPECT_EQ(error.kind(), ErrorKind::model);
            EXPECT_NE(std::string(error.what()).find(number), std::string::npos) << error.what();
        }
    };
    RecurrentShape good = mamba2Shape();
    engine::checkRecurrentShape(good);
    RecurrentShape shape = good;
    shape.taps = 9;
    refuses(shape, "9 tokens");
    shape = good;
    shape.channels = 91;
    refuses(shape, "91 channels");
    shape = good;
    shape.keys = 257;
    refuses(shape, "257 numbers");
    shape = good;
    shape.groups = 4;
    refuses(shape, "3 heads of 20 in 4 groups");
    shape = good;
    shape.head_dim = 1u << 30;
    refuses(shape, "1073741824");
    shape = good;
    shape.mixer = engine::Mixer::mamba1;
    refuses(shape, "3 heads");
    shape = good;
    shape.mixer = engine::Mixer::rwkv6;
    refuses(shape, "20 x 16");
    shape = {};
    refuses(shape, "no channels");
}

} // namespace longscope::test
