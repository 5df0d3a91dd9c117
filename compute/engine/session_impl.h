// What a session holds; for compute/engine alone.
#pragma once

#include "compute/engine/forward.h"
#include "compute/engine/impl.h"
#include "compute/engine/mixers.h"
#include "compute/engine/pacer.h"
#include "compute/engine/reading_progress.h"
#include "compute/engine/session.h"

namespace longscope::engine {

struct Session::Impl {
    Impl(Engine &owner, const SessionOptions &wanted);

    void refuseTooLarge(const AttentionScratch &attended) const;
    Pass pass() const;
    void submitAndMeasure();
    void fillPositions(const Chunk &chunk);
    void flush();
    bool runLayers(const Chunk &chunk, std::span<const Token> ids, const LayerRange &layers,
                   bool looking_back, const std::stop_token &stop);
    bool runChunk(std::span<const Token> ids, uint64_t total, Observer *observer,
                  const std::stop_token &stop);
    bool runBranchChunk(const Chunk &chunk, std::span<const Token> ids,
                        const std::stop_token &stop);
    uint32_t nextRows(uint64_t end) const;
    void runHead(RowRange rows);
    uint64_t keepable(uint64_t count) const;
    void forget(uint64_t count);
    bool returnTo(uint64_t count);
    void setLogits(std::span<const float> known);
    void keepStates();
    bool lookAgain(uint64_t first, uint64_t end, const LayerRange &layers,
                   const std::stop_token &stop);
    std::span<const float> logitsRow(uint64_t row) const;
    void growLogits(uint32_t rows);
    void checkTokens(std::span<const Token> wanted) const;
    void checkLook(uint64_t first, uint64_t end) const;

    Engine &engine;
    SessionOptions options;
    Tiling tiling;
    Pacer pacer;
    gpu::Recorder recorder;
    Operations operations;
    std::optional<Experts> experts;
    uint64_t cache_bytes = 0, scratch_bytes = 0, state_bytes = 0;
    KvCache cache;
    Scratch scratch;
    std::unique_ptr<Attention> attention;
    std::optional<RecurrentMemory> memory; ///< of recurrent layers; the states behind `tokens`
    std::optional<Mixers> mixers;
    std::vector<Token> tokens;
    uint32_t pending_layers = 0; ///< recorded and not yet measured
    double pending_ms = 0;       ///< of submits in the middle of them
    bool has_logits = false;     ///< of the last of `tokens`
    std::vector<gpu::DispatchTime> times;
};

} // namespace longscope::engine
