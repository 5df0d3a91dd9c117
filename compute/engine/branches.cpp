#include "compute/engine/branches.h"

#include "compute/engine/session_impl.h"

#include <algorithm>
#include <cassert>

namespace longscope::engine {
namespace {

using attention::Interval;

/// Queries of a stem: the shared keys, and the stem up to the query.
class StemKeys final : public attention::KeySource {
  public:
    StemKeys(uint64_t shared, uint64_t first_slot) : shared_(shared), first_slot_(first_slot) {}
    void appendKeys(unsigned, uint32_t, uint64_t query,
                    std::vector<Interval> &keys) const override {
        keys.push_back({0, shared_});
        keys.push_back({first_slot_, query + 1});
    }

  private:
    uint64_t shared_, first_slot_;
};

/// Queries of one step: what each row sees was made before.
class StepKeys final : public attention::KeySource {
  public:
    explicit StepKeys(uint64_t first_slot) : first_slot_(first_slot) {}
    void addRow(std::vector<Interval> keys) { rows_.push_back(std::move(keys)); }
    void appendKeys(unsigned, uint32_t, uint64_t query,
                    std::vector<Interval> &keys) const override {
        const std::vector<Interval> &row = rows_[query - first_slot_];
        keys.insert(keys.end(), row.begin(), row.end());
    }

  private:
    uint64_t first_slot_;
    std::vector<std::vector<Interval>> rows_;
};

} // namespace

std::string whyNoBranches(const Session &session) {
    const Session::Impl &self = session.impl();
    const model::Config &config = self.engine.config();
    const attention::RopeScheme &rope = self.options.ropeScheme();
    if (self.memory)
        return "the model has recurrent layers, whose states follow one text";
    if (self.options.eviction.kind != attention::EvictionKind::none)
        return "keys are evicted";
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        if (config.layer[layer].attends() &&
            self.options.patterns.of(layer).kind() != attention::PatternKind::full)
            return "a layer does not keep all keys";
    if (rope.needsRawKeys() || rope.followsLength() || rope.nearKeys() != UINT64_MAX)
        return "the positions' scheme rotates keys when they are read";
    if (config.alibi_bias > 0)
        return "the model's scores depend on where keys lie";
    if (config.architecture->attention.latent)
        return "the model's keys are compressed";
    return "";
}

Branches::Branches(Session &session)
    : session_(session), shared_(session.tokens().size()), next_slot_(shared_) {
    assert(whyNoBranches(session).empty());
}

uint64_t Branches::room() const {
    return session_.contextTokens() - next_slot_;
}

uint32_t Branches::mostRows(const Session &session) {
    const Tiling &tiling = session.impl().tiling;
    return std::min(tiling.chunk_tokens, tiling.head_rows);
}

int Branches::readStem(std::span<const Token> tokens, const std::stop_token &stop) {
    assert(!tokens.empty() && tokens.size() <= room());
    Session::Impl &self = session_.impl();
    const Stem stem{.first_slot = next_slot_, .tokens = tokens.size(), .logits = {}};
    StemKeys keys(shared_, stem.first_slot);
    uint32_t rows = 0;
    for (uint64_t done = 0; done < tokens.size(); done += rows) {
        rows =
            static_cast<uint32_t>(std::min<uint64_t>(self.pacer.chunkRows(), tokens.size() - done));
        std::vector<uint64_t> positions(rows);
        for (uint32_t row = 0; row < rows; ++row)
            positions[row] = shared_ + done + row;
        Chunk chunk{.position = stem.first_slot + done,
                    .rows = rows,
                    .total = stem.first_slot + tokens.size(),
                    .keys = &keys,
                    .positions = positions};
        if (!self.runBranchChunk(chunk, tokens.subspan(done, rows), stop))
            return -1;
    }
    self.runHead({rows - 1, 1});
    next_slot_ += tokens.size();
    stems_.push_back(stem);
    std::span<const float> logits = self.logitsRow(0);
    stems_.back().logits.assign(logits.begin(), logits.end());
    return static_cast<int>(stems_.size()) - 1;
}

uint32_t Branches::fork(int stem) {
    branches_.push_back({.stem = stem, .slots = {}});
    return static_cast<uint32_t>(branches_.size() - 1);
}

bool Branches::step(std::span<const Next> next, const std::stop_token &stop) {
    assert(!next.empty() && next.size() <= std::min<uint64_t>(room(), mostRows(session_)));
    Session::Impl &self = session_.impl();
    StepKeys keys(next_slot_);
    std::vector<Token> tokens;
    std::vector<uint64_t> positions;
    for (const Next &one : next) {
        const Branch &branch = branches_[one.branch];
        const Stem &stem = stems_[static_cast<size_t>(branch.stem)];
        std::vector<Interval> seen = {{0, shared_},
                                      {stem.first_slot, stem.first_slot + stem.tokens}};
        for (uint64_t slot : branch.slots)
            seen.push_back({slot, slot + 1});
        uint64_t own = next_slot_ + tokens.size();
        seen.push_back({own, own + 1});
        keys.addRow(std::move(seen));
        positions.push_back(shared_ + stem.tokens + branch.slots.size());
        tokens.push_back(one.token);
    }
    const auto rows = static_cast<uint32_t>(next.size());
    const Chunk chunk{.position = next_slot_,
                      .rows = rows,
                      .total = next_slot_ + rows,
                      .keys = &keys,
                      .positions = positions};
    if (!self.runBranchChunk(chunk, tokens, stop))
        return false;
    for (const Next &one : next)
        branches_[one.branch].slots.push_back(next_slot_++);
    self.growLogits(rows);
    self.runHead({0, rows});
    return true;
}

std::span<const float> Branches::logits(size_t index) const {
    return session_.impl().logitsRow(index);
}

} // namespace longscope::engine
