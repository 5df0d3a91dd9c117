// `longscope compose`: a text written from an outline, section by section.
#include "compute/reading/compose.h"
#include "app/commands/commands.h"
#include "app/follow.h"
#include "app/json_output.h"
#include "app/kept_results.h"
#include "app/long_result.h"
#include "app/reading_window.h"
#include "compute/core/clock.h"
#include "compute/core/text.h"
#include "compute/reading/engine_model.h"

#include <format>
#include <optional>

namespace longscope::app {
namespace {

using nlohmann::json;
using reading::ComposedSection;

void tell(const ComposedSection &section) {
    if (section.item.written && section.text.empty())
        printWarning(std::format("\"{}\": the model wrote no whole sentence that is new",
                                 section.item.title));
    else if (2 * section.words < section.wanted_words)
        printWarning(std::format("\"{}\" has {} words, {} were asked for", section.item.title,
                                 section.words, section.wanted_words));
}

json asJson(const ComposedSection &section) {
    return {{"title", section.item.title},
            {"level", section.item.level},
            {"text", section.text},
            {"words", section.words},
            {"repetitions", section.repetitions}};
}

} // namespace

int runCompose(const Options &options, std::stop_token stop) {
    auto start = Clock::now();
    reading::Outline outline = reading::readOutline(
        repairUtf8(readWholeFile(options.files.front())), options.files.front());
    reading::ComposeOptions wanted{.words = options.all_words, .instruction = options.instruction};
    wanted.sampling = sampling(options, wanted.sampling);
    std::optional<OutputFile> file;
    if (!options.out.empty())
        file.emplace(options.out);
    ProgressLine line(options.quiet);
    engine::Worker worker;
    engine::ModelFacts facts = loadModel(worker, options, line, stop);
    noteSmallModel(facts, options, "the text will be weak and may be untrue");
    reading::EngineModel model = readingModel(worker, options);
    KeptResults results(options);
    auto on_section = [&](const ComposedSection &section) {
        line.clear();
        if (!options.quiet)
            tell(section);
    };
    reading::Composition result = asModelError([&] {
        return reading::compose(model, outline, wanted, results.general(), on_section, line.sink(),
                                stop);
    });
    line.clear();
    json sections = json::array();
    for (const ComposedSection &section : result.sections)
        sections.push_back(asJson(section));
    return giveResult(options, file, result, "sections", sections, start);
}

} // namespace longscope::app
