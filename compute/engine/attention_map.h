// Pictures of attention: for one layer and some heads, the probability of every key for every
// query, pooled into at most size x size cells. Memory follows size^2 and the rows of a chunk,
// never n^2. Pictures are made while a text is read (MapCollector) or of what was read (lookAt).
#pragma once

#include "compute/engine/second_pass.h"
#include "compute/engine/session.h"

namespace longscope::engine {

/// Most cells of a side: a picture of this size still keeps to the memory promised below.
constexpr uint32_t kLargestMap = 1024;
/// What a picture takes while it is made, on the device (part "maps") and on the host together.
constexpr uint64_t kMapBytesPromised = uint64_t{64} << 20;

/// Queries first_query .. end_query - 1 and keys first_key .. end_key - 1.
struct MapRequest {
    uint32_t layer = 0;
    std::vector<uint32_t> heads = {}; ///< empty: all
    uint64_t first_query = 0, end_query = 0;
    uint64_t first_key = 0, end_key = 0;
    uint32_t size = 512; ///< most cells of a side
};

/// Throws Error(usage) for a layer, a head or tokens that do not exist, and for a size that is out
/// of range. `tokens`: how many will have been read.
void checkMap(const model::Config &config, const MapRequest &request, uint64_t tokens);

/// [rows, columns]: queries down, keys right. A cell is query_step queries by key_step keys, those
/// at the ends may be smaller.
struct AttentionPicture {
    uint64_t first_query = 0, end_query = 0, query_step = 1;
    uint64_t first_key = 0, end_key = 0, key_step = 1;
    uint32_t rows = 0, columns = 0;
    /// Sum of the probabilities of a cell, mean over the heads: a row of cells over all keys adds
    /// up to its number of queries.
    std::vector<float> sum;
    std::vector<float> maximum; ///< the largest probability of a cell, of any of the heads

    attention::Interval queriesOf(uint32_t row) const;
    attention::Interval keysOf(uint32_t column) const;
    /// Pairs of a cell in which the key is not later than the query.
    uint64_t pairs(uint32_t row, uint32_t column) const;
    /// Sum over pairs; 0 where there are none. Pairs that a pattern leaves out count, with 0.
    std::vector<float> mean() const;
};

/// Makes the picture from the chunks that it sees: give it to Session::read with an empty timeline.
/// A reading that was stopped leaves a picture that is good for nothing.
class MapCollector : public Observer {
  public:
    MapCollector(gpu::Device &device, const model::Config &config, MapRequest request);

    bool wants(uint32_t layer, const Chunk &chunk) const override;
    void recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer, const Chunk &chunk,
                  const Flush &flush) override;

    uint64_t queriesSeen() const { return queries_seen_; }
    double seconds() const { return seconds_; } ///< beyond what the reading takes
    AttentionPicture picture() const;

  private:
    SecondPass second_;
    MapRequest request_;
    AttentionPicture shape_;   ///< `sum` is empty until the end
    std::vector<double> sums_; ///< [rows, columns]
    uint64_t queries_seen_ = 0;
    double seconds_ = 0;
};

/// A picture of what was read, recomputed exactly from the kept keys; zooming is asking for a part.
/// Throws Error(usage) as checkMap does, and when keys that these queries saw were forgotten (with
/// the reason); Error(stopped).
AttentionPicture lookAt(Session &session, const MapRequest &request, std::stop_token stop = {});

} // namespace longscope::engine
