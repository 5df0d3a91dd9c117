#include "ui/panels/chat_trace.h"

#include "ui/panels/chat_text.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>
#include <cmath>

namespace longscope::ui {
namespace {

constexpr size_t kMostPlaces = 8;

std::vector<Mark> marksOf(const Trace &trace) {
    float strongest = 0;
    for (const Trace::Span &span : trace.spans)
        strongest = std::max(strongest, span.share);
    std::vector<Mark> marks;
    for (const Trace::Span &span : trace.spans)
        marks.push_back({span.start, span.end, MarkKind::attention,
                         strongest > 0 ? span.share / strongest : 0,
                         say("{} of the attention to the document", percentText(span.share))});
    return marks;
}

/// A bar, the share, the place.
void drawPlaces(const Trace &trace, uint64_t document, bool is_open, CommandQueue &commands) {
    const float em = ImGui::GetFontSize();
    const size_t count = std::min(trace.spans.size(), kMostPlaces);
    const float strongest = count > 0 ? std::max(trace.spans[0].share, 1e-6F) : 1;
    for (size_t i = 0; i < count; i++) {
        const Trace::Span &span = trace.spans[i];
        const ImVec2 at = ImGui::GetCursorScreenPos();
        const float length = std::max(std::round(4 * em * span.share / strongest), 1.0F);
        const float top = std::round(at.y + 0.3F * em), bottom = std::round(at.y + 0.8F * em);
        ImGui::GetWindowDrawList()->AddRectFilled({at.x, top}, {at.x + length, bottom},
                                                  ImGui::GetColorU32(accent()));
        ImGui::Dummy({4.5F * em, em});
        ImGui::SameLine(0, 0);
        ImGui::TextUnformatted(percentText(span.share).c_str());
        ImGui::SameLine(at.x - ImGui::GetWindowPos().x + ImGui::GetScrollX() + 7.5F * em, 0);
        if (placeLink(("trace" + std::to_string(i)).c_str(), span.place, is_open)) {
            commands.push(command::JumpTo{document, span.start});
            commands.push(command::MarkDocument{document, marksOf(trace)});
        }
    }
}

void wrapped(const std::string &text) {
    ImGui::TextWrapped("%s", text.c_str());
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
        const float close_width =
            ImGui::CalcTextSize(close).x + 2 * ImGui::GetStyle().FramePadding.x;
        ImGui::SameLine(ImGui::GetStyle().WindowPadding.x + width - close_width);
        keep = !ImGui::SmallButton(say("{}##trace", close).c_str());
        if (trace.start < trace.end && trace.end <= message.text.size())
            wrapped("\u201C" +
                    shortened(plainText(std::string_view(message.text)
                                            .substr(trace.start, trace.end - trace.start)),
                              160) +
                    "\u201D");
        drawPlaces(trace, document, is_open, commands);
        ImGui::PushStyleColor(ImGuiCol_Text, mutedText());
        wrapped(say("Of all attention {} went to the document, {} to the first tokens, {} to the "
                    "rest.",
                    percentText(trace.document_share), percentText(trace.sink_share),
                    percentText(trace.other_share)));
        wrapped(trace.words_found ? tr("Its words stand in the document.")
                                  : tr("Its words were not found in the document."));
        if (!trace.confidence.empty())
            wrapped(trace.confidence);
        ImGui::PopStyleColor();
    }
    ImGui::EndChild();
    ImGui::PopFont();
    ImGui::PopStyleColor();
    return keep;
}

} // namespace longscope::ui
