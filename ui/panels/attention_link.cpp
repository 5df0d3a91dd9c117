#include "ui/panels/attention_link.h"

#include "ui/panels/attention_text.h"

#include <imgui.h>

namespace longscope::ui {

constexpr double kPauseSeconds = 0.1;

void DocumentLink::point(const Key &key, uint64_t document, std::vector<Mark> marks) {
    wanted_ = made_ = key;
    document_ = document;
    marks_ = std::move(marks);
}

void DocumentLink::flush(CommandQueue &commands) {
    pending_ = std::exchange(wanted_, std::nullopt);
    const double now = ImGui::GetTime();
    if (pending_ == shown_ || now < next_time_)
        return;
    commands.push(command::MarkDocument{document_, pending_ ? marks_ : std::vector<Mark>{}});
    shown_ = pending_;
    next_time_ = now + kPauseSeconds;
}

void jumpToToken(const Timeline &timeline, uint64_t token, CommandQueue &commands) {
    if (const auto bytes = documentBytes(timeline, token, token + 1))
        commands.push(command::JumpTo{timeline.document, bytes->first});
}

std::vector<Mark> marksOf(const Timeline &timeline, uint64_t first_query, uint64_t end_query,
                          uint64_t first_key, uint64_t end_key, float weight,
                          const std::string &key_note) {
    std::vector<Mark> marks;
    if (const auto query = documentBytes(timeline, first_query, end_query))
        marks.push_back({query->first, query->second, MarkKind::source, 0.4F,
                         say("Query, {}", tokenNumbers(first_query, end_query))});
    if (const auto key = documentBytes(timeline, first_key, end_key))
        marks.push_back({key->first, key->second, MarkKind::attention, weight, key_note});
    return marks;
}

} // namespace longscope::ui
