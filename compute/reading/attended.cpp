#include "compute/reading/attended.h"

#include "compute/engine/attention_metrics.h"
#include "compute/engine/engine.h"
#include "compute/engine/session.h"

#include <algorithm>

namespace longscope::reading {
namespace {

using attention::Interval;

constexpr uint64_t kControlTokens = 64;
constexpr uint64_t kSinks = engine::MetricWidths{}.sinks;

/// What the session's tokens say, with the byte at which each begins.
struct Said {
    std::string text;
    std::vector<size_t> starts; ///< [tokens + 1]

    explicit Said(engine::Session &session) {
        const model::Tokenizer &tokenizer = session.engine().tokenizer();
        for (model::Token token : session.tokens()) {
            starts.push_back(text.size());
            text += tokenizer.bytesOf(token);
        }
        starts.push_back(text.size());
    }

    /// The tokens that hold some of the bytes.
    Interval tokensOf(size_t start, size_t end) const {
        auto first = std::ranges::upper_bound(starts, start) - starts.begin() - 1;
        auto last = std::ranges::lower_bound(starts, end) - starts.begin();
        return {static_cast<uint64_t>(first),
                std::min<uint64_t>(static_cast<uint64_t>(last), starts.size() - 1)};
    }
};

/// Shares of all attention that the queries give to the parts; 0 for an empty one.
std::vector<double> sharesOf(engine::Session &session, Interval queries,
                             const std::vector<Interval> &parts, const std::stop_token &stop) {
    std::vector<Interval> spans;
    for (const Interval &part : parts)
        if (part.first < part.end)
            spans.push_back(part);
    std::vector<double> found = engine::sharesOfSpans(
        session, {.first_query = queries.first, .end_query = queries.end, .spans = spans}, stop);
    std::vector<double> shares;
    for (size_t part = 0, next = 0; part < parts.size(); ++part)
        shares.push_back(parts[part].first < parts[part].end ? found[next++] : 0);
    return shares;
}

bool hasAll(const engine::Session &session) {
    Interval forgotten = session.forgotten();
    return forgotten.first >= forgotten.end;
}

} // namespace

Interval controlQueries(uint64_t text_end, uint64_t reply_first, uint64_t first_shown) {
    uint64_t end = reply_first - std::min<uint64_t>(reply_first, 1); // that one writes the reply
    uint64_t first = std::max(text_end, end - std::min(end, kControlTokens));
    return {std::max(first, first_shown), end};
}

AttendedShares attendedParts(engine::Session &session, uint64_t prompt_tokens,
                             const AttendedRequest &request, std::stop_token stop) {
    if (request.parts.empty() || request.sentences.empty() ||
        prompt_tokens >= session.tokens().size() || !hasAll(session))
        return {};
    Said said(session);
    size_t text_at = said.text.find(request.text), reply_at = said.starts[prompt_tokens];
    if (text_at == said.text.npos || text_at + request.text.size() > reply_at)
        return {};
    std::vector<Interval> parts;
    for (document::Span part : request.parts) {
        Interval tokens = said.tokensOf(text_at + part.start, text_at + part.end);
        tokens.first = std::max(tokens.first, kSinks); // they take what has nowhere to go
        parts.push_back({std::min(tokens.first, tokens.end), tokens.end});
    }
    Interval before = controlQueries(parts.back().end, prompt_tokens);
    std::vector<double> control(parts.size());
    if (before.first < before.end)
        control = sharesOf(session, before, parts, stop);

    AttendedShares shares(request.sentences.size());
    for (size_t i = 0; i < shares.size(); ++i) {
        const std::string &sentence = request.sentences[i];
        size_t at = said.text.find(sentence, reply_at);
        if (at == said.text.npos || sentence.empty())
            continue;
        reply_at = at + sentence.size();
        Interval words = said.tokensOf(at, reply_at);
        // A token is chosen by the query of the one before it.
        shares[i] = sharesOf(session, {words.first - 1, words.end - 1}, parts, stop);
        for (size_t part = 0; part < parts.size(); ++part)
            shares[i][part] -= control[part];
    }
    return shares;
}

} // namespace longscope::reading
