#include "compute/engine/attention_map.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace longscope::engine {
namespace {

using attention::Interval;
uint64_t divideUp(uint64_t a, uint64_t b) {
    return (a + b - 1) / b;
}

void checkRange(const char *what, uint64_t first, uint64_t end, uint64_t tokens) {
    if (first >= end || end > tokens)
        fail(ErrorKind::usage, "{} {}:{} are not a part of the {} tokens", what, first, end,
             tokens);
}

/// Sum over the queries of how many keys from `key` on each of them sees.
uint64_t pairsFrom(uint64_t key, Interval queries) {
    auto sumTo = [&](uint64_t end) { // over the queries below `end`
        uint64_t most = end > key ? end - key : 0;
        return most * (most + 1) / 2;
    };
    return sumTo(queries.end) - sumTo(queries.first);
}

} // namespace

void checkMap(const model::Config &config, const MapRequest &request, uint64_t tokens) {
    if (request.layer >= config.layers)
        fail(ErrorKind::usage, "there is no layer {}: the model has layers 0 to {}", request.layer,
             config.layers - 1);
    uint32_t heads = config.layer[request.layer].heads;
    if (heads == 0)
        fail(ErrorKind::usage, "layer {} has no attention to look at: it is recurrent",
             request.layer);
    for (uint32_t head : request.heads)
        if (head >= heads)
            fail(ErrorKind::usage, "there is no head {}: layer {} has heads 0 to {}", head,
                 request.layer, heads - 1);
    if (request.size < 1 || request.size > kLargestMap)
        fail(ErrorKind::usage, "a map has 1 to {} cells a side, not {}", kLargestMap, request.size);
    checkRange("queries", request.first_query, request.end_query, tokens);
    checkRange("keys", request.first_key, request.end_key, tokens);
}

// ---- the picture -------------------------------------------------------------------------------

Interval AttentionPicture::queriesOf(uint32_t row) const {
    uint64_t first = first_query + row * query_step;
    return {first, std::min(first + query_step, end_query)};
}

Interval AttentionPicture::keysOf(uint32_t column) const {
    uint64_t first = first_key + column * key_step;
    return {first, std::min(first + key_step, end_key)};
}

uint64_t AttentionPicture::pairs(uint32_t row, uint32_t column) const {
    Interval queries = queriesOf(row), keys = keysOf(column);
    return pairsFrom(keys.first, queries) - pairsFrom(keys.end, queries);
}

std::vector<float> AttentionPicture::mean() const {
    std::vector<float> means(sum.size());
    for (uint32_t row = 0; row < rows; ++row)
        for (uint32_t column = 0; column < columns; ++column)
            if (uint64_t count = pairs(row, column)) {
                uint64_t cell = uint64_t{row} * columns + column;
                means[cell] = sum[cell] / static_cast<float>(count);
            }
    return means;
}

// ---- making it ---------------------------------------------------------------------------------

MapCollector::MapCollector(gpu::Device &device, const model::Config &config, MapRequest request)
    : second_(device), request_(std::move(request)) {
    checkMap(config, request_, std::max(request_.end_query, request_.end_key));
    request_.heads = allOrNamed(std::move(request_.heads), config.layer[request_.layer].heads);
    uint64_t queries = request_.end_query - request_.first_query;
    uint64_t keys = request_.end_key - request_.first_key;
    shape_.first_query = request_.first_query;
    shape_.end_query = request_.end_query;
    shape_.first_key = request_.first_key;
    shape_.end_key = request_.end_key;
    shape_.query_step = divideUp(queries, request_.size);
    shape_.key_step = divideUp(keys, request_.size);
    shape_.rows = static_cast<uint32_t>(divideUp(queries, shape_.query_step));
    shape_.columns = static_cast<uint32_t>(divideUp(keys, shape_.key_step));
    sums_.resize(uint64_t{shape_.rows} * shape_.columns);
    shape_.maximum.resize(sums_.size());
}

bool MapCollector::wants(uint32_t layer, const Chunk &chunk) const {
    return layer == request_.layer && chunk.position < request_.end_query &&
           chunk.position + chunk.rows > request_.first_query;
}

void MapCollector::recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer,
                            const Chunk &chunk, const Flush &flush) {
    flush(); // the reading's own work, not to be counted here
    auto start = Clock::now();
    double share = 1.0 / static_cast<double>(request_.heads.size());
    second_.cells({recorder, pass, layer, chunk, flush},
                  {request_.heads, request_.first_key, request_.end_key, shape_.key_step},
                  [&](uint32_t row, uint64_t first_column, std::span<const Cell> cells) {
                      uint64_t query = chunk.position + row;
                      if (query < request_.first_query || query >= request_.end_query)
                          return;
                      uint64_t line = (query - request_.first_query) / shape_.query_step;
                      uint64_t at = line * shape_.columns + first_column;
                      for (const Cell &cell : cells) {
                          sums_[at] += cell.sum * share;
                          shape_.maximum[at] = std::max(shape_.maximum[at], cell.maximum);
                          ++at;
                      }
                  });
    queries_seen_ += std::min(chunk.position + chunk.rows, request_.end_query) -
                     std::max(chunk.position, request_.first_query);
    seconds_ += secondsSince(start);
}

AttentionPicture MapCollector::picture() const {
    AttentionPicture picture = shape_;
    picture.sum.assign(sums_.begin(), sums_.end());
    return picture;
}

AttentionPicture lookAt(Session &session, const MapRequest &request, std::stop_token stop) {
    const Engine &engine = session.engine();
    checkMap(engine.config(), request, session.tokens().size());
    MapCollector collector(engine.device(), engine.config(), request);
    if (!session.lookAgain(request.first_query, request.end_query, request.layer + 1, collector,
                           stop))
        fail(ErrorKind::stopped, "stopped after {} of {} queries", collector.queriesSeen(),
             request.end_query - request.first_query);
    return collector.picture();
}

} // namespace longscope::engine
