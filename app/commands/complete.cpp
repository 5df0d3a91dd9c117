// `longscope complete`: plain continuation of a text, without a chat template.
#include "app/commands/commands.h"
#include "app/follow.h"
#include "app/json_output.h"
#include "app/kept_session.h"
#include "compute/core/text.h"

namespace longscope::app {

int runComplete(const Options &options, std::stop_token stop) {
    engine::Complete command;
    command.text = options.text == "-" ? readWholeFile("-") : options.text;
    command.options.sampling = sampling(options);
    command.options.max_tokens = options.max_tokens.value_or(command.options.max_tokens);
    ProgressLine line(options.quiet);
    engine::Worker worker;
    loadModel(worker, options, line, stop);
    restoreKept(worker, options, line, stop);
    std::function<void(std::string_view)> on_text;
    if (!options.json)
        on_text = printOut;
    engine::Task task = follow(worker, std::move(command), line, on_text, stop);
    if (options.json) {
        nlohmann::json answer = {{"text", task.text},
                                 {"finish", task.finish ? finishName(*task.finish) : "stopped"},
                                 {"prompt_tokens", task.prompt_tokens},
                                 {"generated_tokens", task.written_tokens},
                                 {"prompt_seconds", task.prompt_seconds},
                                 {"seconds", task.prompt_seconds + task.write_seconds}};
        printJson(answer);
    } else {
        printOut("\n");
        if (!options.quiet)
            noteFinish(task);
    }
    keepSession(worker, options, line);
    return statusOf(task);
}

} // namespace longscope::app
