#include "ui/panels/library.h"

#include "ui/panels/chat_text.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <array>
#include <cfloat>
#include <chrono>
#include <utility>

namespace longscope::ui {
namespace {

constexpr size_t kAllShown = 12; ///< documents; more of them scroll
constexpr const char *kQuestion = "Remove from the library?";
constexpr ImGuiTableFlags kTable = ImGuiTableFlags_RowBg | ImGuiTableFlags_BordersInnerH |
                                   ImGuiTableFlags_PadOuterX | ImGuiTableFlags_SizingFixedFit;

int64_t nowUnix() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string bytes(uint64_t count) {
    return byteText(static_cast<double>(count));
}

void rightCell(const std::string &text) {
    ImGui::TableNextColumn();
    const float room = ImGui::GetContentRegionAvail().x - ImGui::CalcTextSize(text.c_str()).x;
    ImGui::SetCursorPosX(ImGui::GetCursorPosX() + std::max(0.0F, room));
    ImGui::TextUnformatted(text.c_str());
}

std::string sizeText(const LibraryEntry &entry) {
    return entry.tokens > 0 ? tokensText(entry.tokens) : bytes(entry.text_bytes);
}

std::string titleOf(const LibraryEntry &entry) {
    return entry.title.empty() ? tr("Without a title") : entry.title;
}

std::string aboutText(const LibraryEntry &entry) {
    std::string text = titleOf(entry);
    if (!entry.path.empty())
        text += "\n" + entry.path;
    text += "\n" + (entry.format.empty() ? "" : entry.format + ", ") + bytes(entry.text_bytes);
    if (entry.tokens > 0)
        text += ", " + tokensText(entry.tokens);
    if (entry.result_bytes > 0)
        text += "\n" + say("Kept results: {}", bytes(entry.result_bytes));
    if (entry.reading_bytes > 0)
        text += "\n" + say("Kept readings that begin like it: {}", bytes(entry.reading_bytes));
    text += std::string("\n") +
            (entry.stays ? tr("Stays in the library until it is removed.")
                         : tr("Goes when it is closed and no conversation or result needs it."));
    return text;
}

/// A box as high as a line of text.
bool tick(const char *id, bool &value) {
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {ImGui::GetStyle().FramePadding.x, 0});
    const bool changed = ImGui::Checkbox(id, &value);
    ImGui::PopStyleVar();
    return changed;
}

} // namespace

void LibraryPanel::draw(const Snapshot &snapshot, CommandQueue &commands) {
    askForList(snapshot, commands);
    drawSearch(commands);
    const LibraryView &library = snapshot.library;
    if (!library.list) {
        mutedLine(tr("The library is being looked into."));
        return;
    }
    if (!words_.empty()) {
        if (library.search && library.search->words == words_)
            drawHits(*library.search, commands);
        return;
    }
    drawDocuments(snapshot, *library.list, commands);
    drawSurveys(snapshot, *library.list, commands);
    drawReadings(*library.list, commands);
    drawQuestion(commands);
}

/// When it comes into view, and after work: what is kept has changed then.
void LibraryPanel::askForList(const Snapshot &snapshot, CommandQueue &commands) {
    const bool appeared = ImGui::GetFrameCount() > drawn_frame_ + 1;
    drawn_frame_ = ImGui::GetFrameCount();
    const bool ended = std::exchange(was_busy_, snapshot.busy()) && !snapshot.busy();
    if (appeared || ended)
        commands.push(command::ListLibrary{});
}

void LibraryPanel::open(uint64_t document, size_t byte, CommandQueue &commands) {
    commands.push(command::JumpTo{document, byte});
    if (show_document)
        show_document();
}

// ---- search ------------------------------------------------------------------------------------

void LibraryPanel::drawSearch(CommandQueue &commands) {
    if (ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_F))
        ImGui::SetKeyboardFocusHere();
    ImGui::SetNextItemWidth(-FLT_MIN);
    if (ImGui::InputTextWithHint("##search", tr("Search in all documents"), &words_,
                                 ImGuiInputTextFlags_EscapeClearsAll))
        commands.push(command::SearchLibrary{words_});
}

void LibraryPanel::drawHits(const LibrarySearch &search, CommandQueue &commands) {
    if (search.hits.empty()) {
        mutedLine(tr("No paragraph of the library has these words."));
        return;
    }
    if (ImGui::BeginChild("##hits", {0, 0}, ImGuiChildFlags_NavFlattened))
        for (size_t i = 0; i < search.hits.size(); i++) {
            const LibraryHit &hit = search.hits[i];
            const std::string where = hit.place.empty() ? hit.title : hit.title + ", " + hit.place;
            if (ImGui::TextLink((where + "##" + std::to_string(i)).c_str())) {
                open(hit.document, hit.start, commands);
                commands.push(command::MarkDocument{
                    hit.document,
                    {{hit.start, hit.end, MarkKind::source, 1, say("Found: {}", search.words)}}});
            }
            ImGui::TextWrapped("%s", hit.snippet.c_str());
            ImGui::Spacing();
        }
    ImGui::EndChild();
}

