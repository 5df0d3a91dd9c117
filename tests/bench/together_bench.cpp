// Replies written together beside the same replies one after another: tries of one prompt, and
// prompts of their own, with the default model. Prints seconds and their ratio, and with `profile`
// what each kernel takes when they are written together.
//     together_bench [profile]
#include "compute/core/clock.h"
#include "compute/engine/generate_together.h"
#include "tests/support/default_model.h"

#include <cstdio>
#include <format>
#include <map>
#include <string_view>

namespace longscope::engine {
namespace {

constexpr uint64_t kReplyTokens = 28, kPassageSentences = 14; // about 300 tokens

std::string passage(int number) {
    std::string text = "Passage:\n";
    for (uint64_t i = 0; i < kPassageSentences; ++i)
        text +=
            std::format("In {} the mill of place {} had {} workers and sold {} sacks of flour. ",
                        1800 + i, number, 3 * number + 7 * static_cast<int>(i), 40 + i);
    return text + "\n\nThe main fact is that";
}

std::vector<TogetherRequest> requestsOf(const Engine &engine, int prompts, int tries) {
    std::vector<TogetherRequest> requests;
    for (int prompt = 0; prompt < prompts; ++prompt)
        for (int attempt = 0; attempt < tries; ++attempt) {
            TogetherRequest request{.prompt = engine.tokenizer().encode(passage(prompt)),
                                    .options = {}};
            request.options.max_tokens = kReplyTokens;
            request.options.sampling = {.temperature = 0.7f, .top_k = 0, .top_p = 1, .min_p = 0.1f};
            request.options.sampling.seed = static_cast<uint64_t>(attempt + 1);
            requests.push_back(std::move(request));
        }
    return requests;
}

void printKernels(const Session &session) {
    std::map<std::string_view, std::pair<int, double>> kernels;
    for (const gpu::DispatchTime &time : session.times()) {
        ++kernels[time.kernel].first;
        kernels[time.kernel].second += time.ms;
    }
    for (const auto &[name, sum] : kernels)
        std::printf("    %-28.*s %6d dispatches %9.1f ms\n", static_cast<int>(name.size()),
                    name.data(), sum.first, sum.second);
}

void compare(Engine &engine, int prompts, int tries, bool profile) {
    std::vector<TogetherRequest> requests = requestsOf(engine, prompts, tries);
    SessionOptions options{.context_tokens = tokensTogether(requests), .profile = profile};
    double seconds[2] = {0, 0};
    uint64_t tokens = 0;
    for (int round = 0; round < 2; ++round) { // the first makes the pipelines
        Session together(engine, options);
        auto start = Clock::now();
        tokens = 0;
        for (const Generated &reply : generateTogether(together, requests, {}))
            tokens += reply.tokens.size();
        seconds[0] = secondsSince(start);
        Session alone(engine, options);
        start = Clock::now();
        for (const TogetherRequest &request : requests)
            generate(alone, request.prompt, request.options, {});
        seconds[1] = secondsSince(start);
        if (profile && round == 1)
            printKernels(together);
    }
    std::printf(
        "%2d prompts of %zu tokens, %d tries each, %llu tokens written: together %6.2f s, one "
        "after another %6.2f s, ratio %.2f\n",
        prompts, requests[0].prompt.size(), tries, static_cast<unsigned long long>(tokens),
        seconds[0], seconds[1], seconds[1] / seconds[0]);
    std::fflush(stdout);
}

} // namespace
} // namespace longscope::engine

int main(int count, char **words) {
    using namespace longscope;
    std::string path = testing::findDefaultModel();
    if (path.empty()) {
        std::puts(testing::kNoDefaultModel);
        return 1;
    }
    engine::Engine engine({.model_path = path, .device = ""});
    bool profile = count > 1 && std::string_view(words[1]) == "profile";
    std::printf("%s\n", engine.device().facts().name.c_str());
    for (auto [prompts, tries] : {std::pair{1, 6}, {5, 6}, {8, 1}})
        engine::compare(engine, prompts, tries, profile);
}
