#include "ui/panels/document.h"

#include "ui/panels/document_facts.h"
#include "ui/strings.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <iterator>

namespace longscope::ui {
namespace {

constexpr size_t kCountBytes = 96 << 10; ///< of a frame; a millisecond or two
constexpr double kNoteSeconds = 5;

constexpr size_t kLongestHeading = 300; ///< bytes; a longer line is a paragraph

/// The lines of headings. A section may also begin with a paragraph (outlines of PDFs): of that
/// only the title, where it begins with it.
std::vector<TextStretch> headingsOf(const Document &document) {
    std::vector<TextStretch> headings;
    for (const Section &section : document.outline) {
        if (section.level == 0)
            continue;
        size_t end = std::min(document.text->find('\n', section.start), section.end);
        if (end - section.start > kLongestHeading) {
            bool said =
                document.text->compare(section.start, section.title.size(), section.title) == 0;
            end = said ? section.start + section.title.size() : section.start;
        }
        if (end > section.start)
            headings.push_back({section.start, end});
    }
    return headings;
}

} // namespace

std::optional<size_t> DocumentPanel::hoveredByte() const {
    return shown_ ? shown_->view.hoveredByte() : std::nullopt;
}

bool DocumentPanel::animating() const {
    if (ImGui::GetFrameCount() > drawn_frame_ + 1) // behind another tab
        return false;
    return now_ < empty_paste_until_ || find_.animating() ||
           (shown_ && (shown_->view.animating() || !shown_->counter.done()));
}

void DocumentPanel::draw(const Snapshot &snapshot, CommandQueue &commands) {
    now_ = ImGui::GetTime();
    drawn_frame_ = ImGui::GetFrameCount();
    choose(snapshot.documents);
    handleKeys(commands);
    const auto document = snapshot.documents.shown();
    if (!document || !document->text) {
        drawEmpty(commands);
        return;
    }
    takeMarks(snapshot.documents);
    take(snapshot.documents.jump, document->id);
    drawChoice(snapshot, commands);
    drawFacts(snapshot, *document);
    drawTools(snapshot, *document, commands);
    find_.draw(shown_->view, document->text);
    drawText(snapshot, document);
}

/// Finds the view of the current document, and drops those of closed ones.
void DocumentPanel::choose(const Documents &documents) {
    std::erase_if(views_, [&](const auto &entry) { return !documents.find(entry.first); });
    shown_ = nullptr;
    const auto document = documents.shown();
    if (!document || !document->text)
        return;
    shown_ = &views_[document->id];
    shown_->view.setText(document->text);
    if (shown_->counted != document->text) {
        shown_->counter = TextCounter(*document->text);
        shown_->counted = document->text;
        shown_->headings = headingsOf(*document);
    }
    shown_->counter.work(kCountBytes);
}

// ---- ways in -----------------------------------------------------------------------------------

void DocumentPanel::handleKeys(CommandQueue &commands) {
    if (ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_V))
        paste(commands);
    if (!shown_)
        return;
    if (ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_F))
        find_.open();
    if (ImGui::Shortcut(ImGuiKey_F3, ImGuiInputFlags_Repeat))
        find_.step(shown_->view, 1);
    if (ImGui::Shortcut(ImGuiMod_Shift | ImGuiKey_F3, ImGuiInputFlags_Repeat))
        find_.step(shown_->view, -1);
}

void DocumentPanel::paste(CommandQueue &commands) {
    const char *text = ImGui::GetClipboardText();
    if (!text || !*text) {
        empty_paste_until_ = now_ + kNoteSeconds;
        return;
    }
    empty_paste_until_ = 0;
    commands.push(command::PasteDocument{text});
}

/// Of what drawWaysIn draws.
float DocumentPanel::waysWidth() const {
    const float gap = ImGui::GetStyle().ItemSpacing.x;
    return (open_file ? buttonWidth(tr("Open...")) + gap : 0) + buttonWidth(tr("Paste")) + gap +
           buttonWidth(tr("Sample"));
}