// ---- documents ---------------------------------------------------------------------------------

void LibraryPanel::drawDocuments(const Snapshot &snapshot, const LibraryList &list,
                                 CommandQueue &commands) {
    if (list.documents.empty()) {
        mutedLine(tr("No document is kept yet. Those that you open come here."));
        return;
    }
    if (list.documents.size() <= kAllShown) {
        drawDocumentTable(snapshot, list, commands);
    } else { // what stands below stays in reach
        const float height = kAllShown * ImGui::GetTextLineHeightWithSpacing();
        if (ImGui::BeginChild("##documents", {0, height}, ImGuiChildFlags_NavFlattened))
            drawDocumentTable(snapshot, list, commands);
        ImGui::EndChild();
    }
    pushSmall();
    mutedLine(list.documents.size() == 1 ? say("1 document, {} on the disk", bytes(list.file_bytes))
                                         : say("{} documents, {} on the disk",
                                               list.documents.size(), bytes(list.file_bytes)));
    ImGui::PopFont();
}

void LibraryPanel::drawDocumentTable(const Snapshot &snapshot, const LibraryList &list,
                                     CommandQueue &commands) {
    if (!ImGui::BeginTable("documents", 5, kTable))
        return;
    drawDocumentHeader(list);
    for (const LibraryEntry &entry : list.documents) {
        ImGui::PushID(static_cast<int>(entry.id));
        drawDocument(entry, snapshot.documents.find(entry.id) != nullptr, commands);
        ImGui::PopID();
    }
    ImGui::EndTable();
}

/// With a box that ticks all documents, or none.
void LibraryPanel::drawDocumentHeader(const LibraryList &list) {
    constexpr std::array kColumns = {"Document", "Length", "Added", "Kept", "##more"};
    for (size_t i = 0; i < kColumns.size(); i++)
        ImGui::TableSetupColumn(tr(kColumns[i]), i == 0 ? ImGuiTableColumnFlags_WidthStretch : 0);
    ImGui::TableNextRow(ImGuiTableRowFlags_Headers);
    for (int i = 0; i < static_cast<int>(kColumns.size()); i++) {
        if (!ImGui::TableSetColumnIndex(i))
            continue;
        if (i == 0) {
            bool all = chosen_.size() == list.documents.size();
            if (tick("##all", all)) {
                chosen_.clear();
                for (const LibraryEntry &entry : list.documents)
                    if (all)
                        chosen_.insert(entry.id);
            }
            ImGui::SetItemTooltip("%s", tr("All of them, for a question to several documents"));
            ImGui::SameLine();
        }
        ImGui::TableHeader(tr(kColumns[static_cast<size_t>(i)]));
    }
}

void LibraryPanel::drawSurveys(const Snapshot &snapshot, const LibraryList &list,
                               CommandQueue &commands) {
    std::vector<const LibraryEntry *> chosen;
    std::set<uint64_t> there;
    for (const LibraryEntry &entry : list.documents)
        if (chosen_.contains(entry.id)) {
            chosen.push_back(&entry);
            there.insert(entry.id);
        }
    chosen_ = std::move(there); // without those that were removed
    surveys_.show_document = show_document;
    surveys_.draw(snapshot, chosen, commands);
}

void LibraryPanel::drawDocument(const LibraryEntry &entry, bool is_open, CommandQueue &commands) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    constexpr ImGuiSelectableFlags kWholeRow =
        ImGuiSelectableFlags_SpanAllColumns | ImGuiSelectableFlags_AllowOverlap;
    if (ImGui::Selectable("##open", is_open, kWholeRow))
        open(entry.id, 0, commands);
    if (ImGui::IsItemHovered(ImGuiHoveredFlags_ForTooltip))
        ImGui::SetTooltip("%s", aboutText(entry).c_str());
    ImGui::SameLine(0, 0);
    bool chosen = chosen_.contains(entry.id);
    if (tick("##chosen", chosen)) {
        if (chosen)
            chosen_.insert(entry.id);
        else
            chosen_.erase(entry.id);
    }
    ImGui::SetItemTooltip("%s", tr("For a question to several documents, below"));
    ImGui::SameLine();
    ImGui::TextUnformatted(titleOf(entry).c_str());
    rightCell(sizeText(entry));
    rightCell(dateText(entry.added_unix_s, nowUnix()));
    const uint64_t kept = entry.result_bytes + entry.reading_bytes;
    rightCell(kept > 0 ? bytes(kept) : "");
    ImGui::TableNextColumn();
    if (ImGui::SmallButton("..."))
        ImGui::OpenPopup("##menu");
    ImGui::SetItemTooltip("%s", tr("Keep or remove"));
    drawDocumentMenu(entry, commands);
}

