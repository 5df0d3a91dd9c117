#include "compute/reading/speeds.h"

#include "compute/core/clock.h"
#include "compute/reading/prompts.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>

namespace longscope::reading {
namespace {

using nlohmann::json;

/// Depth at which attention costs as much as the rest of a token: only for depths far from all
/// that was measured. Small models, where it matters, have 2000 to 10000.
constexpr double kDepthOfDoubleCost = 6000;
/// What is left of an earlier run's weight, in tokens of each depth and in calls.
constexpr double kOldTokens = 32, kOldCalls = 1;

double shapeAt(double depth) {
    return 1 + depth / kDepthOfDoubleCost;
}

constexpr const char *kKind = "reading speed";

constexpr size_t kTogether = 16; ///< replies of a measurement

std::string keyOf(const TextModel &model, bool together) {
    TextModelFacts facts = model.facts();
    return facts.fingerprint + "\n" + facts.device + (together ? "\ntogether" : "");
}

} // namespace

bool Speeds::known() const {
    return calls_ > 0 && perToken(read_, 0) > 0 && perToken(write_, 0) > 0;
}

void Speeds::add(Buckets &buckets, double depth, double tokens, double seconds) {
    auto bucket = static_cast<size_t>(std::bit_width(static_cast<uint64_t>(depth)));
    Bucket &own = buckets[std::min(bucket, kBuckets - 1)];
    own.tokens += tokens;
    own.seconds += seconds;
}

void Speeds::observe(const TextReply &reply, double seconds) {
    auto prompt = static_cast<double>(reply.prompt_tokens);
    auto reused = static_cast<double>(std::min(reply.reused_tokens, reply.prompt_tokens));
    auto written = static_cast<double>(reply.written_tokens);
    // A few tokens take as long as one submit, which says nothing about many.
    if (prompt - reused >= 16)
        add(read_, (prompt + reused) / 2, prompt - reused, reply.prompt_seconds);
    if (written > 0)
        add(write_, prompt + written / 2, written, reply.write_seconds);
    calls_ += 1;
    bool counted = prompt - reused >= 16;
    call_seconds_ += std::max(0.0, seconds - (counted ? reply.prompt_seconds : 0) -
                                       (written > 0 ? reply.write_seconds : 0));
}

double Speeds::perToken(const Buckets &buckets, double depth) {
    auto wanted = static_cast<int>(std::bit_width(static_cast<uint64_t>(depth)));
    // Weighted by nearness: a depth of its own counts most, one far away hardly.
    double weights = 0, sum = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
        const Bucket &bucket = buckets[i];
        if (bucket.tokens <= 0)
            continue;
        double at = i == 0 ? 0 : 0.75 * std::pow(2.0, static_cast<double>(i));
        double distance = std::abs(static_cast<double>(i) - wanted);
        double weight = bucket.tokens * std::pow(0.1, distance);
        weights += weight;
        sum += weight * bucket.seconds / bucket.tokens * shapeAt(depth) / shapeAt(at);
    }
    return weights > 0 ? sum / weights : 0;
}

double Speeds::seconds(uint64_t depth, uint64_t read_tokens, uint64_t written_tokens) const {
    auto kept = static_cast<double>(depth), read = static_cast<double>(read_tokens),
         written = static_cast<double>(written_tokens);
    return (calls_ > 0 ? call_seconds_ / calls_ : 0) + read * perToken(read_, kept + read / 2) +
           written * perToken(write_, kept + read + written / 2);
}

std::string Speeds::toText() const {
    json text = {{"calls", calls_}, {"call_seconds", call_seconds_}};
    for (auto [name, buckets] : {std::pair{"read", &read_}, {"write", &write_}})
        for (const Bucket &bucket : *buckets)
            text[name].push_back({bucket.tokens, bucket.seconds});
    return text.dump();
}

Speeds Speeds::fromText(const std::string &text) {
    json kept = json::parse(text, nullptr, false);
    Speeds speeds;
    try {
        for (auto [name, buckets] : {std::pair{"read", &speeds.read_}, {"write", &speeds.write_}})
            for (size_t i = 0; i < kBuckets; ++i) {
                Bucket bucket{kept.at(name).at(i).at(0), kept.at(name).at(i).at(1)};
                double share = bucket.tokens > 0 ? std::min(1.0, kOldTokens / bucket.tokens) : 0;
                (*buckets)[i] = {bucket.tokens * share, bucket.seconds * share};
            }
        double calls = kept.at("calls"), seconds = kept.at("call_seconds");
        double share = calls > 0 ? std::min(1.0, kOldCalls / calls) : 0;
        speeds.calls_ = calls * share;
        speeds.call_seconds_ = seconds * share;
    } catch (const json::exception &) {
        return {};
    }
    return speeds;
}

Speeds speedsOf(TextModel &model, const document::ResultStore &store, std::stop_token stop,
                bool together) {
    if (auto kept = store.find(kKind, keyOf(model, together)))
        if (Speeds speeds = Speeds::fromText(*kept); speeds.known())
            return speeds;
    std::string text;
    for (int line = 1; text.size() < 500; ++line) // about 130 tokens
        text += "Line " + std::to_string(line) + " of a text that shows how fast it is read.\n";
    TextRequest request{.messages = readingPrompt(text, "Write the first line again."),
                        .options = {}};
    request.options.sampling.temperature = 0;
    request.options.max_tokens = 8;
    Speeds speeds;
    auto start = Clock::now();
    std::vector<TextRequest> requests(together ? kTogether : 1, request);
    for (const TextReply &reply : model.writeTogether(requests, {}, {}, std::move(stop)))
        if (reply.written_tokens > 0)
            speeds.observe(reply, together ? reply.prompt_seconds + reply.write_seconds
                                           : secondsSince(start));
    return speeds;
}

void keepSpeeds(const TextModel &model, document::ResultStore &store, const Speeds &speeds,
                bool together) {
    if (speeds.known())
        store.keep(kKind, keyOf(model, together), speeds.toText());
}

} // namespace longscope::reading
