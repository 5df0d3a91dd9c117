#include "ui/panels/chat_context.h"

#include "ui/panels/chat_text.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"
#include "ui/widgets/segment_bar.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace longscope::ui {
namespace {

std::string legendText(const Segment &segment) {
    return say("{} {}", segment.name, numberText(segment.value));
}

/// What must be sent as it is, with a reply that may end sooner.
uint64_t wordForWord(const ContextUse &use, bool with_document) {
    return use.system + use.draft + (with_document ? use.document : 0) +
           std::min(use.reply, use.window / 4);
}

std::string hoverText(const Segment &segment) {
    return say("{}: {}", segment.name, tokensText(segment.value));
}

} // namespace

std::string misfitText(const ContextUse &use, AskWay way) {
    const bool is_whole = use.document > 0 && way == AskWay::whole;
    const uint64_t needed = wordForWord(use, is_whole);
    if (use.window == 0 || needed <= use.window)
        return {};
    return say(is_whole ? "This needs {}, the window is {}. Let the best passages be read instead "
                          "(the arrow beside \"with\"), or choose positions that reach further in "
                          "the panel Patterns."
                        : "This needs {}, the window is {}. Shorten the text, or reserve less for "
                          "the reply.",
               tokensText(needed), tokensText(use.window));
}

std::string fittingText(const ContextUse &use, AskWay way) {
    if (use.window == 0 || use.isEndless())
        return {};
    if (use.document > 0 && way == AskWay::automatic && wordForWord(use, true) > use.window)
        return tr("The document does not fit the window, so its best passages are read.");
    return use.needed() > use.window ? tr("Older turns are sent in short, so that it fits.") : "";
}

void drawContextBar(const Snapshot &snapshot) {
    const ContextUse &use = snapshot.chat.use;
    pushSmall();
    if (!snapshot.model)
        mutedLine(tr("No model is loaded yet: it is loaded with the first message."));
    if (use.window > 0) {
        const std::array<Segment, 5> segments = {
            Segment{tr("system"), use.system, seriesColour(6)},
            Segment{tr("document"), use.document, seriesColour(0)},
            Segment{tr("history"), use.history, seriesColour(2)},
            Segment{tr("draft"), use.draft, seriesColour(1)},
            Segment{tr("reply"), use.reply, seriesColour(9)}};
        segmentBar("##context", segments, use.isEndless() ? 0 : use.window, 0.45F, hoverText);
        segmentLegend(segments, legendText);
        const std::string sum =
            use.isEndless() ? tokensText(use.needed())
                            : say("{} of {}", numberText(use.needed()), tokensText(use.window));
        const float width = ImGui::CalcTextSize(sum.c_str()).x;
        const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
        if (use.needed() > 0 && ImGui::GetItemRectMax().x + ImGui::GetFontSize() + width < right) {
            ImGui::SameLine();
            ImGui::SetCursorScreenPos({right - width, ImGui::GetCursorScreenPos().y});
        }
        const AskWay way = snapshot.chat.ask_way;
        const std::string misfit = misfitText(use, way), fitting = fittingText(use, way);
        ImGui::TextColored(misfit.empty() ? mutedText() : error(), "%s", sum.c_str());
        if (!misfit.empty())
            colouredText(error(), misfit);
        else if (!fitting.empty())
            mutedLine(fitting);
    }
    ImGui::PopFont();
}

void drawProgress(const Snapshot &snapshot, CommandQueue &commands) {
    const TaskView *task = visibleTask(snapshot);
    if (!task)
        return;
    pushSmall();
    if (task->aside) { // what the engine does is stopped by the composer's button below
        ImGui::BeginDisabled(task->stopping);
        if (ImGui::SmallButton(say("{}##task", tr("Stop")).c_str()))
            commands.push(command::StopTask{task->id});
        ImGui::EndDisabled();
        ImGui::SameLine();
    }
    const std::string figures = progressText(*task);
    std::string line = task->title;
    if (!figures.empty())
        line += " \u00B7 " + figures;
    const auto waiting =
        static_cast<size_t>(std::count_if(snapshot.tasks.begin(), snapshot.tasks.end(),
                                          [](const TaskView &other) { return !other.running; }));
    if (waiting > 0)
        line += " \u00B7 " +
                (waiting == 1 ? std::string(tr("1 more waits")) : say("{} more wait", waiting));
    ImGui::TextWrapped("%s", line.c_str());
    const Progress &progress = task->progress;
    const float height = std::round(0.3F * ImGui::GetFontSize());
    if (progress.total > 0)
        ImGui::ProgressBar(static_cast<float>(static_cast<double>(progress.done) /
                                              static_cast<double>(progress.total)),
                           {-FLT_MIN, height}, "");
    else
        ImGui::Dummy({0, height});
    ImGui::PopFont();
}

} // namespace longscope::ui