void LibraryPanel::drawDocumentMenu(const LibraryEntry &entry, CommandQueue &commands) {
    if (!ImGui::BeginPopup("##menu"))
        return;
    if (ImGui::MenuItem(tr("Open")))
        open(entry.id, 0, commands);
    if (ImGui::MenuItem(tr("Stays until it is removed"), nullptr, entry.stays))
        commands.push(command::LetDocumentStay{entry.id, !entry.stays});
    if (ImGui::MenuItem(tr("Remove..."))) {
        leaving_ = entry;
        asks_ = true;
    }
    ImGui::EndPopup();
}

void LibraryPanel::drawQuestion(CommandQueue &commands) {
    if (std::exchange(asks_, false))
        ImGui::OpenPopup(tr(kQuestion));
    const float em = ImGui::GetFontSize();
    ImGui::SetNextWindowPos(ImGui::GetMainViewport()->GetCenter(), ImGuiCond_Appearing,
                            {0.5F, 0.5F});
    ImGui::SetNextWindowSizeConstraints({26 * em, 0}, {26 * em, FLT_MAX});
    if (!ImGui::BeginPopupModal(tr(kQuestion), nullptr, ImGuiWindowFlags_AlwaysAutoResize))
        return;
    const std::string results = leaving_.result_bytes > 0
                                    ? say(" and {} of kept results", bytes(leaving_.result_bytes))
                                    : "";
    ImGui::TextWrapped(
        "%s", say("{} goes out of the library, with {} of text{}. It is not found by its "
                  "words any more. Conversations about it stay. This cannot be taken back.",
                  titleOf(leaving_), bytes(leaving_.text_bytes), results)
                  .c_str());
    ImGui::Spacing();
    if (ImGui::Button(tr("Remove"))) {
        commands.push(command::RemoveDocument{leaving_.id});
        ImGui::CloseCurrentPopup();
    }
    ImGui::SameLine();
    ImGui::SetItemDefaultFocus();
    if (ImGui::Button(tr("Cancel")) || ImGui::IsKeyPressed(ImGuiKey_Escape))
        ImGui::CloseCurrentPopup();
    ImGui::EndPopup();
}

// ---- readings ----------------------------------------------------------------------------------

void LibraryPanel::drawReadings(const LibraryList &list, CommandQueue &commands) {
    ImGui::SeparatorText(tr("Kept readings"));
    if (list.most_reading_bytes == 0) {
        mutedLine(tr("Readings are not kept: their folder could not be made."));
        return;
    }
    if (list.readings.empty()) {
        mutedLine(tr("What the model reads is kept here, so that it need not be read again. "
                     "Nothing of more than 512 tokens was read yet."));
        return;
    }
    uint64_t sum = 0;
    bool some_go = false;
    for (const KeptReadingEntry &reading : list.readings) {
        sum += reading.bytes;
        some_go = some_go || !reading.pinned;
    }
    if (ImGui::BeginTable("readings", 5, kTable)) {
        ImGui::TableSetupColumn(tr("Text"), ImGuiTableColumnFlags_WidthStretch);
        for (const char *column : {"Tokens", "Size", "Used", "##more"})
            ImGui::TableSetupColumn(tr(column));
        ImGui::TableHeadersRow();
        for (const KeptReadingEntry &reading : list.readings) {
            ImGui::PushID(reading.id.c_str());
            drawReading(reading, commands);
            ImGui::PopID();
        }
        ImGui::EndTable();
    }
    pushSmall();
    mutedLine(say("{} of at most {}; the least used go first, pinned ones stay", bytes(sum),
                  bytes(list.most_reading_bytes)));
    ImGui::PopFont();
    ImGui::BeginDisabled(!some_go);
    if (ImGui::Button(tr("Remove all that are not pinned")))
        commands.push(command::PurgeReadings{});
    ImGui::EndDisabled();
    ImGui::SetItemTooltip("%s", tr("Texts are read again when they are needed."));
}

void LibraryPanel::drawReading(const KeptReadingEntry &reading, CommandQueue &commands) {
    const bool is_good = reading.problem.empty();
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    bool pinned = reading.pinned;
    if (tick("##pinned", pinned))
        commands.push(command::PinReading{reading.id, pinned});
    ImGui::SetItemTooltip("%s", tr("Pinned: it stays when others go"));
    ImGui::SameLine();
    if (is_good)
        ImGui::TextUnformatted(reading.title.c_str());
    else
        ImGui::TextColored(warning(), "%s", reading.problem.c_str());
    ImGui::SetItemTooltip("%s\n%s", reading.title.c_str(), reading.model.c_str());
    rightCell(is_good ? numberText(reading.tokens) : "");
    rightCell(bytes(reading.bytes));
    rightCell(dateText(reading.last_used_unix_s, nowUnix()));
    ImGui::TableNextColumn();
    if (ImGui::SmallButton(tr("Remove")))
        commands.push(command::RemoveReading{reading.id});
    ImGui::SetItemTooltip("%s", tr("The text is read again when it is needed."));
}

} // namespace longscope::ui
