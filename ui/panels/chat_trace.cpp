#include "ui/panels/chat_trace.h"

#include "ui/panels/chat_text.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>

namespace longscope::ui {
namespace {

constexpr size_t kMostPlaces = 8;

float strongestOf(const Trace &trace) {
    float strongest = 1e-6F;
    for (const Trace::Span &span : trace.spans)
        strongest = std::max(strongest, span.share);
    return strongest;
}

std::vector<Mark> marksOf(const Trace &trace) {
    std::vector<Mark> marks;
    for (const Trace::Span &span : trace.spans)
        marks.push_back({span.start, span.end, MarkKind::attention, span.share / strongestOf(trace),
                         say("{} of the attention to the document", percentText(span.share))});
    return marks;
}

/// A place, and how much of the attention it got. Their order is by what the answer added to that,
/// so the shares do not fall from line to line.
void drawPlaces(const Trace &trace, uint64_t document, bool is_open, CommandQueue &commands) {
    if (trace.spans.empty())
        return;
    mutedLine(tr("Shares of the attention to the document, in the order of what the answer added "
                 "to them:"));
    for (size_t i = 0; i < std::min(trace.spans.size(), kMostPlaces); i++) {
        const Trace::Span &span = trace.spans[i];
        ImGui::TextColored(mutedText(), "%zu.", i + 1);
        ImGui::SameLine();
        if (placeLink(("trace" + std::to_string(i)).c_str(), span.place, is_open)) {
            commands.push(command::JumpTo{document, span.start});
            commands.push(command::MarkDocument{document, marksOf(trace)});
        }
        ImGui::SameLine();
        ImGui::TextColored(mutedText(), "%s", percentText(span.share).c_str());
    }
}

} // namespace

uint64_t documentOf(const Snapshot &snapshot, const Message &message) {
    if (message.document != 0)
        return message.document;
    return snapshot.attention.timeline ? snapshot.attention.timeline->document : 0;
}

bool placeLink(const char *id, const std::string &place, bool is_open) {
    const std::string label = (place.empty() ? std::string(tr("there")) : place) + "##" + id;
    if (is_open)
        return ImGui::TextLink(label.c_str());
    ImGui::TextColored(mutedText(), "%s", place.c_str());
    ImGui::SetItemTooltip("%s", tr("The document is not open."));
    return false;
}

bool drawTrace(const Snapshot &snapshot, const Message &message, const Trace &trace,
               CommandQueue &commands) {
    bool keep = true;
    const uint64_t document = documentOf(snapshot, message);
    const bool is_open = snapshot.documents.find(document) != nullptr;
    ImGui::PushStyleColor(ImGuiCol_ChildBg, codeGround());
    pushSmall();
    if (ImGui::BeginChild("##trace", {0, 0},
                          ImGuiChildFlags_AutoResizeY | ImGuiChildFlags_AlwaysUseWindowPadding |
                              ImGuiChildFlags_NavFlattened)) {
        const float width = ImGui::GetContentRegionAvail().x;
        pushBold();
        ImGui::TextUnformatted(tr("Where did that come from?"));
        ImGui::PopFont();
        const char *close = tr("Close");
        ImGui::SameLine(ImGui::GetStyle().WindowPadding.x + width - buttonWidth(close));
        keep = !ImGui::SmallButton(say("{}##trace", close).c_str());
        if (trace.start < trace.end && trace.end <= message.text.size())
            ImGui::TextWrapped(
                "\u201C%s\u201D",
                shortened(plainText(std::string_view(message.text)
                                        .substr(trace.start, trace.end - trace.start)),
                          160)
                    .c_str());
        drawPlaces(trace, document, is_open, commands);
        mutedLine(say("Of all attention {} went to the document, {} to the first tokens, {} to the "
                      "rest.",
                      percentText(trace.document_share), percentText(trace.sink_share),
                      percentText(trace.other_share)));
        mutedLine(trace.words_found ? tr("The words of the sentence stand in the document.")
                                    : tr("The words of the sentence were not found in the "
                                         "document."));
        mutedLine(trace.confidence);
    }
    ImGui::EndChild();
    ImGui::PopFont();
    ImGui::PopStyleColor();
    return keep;
}

} // namespace longscope::ui
