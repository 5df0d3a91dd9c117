#include "ui/panels/attention_trace.h"

#include "compute/core/text.h"
#include "ui/panels/attention_text.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"
#include "ui/widgets/segment_bar.h"

#include <imgui.h>

#include <algorithm>

namespace longscope::ui {
namespace {

std::string cut(std::string_view text, size_t most) {
    std::string clean = repairUtf8(text.substr(0, most));
    std::ranges::replace(clean, '\n', ' ');
    return text.size() > most ? clean + "..." : clean;
}

std::string tracedWords(const Snapshot &snapshot, const Trace &trace) {
    for (const auto &message : snapshot.chat.messages)
        if (message->id == trace.message && trace.start < message->text.size())
            return cut(std::string_view(message->text)
                           .substr(trace.start, trace.end - std::min(trace.end, trace.start)),
                       200);
    return {};
}

void drawSplit(const Trace &trace) {
    auto parts = [](float share) {
        return static_cast<uint64_t>(std::max(0.F, share) * 10'000 + 0.5F);
    };
    const Segment segments[] = {{tr("document"), parts(trace.document_share), seriesColour(0)},
                                {tr("first tokens"), parts(trace.sink_share), seriesColour(1)},
                                {tr("everything else"), parts(trace.other_share), seriesColour(2)}};
    auto describe = [](const Segment &segment) {
        return segment.name + ": " + percentText(static_cast<double>(segment.value) / 10'000);
    };
    segmentBar("split", segments, 10'000, 0.8F, describe);
    segmentLegend(segments, describe);
}

std::vector<Mark> marksOfAll(const Trace &trace) {
    std::vector<Mark> marks;
    float most = 1e-6F;
    for (const Trace::Span &span : trace.spans)
        most = std::max(most, span.share);
    for (const Trace::Span &span : trace.spans)
        marks.push_back({span.start, span.end, MarkKind::attention,
                         std::clamp(span.share / most, 0.15F, 1.F),
                         say("{} of the attention to the document",
                             percentText(static_cast<double>(span.share)))});
    return marks;
}

void drawSpans(const Snapshot &snapshot, const Trace &trace, DocumentLink &link,
               CommandQueue &commands) {
    const uint64_t document = snapshot.attention.timeline->document;
    const auto open = snapshot.documents.find(document);
    if (!ImGui::BeginTable("spans", 3,
                           ImGuiTableFlags_RowBg | ImGuiTableFlags_BordersOuter |
                               ImGuiTableFlags_ScrollY | ImGuiTableFlags_SizingFixedFit,
                           {0, ImGui::GetContentRegionAvail().y}))
        return;
    ImGui::TableSetupScrollFreeze(0, 1);
    ImGui::TableSetupColumn(tr("Share"));
    ImGui::TableSetupColumn(tr("Place"), ImGuiTableColumnFlags_WidthStretch, 1);
    ImGui::TableSetupColumn(tr("Words"), ImGuiTableColumnFlags_WidthStretch, 2);
    ImGui::TableHeadersRow();
    for (size_t i = 0; i < trace.spans.size(); ++i) {
        const Trace::Span &span = trace.spans[i];
        ImGui::TableNextRow();
        ImGui::TableNextColumn();
        const std::string share = percentText(static_cast<double>(span.share));
        if (ImGui::Selectable(std::format("{}##span{}", share, i).c_str(), false,
                              ImGuiSelectableFlags_SpanAllColumns))
            commands.push(command::JumpTo{document, span.start});
        if (ImGui::IsItemHovered() || ImGui::IsItemFocused()) {
            const DocumentLink::Key key = {reinterpret_cast<uintptr_t>(&trace), i, 0};
            if (link.isNew(key))
                link.point(key, document, {marksOfAll(trace)[i]});
            else
                link.keep(key);
        }
        ImGui::TableNextColumn();
        ImGui::TextWrapped("%s", span.place.c_str());
        ImGui::TableNextColumn();
        if (open && open->text && span.start < open->text->size())
            ImGui::TextWrapped(
                "%s",
                cut(std::string_view(*open->text).substr(span.start, span.end - span.start), 160)
                    .c_str());
    }
    ImGui::EndTable();
}

} // namespace

void drawTrace(const Snapshot &snapshot, DocumentLink &link, CommandQueue &commands) {
    const Trace &trace = *snapshot.attention.trace;
    ImGui::SeparatorText(tr("Where did that come from?"));
    if (const std::string words = tracedWords(snapshot, trace); !words.empty())
        ImGui::TextWrapped("%s", words.c_str());
    drawSplit(trace);
    colouredText(trace.words_found ? good() : warning(),
                 trace.words_found ? tr("The words of the sentence stand in the document.")
                                   : tr("The words of the sentence were not found in the "
                                        "document."));
    ImGui::TextWrapped("%s", trace.confidence.c_str());
    if (trace.spans.empty()) {
        ImGui::TextDisabled("%s", tr("No place of the document stands out."));
        return;
    }
    mutedLine(tr("Shares of the attention to the document, in the order of what the answer added "
                 "to them."));
    if (ImGui::Button(tr("Mark all in the document")))
        commands.push(
            command::MarkDocument{snapshot.attention.timeline->document, marksOfAll(trace)});
    drawSpans(snapshot, trace, link, commands);
}

} // namespace longscope::ui
