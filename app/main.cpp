// From arguments to a command; the last catch.
#include "app/commands/commands.h"
#include "app/interrupt.h"
#include "app/output.h"
#include "compute/core/error.h"

#include <cassert>
#include <new>
#include <string_view>
#include <utility>

namespace longscope::app {
namespace {

using Run = int (*)(const Options &, std::stop_token);

constexpr std::pair<std::string_view, Run> kCommands[] = {
    {"run", runRun},
    {"summarize", runSummarize},
    {"classify", runClassify},
    {"rewrite", runRewrite},
    {"compose", runCompose},
    {"chat", runChat},
    {"complete", runComplete},
    {"tokenize", runTokenize},
    {"detokenize", runDetokenize},
    {"template", runTemplate},
    {"logits", runLogits},
    {"perplexity", runPerplexity},
    {"bench", runBench},
    {"attention", runAttention},
    {"plan", runPlan},
    {"inspect", runInspect},
    {"devices", runDevices},
    {"selftest", runSelftest},
    {"screenshot", runScreenshot},
    {"library", runLibrary},
    {"evaluate", runEvaluate},
    {"ask", runAsk},
};

int runCommand(const Options &options) {
    for (const auto &[name, run] : kCommands)
        if (name == options.command)
            return run(options, interruptToken());
    assert(false && "a command that is parsed but not listed");
    return 2;
}

int runMain(int argc, char **argv) {
    try {
        watchInterrupts();
        Parsed parsed = parseOptions(argc, argv);
        return parsed.status ? *parsed.status : runCommand(parsed.options);
    } catch (const Error &error) {
        printError(error.what());
        return statusOf(error.kind());
    } catch (const std::bad_alloc &) {
        printError("the computer's memory is full");
    } catch (const std::exception &error) {
        printError(error.what());
    }
    return 1;
}

} // namespace
} // namespace longscope::app

int main(int argc, char **argv) {
    return longscope::app::runMain(argc, argv);
}
