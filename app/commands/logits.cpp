// `longscope logits`: the logits of every position of a list of ids, for comparison with others.
#include "app/commands/commands.h"
#include "app/json_output.h"
#include "app/progress.h"
#include "app/token_file.h"
#include "compute/core/error.h"
#include "compute/engine/session.h"

#include <bit>
#include <chrono>
#include <format>

namespace longscope::app {

static_assert(std::endian::native == std::endian::little, "the file is little-endian float32");

int runLogits(const Options &options, std::stop_token stop) {
    std::vector<model::Token> tokens = readTokenFile(options.files.front());
    if (tokens.empty())
        fail(ErrorKind::file, "{} holds no token", options.files.front());
    ProgressLine line(options.quiet);
    engine::Engine engine(engineOptions(options), line.sink(), stop);
    engine::SessionOptions wanted = sessionOptions(options);
    if (wanted.context_tokens == 0)
        wanted.context_tokens = tokens.size();
    if (tokens.size() > wanted.context_tokens)
        fail(ErrorKind::model, "{} tokens need a window of {}, the window is {}", tokens.size(),
             tokens.size(), wanted.context_tokens);
    warnOutOfReach(engine.config(), wanted);
    engine::Session session(engine, wanted);
    OutputFile file(options.out);
    auto start = std::chrono::steady_clock::now();
    auto seconds = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    session.readAllLogits(
        tokens, 0,
        [&](uint64_t position, std::span<const float> logits) {
            file.write(std::as_bytes(logits));
            line.show({.label = "logits",
                       .unit = "tokens",
                       .done = position + 1,
                       .total = tokens.size(),
                       .seconds = seconds()});
        },
        stop);
    file.commit();
    line.clear();
    if (options.json && options.out != "-")
        printJson({{"tokens", tokens.size()},
                   {"vocab", engine.config().vocab},
                   {"out", options.out},
                   {"seconds", seconds()}});
    else if (!options.quiet)
        printNote(std::format("longscope: [{}, {}] float32 in {}", tokens.size(),
                              engine.config().vocab, options.out));
    return 0;
}

} // namespace longscope::app