void DocumentPanel::drawWaysIn(CommandQueue &commands) {
    if (open_file) {
        if (ImGui::Button(tr("Open...")))
            open_file();
        ImGui::SetItemTooltip("%s",
                              tr("Open a document: text, Markdown, HTML, RTF, subtitles, code"));
        ImGui::SameLine();
    }
    if (ImGui::Button(tr("Paste")))
        paste(commands);
    ImGui::SetItemTooltip("%s", tr("Make a document of the text in the clipboard (Ctrl+V)"));
    ImGui::SameLine();
    if (ImGui::Button(tr("Sample")))
        commands.push(command::OpenSample{});
    ImGui::SetItemTooltip("%s", tr("Open the text that comes with the program"));
    if (now_ < empty_paste_until_)
        ImGui::TextColored(warning(), "%s", tr("The clipboard holds no text."));
}

void DocumentPanel::drawEmpty(CommandQueue &commands) {
    const ImVec2 room = ImGui::GetContentRegionAvail();
    const float font = ImGui::GetFontSize();
    ImGui::SetCursorPosY(ImGui::GetCursorPosY() + std::max(0.0F, room.y / 2 - font * 5));
    pushHeading();
    centredText(ImGui::GetStyleColorVec4(ImGuiCol_Text), tr("No document is open"));
    ImGui::PopFont();
    centredText(mutedText(), tr("Open a file, paste a text, or begin with the sample. A file can "
                                "also be dropped here."));
    ImGui::Dummy({0, font * 0.3F});
    const float width = waysWidth();
    ImGui::SetCursorPosX(ImGui::GetCursorPosX() + std::max(0.0F, (room.x - width) / 2));
    ImGui::BeginGroup();
    drawWaysIn(commands);
    ImGui::EndGroup();
}

void DocumentPanel::drawChoice(const Snapshot &snapshot, CommandQueue &commands) {
    const auto document = snapshot.documents.shown();
    const ImGuiStyle &style = ImGui::GetStyle();
    const float ways = waysWidth();
    const float close = buttonWidth(tr("Close")) + style.ItemSpacing.x;
    const float room = ImGui::GetContentRegionAvail().x, font = ImGui::GetFontSize();
    const float beside = room - ways - close - style.ItemSpacing.x;
    ImGui::SetNextItemWidth(beside > font * 8 ? beside : std::max(font * 4, room - close));
    if (ImGui::BeginCombo("##document", document->title.c_str(), ImGuiComboFlags_HeightLarge)) {
        for (const auto &open : snapshot.documents.open) {
            ImGui::PushID(static_cast<int>(open->id));
            if (ImGui::Selectable(open->title.c_str(), open->id == document->id))
                commands.push(command::ShowDocument{open->id});
            if (!open->path.empty())
                ImGui::SetItemTooltip("%s", open->path.c_str());
            ImGui::PopID();
        }
        ImGui::EndCombo();
    }
    if (!document->path.empty())
        ImGui::SetItemTooltip("%s", document->path.c_str());
    ImGui::SameLine();
    if (ImGui::Button(tr("Close")))
        commands.push(command::CloseDocument{document->id});
    if (beside > font * 8)
        ImGui::SameLine();
    drawWaysIn(commands);
}

// ---- what it is --------------------------------------------------------------------------------

void DocumentPanel::drawFacts(const Snapshot &snapshot, const Document &document) {
    const TextCounter &counter = shown_->counter;
    const char *still = counter.done() ? "" : "+";
    const std::string size = std::format(
        "{}{} {}, {}{} {}", countText(static_cast<double>(counter.words())), still, tr("words"),
        countText(static_cast<double>(counter.characters())), still, tr("characters"));
    const auto beside = [&](const ImVec4 &colour, const std::string &words) {
        sameLineIfFits(ImGui::CalcTextSize(words.c_str()).x);
        colouredText(colour, words);
    };
    if (!document.token_starts) {
        mutedLine(snapshot.model ? tr("The tokens are being counted.")
                                 : tr("Tokens are counted once a model is loaded."));
        beside(mutedText(), size);
    } else {
        const uint64_t tokens = document.token_starts->size();
        pushBold();
        ImGui::TextUnformatted(tokensText(tokens).c_str());
        ImGui::PopFont();
        beside(mutedText(), size);
        const Fit window = windowFit(tokens, snapshot.chat.use);
        const Fit memory = memoryFit(tokens, snapshot.memory);
        for (const Fit *fit : {&window, &memory})
            if (fit->kind != FitKind::unknown)
                beside(fitColour(fit->kind), fit->sentence);
        if (window.kind != FitKind::unknown && !snapshot.chat.use.isEndless())
            drawFitBar(tokens, snapshot.chat.use.window, window.kind);
    }
    for (const std::string &line : document.warnings)
        colouredText(warning(), line);
}

