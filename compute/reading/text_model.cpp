#include "compute/reading/text_model.h"

namespace longscope::reading {

engine::SamplingOptions greedySampling() {
    engine::SamplingOptions sampling;
    sampling.temperature = 0;
    sampling.seed = 1;
    return sampling;
}

std::vector<TextReply> TextModel::writeTogether(std::span<const TextRequest> requests,
                                                const OnTextOf &on_text,
                                                const ProgressSink &progress,
                                                std::stop_token stop) {
    std::vector<TextReply> replies;
    for (size_t i = 0; i < requests.size(); ++i) {
        auto on_own = [&](std::string_view text) { return !on_text || on_text(i, text); };
        replies.push_back(write(requests[i], on_own, progress, stop));
    }
    return replies;
}

} // namespace longscope::reading
