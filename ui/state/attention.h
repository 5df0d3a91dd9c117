// What is known of the attention over what was read last.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace longscope::ui {

/// Means over the queries that were seen.
struct HeadFigures {
    float entropy = 0;      ///< nats
    float distance = 0;     ///< tokens
    float sink_share = 0;   ///< probability of the first tokens
    float recent_share = 0; ///< of the last ones
};

struct HeadTable {
    uint64_t tokens = 0;
    uint32_t layers = 0, heads = 0;    ///< the most of a layer
    std::vector<uint32_t> layer_heads; ///< [layers]; 0: it does not attend
    uint32_t sinks = 0, recent = 0;    ///< how many tokens the two shares are of
    std::vector<HeadFigures> figures;  ///< [layers, heads]
    double seconds = 0;
    bool has(uint32_t layer, uint32_t head) const {
        return layer < layer_heads.size() && head < layer_heads[layer];
    }
    const HeadFigures &of(uint32_t layer, uint32_t head) const {
        return figures[size_t{layer} * heads + head];
    }
};

/// How fast recurrent layers forget, mean over the tokens that were seen. exp(d * mean_log) of a
/// token is left d tokens later; -1 / mean_log is the memory's length in tokens.
struct DecayTable {
    uint64_t tokens = 0;
    /// [layers][rates]: logarithm of the decay of each head, or of each channel; below 0. Empty
    /// where a layer does not recur, or nothing decays.
    std::vector<std::vector<float>> mean_log;
    uint32_t group = 1; ///< neighbouring rates that a picture shows as one: the channels of a head
    double seconds = 0;
};

/// Which part of which head is shown; `heads` empty: the mean of all.
struct MapWanted {
    uint32_t layer = 0;
    std::vector<uint32_t> heads;
    uint64_t first_query = 0, end_query = 0; ///< 0, 0: all that was read
    uint64_t first_key = 0, end_key = 0;     ///< 0, 0: all
    uint32_t size = 512;                     ///< most cells of a side
    bool operator==(const MapWanted &) const = default;
};

/// [rows, columns]: queries down, keys right. A cell is query_step x key_step, less at the ends.
struct Map {
    MapWanted wanted;
    uint64_t first_query = 0, end_query = 0, query_step = 1;
    uint64_t first_key = 0, end_key = 0, key_step = 1;
    uint32_t rows = 0, columns = 0;
    std::vector<float> sum;     ///< of the probabilities of a cell, mean over the heads
    std::vector<float> maximum; ///< the largest probability of a cell
    std::string pattern;        ///< spec under which it was read
    double seconds = 0;
};

enum class PartKind { special, system, document, user, assistant };

/// The tokens that were read and written, as text. Axes and strips are made of it.
struct Timeline {
    std::string text;             ///< of all tokens, special ones shown
    std::vector<uint32_t> starts; ///< byte of `text` where each token begins
    struct Part {
        uint64_t first = 0, end = 0; ///< tokens
        PartKind kind = PartKind::special;
        uint64_t message = 0; ///< id, where it is one
    };
    std::vector<Part> parts; ///< in order, covering all tokens
    uint64_t document = 0;
    /// Of the document part: byte of the document where token part.first + i begins.
    std::vector<uint32_t> document_bytes;
    /// Share of the layers and KV heads that still hold a token's key; empty: all hold all of them.
    std::vector<float> held;
    uint64_t tokens() const { return starts.size(); }
};

/// "Where did that come from": how the attention of some written words is spread.
struct Trace {
    uint64_t message = 0;
    size_t start = 0, end = 0;               ///< bytes of the message's text
    uint64_t first_query = 0, end_query = 0; ///< tokens whose queries were looked at
    struct Span {
        size_t start = 0, end = 0; ///< bytes of the document
        float share = 0;           ///< of the attention to the document
        std::string place;
    };
    std::vector<Span> spans; ///< first the one whose share the answer raised most
    /// Of all attention: to the document, the first tokens (sinks), and everything else.
    float document_share = 0, sink_share = 0, other_share = 0;
    bool words_found = false; ///< the sentence's words stand in the document
    std::string confidence;   ///< a sentence: what this can and cannot say
};

struct Attention {
    std::shared_ptr<const Timeline> timeline; ///< null: nothing was read
    std::shared_ptr<const HeadTable> heads;   ///< null: not measured for this timeline
    std::shared_ptr<const DecayTable> decay;  ///< null: not measured, or no layer recurs
    std::shared_ptr<const Map> map;
    std::shared_ptr<const Trace> trace;
    /// Attention of one token to all earlier ones, mean over the map's heads: [tokens]; for strips.
    struct Strip {
        uint64_t query = 0;
        uint32_t layer = 0;
        std::vector<float> shares;
        std::string note; ///< in which way it is not what the token saw; empty: it is
    };
    std::shared_ptr<const Strip> strip;
};

} // namespace longscope::ui