void DocumentPanel::drawTools(const Snapshot &snapshot, const Document &document,
                              CommandQueue &commands) {
    if (ImGui::Button(tr("Find")))
        find_.open();
    ImGui::SetItemTooltip("%s", tr("Find words in the text (Ctrl+F)"));
    if (document.outline.size() > 1) {
        sameLineIfFits(checkboxWidth(tr("Sections")));
        ImGui::Checkbox(tr("Sections"), &outline_wanted_);
    }
    if (document.token_starts) {
        sameLineIfFits(checkboxWidth(tr("Tokens")));
        Preferences preferences = snapshot.preferences;
        if (ImGui::Checkbox(tr("Tokens"), &preferences.token_marks))
            commands.push(command::SetPreferences{preferences});
        ImGui::SetItemTooltip("%s", tr("Show where tokens begin; point at one to see its bytes"));
    }
    const auto &read = snapshot.attention.timeline;
    if (read && read->document == document.id && !read->held.empty()) {
        sameLineIfFits(buttonWidth(tr("Still held")));
        if (ImGui::Button(tr("Still held")))
            commands.push(command::MarkHeld{});
        ImGui::SetItemTooltip("%s", tr("Mark what the caches have not forgotten"));
    }
    if (!marks_.empty())
        drawMarkTools(document, commands);
}

void DocumentPanel::take(const Documents::Jump &jump, uint64_t document) {
    if (jump.count == jumps_ || jump.document != document)
        return;
    jumps_ = jump.count;
    shown_->view.jumpTo(jump.byte);
}

// ---- the text ----------------------------------------------------------------------------------

void DocumentPanel::drawOutline(const std::shared_ptr<const Document> &document) {
    const float font = ImGui::GetFontSize(), room = ImGui::GetContentRegionAvail().x;
    ImGui::SetNextWindowSizeConstraints({font * 8, 0},
                                        {std::max(font * 8, room - font * 16), FLT_MAX});
    if (ImGui::BeginChild("outline", {font * 15, 0}, ImGuiChildFlags_ResizeX)) {
        TextView &view = shown_->view;
        if (chosen_section_ && !view.isJumping()) {
            if (!chosen_top_)
                chosen_top_ = view.topByte();
            else if (*chosen_top_ != view.topByte())
                chosen_section_.reset();
        }
        const size_t reading = sectionAt(*document, view.readingByte());
        const size_t current =
            std::min(chosen_section_.value_or(reading), document->outline.size() - 1);
        if (const auto clicked = outline_.draw(document, current)) {
            view.jumpTo(document->outline[*clicked].start);
            chosen_section_ = clicked;
            chosen_top_.reset();
        }
    }
    ImGui::EndChild();
    ImGui::SameLine();
}

void DocumentPanel::drawText(const Snapshot &snapshot,
                             const std::shared_ptr<const Document> &document) {
    const float font = ImGui::GetFontSize();
    if (outline_wanted_ && document->outline.size() > 1 &&
        ImGui::GetContentRegionAvail().x > font * 30)
        drawOutline(document);
    const auto colour = [](MarkGround ground) { return ImGui::GetColorU32(markColour(ground)); };
    TextDecor decor;
    decor.marks = marks_;
    decor.mark_ends = mark_ends_;
    decor.headings = shown_->headings;
    if (find_.isOpen()) {
        decor.hits = find_.found().hits();
        decor.hit_bytes = find_.found().hitBytes();
        decor.current_hit = find_.current();
    }
    if (snapshot.preferences.token_marks && document->token_starts)
        decor.tokens = *document->token_starts;
    decor.hit_colour = colour(MarkGround::found);
    decor.current_hit_colour = colour(MarkGround::found_current);
    decor.selection_colour = colour(MarkGround::selection);
    decor.token_colour = ImGui::GetColorU32(ImGuiCol_Text, 0.09F);
    ImVec4 flash = accent();
    flash.w = 0.35F;
    decor.flash_colour = ImGui::GetColorU32(flash);
    if (document->text->empty())
        ImGui::TextDisabled("%s", tr("This document holds no text."));
    else
        shown_->view.draw("text", {0, 0}, decor);
}

} // namespace longscope::ui
