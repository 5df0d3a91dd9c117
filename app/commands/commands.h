// The commands: each a function in a file of its own that returns the exit status and throws Error.
#pragma once

#include "app/options.h"

#include <stop_token>

namespace longscope::app {

/// Of the window, by what the command line says.
struct DeskOptions;
DeskOptions deskOptions(const Options &options);

int runRun(const Options &options, std::stop_token stop);
int runSummarize(const Options &options, std::stop_token stop);
int runAsk(const Options &options, std::stop_token stop);
int runClassify(const Options &options, std::stop_token stop);
int runRewrite(const Options &options, std::stop_token stop);
int runCompose(const Options &options, std::stop_token stop);
int runChat(const Options &options, std::stop_token stop);
int runComplete(const Options &options, std::stop_token stop);
int runLibrary(const Options &options, std::stop_token stop);
int runTokenize(const Options &options, std::stop_token stop);
int runDetokenize(const Options &options, std::stop_token stop);
int runTemplate(const Options &options, std::stop_token stop);
int runLogits(const Options &options, std::stop_token stop);
int runPerplexity(const Options &options, std::stop_token stop);
int runBench(const Options &options, std::stop_token stop);
int runEvaluate(const Options &options, std::stop_token stop);
int runAttention(const Options &options, std::stop_token stop);
int runPlan(const Options &options, std::stop_token stop);
int runInspect(const Options &options, std::stop_token stop);
int runDevices(const Options &options, std::stop_token stop);
int runSelftest(const Options &options, std::stop_token stop);
int runScreenshot(const Options &options, std::stop_token stop);

} // namespace longscope::app
