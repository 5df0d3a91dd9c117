#include "ui/panels/chat_message.h"

#include "ui/panels/chat_compacted.h"
#include "ui/panels/chat_trace.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"

#include <imgui_stdlib.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace longscope::ui {
namespace {

std::string withId(const char *label, uint64_t message) {
    return std::string(label) + "##" + std::to_string(message);
}

void smallNote(const ImVec4 &colour, const std::string &text) {
    pushSmall();
    colouredText(colour, text);
    ImGui::PopFont();
}

} // namespace

void MessageView::draw(const std::shared_ptr<const Message> &message, MessageScene &scene) {
    takeChange(message);
    ImGui::PushID(std::to_string(message->id).c_str());
    from_ = ImGui::GetCursorScreenPos();
    hovered_ = ImGui::IsWindowHovered(ImGuiHoveredFlags_ChildWindows) &&
               ImGui::IsMouseHoveringRect(from_, {from_.x + size_.x, from_.y + size_.y});
    if (message->compacted)
        drawCompacted(*message, scene.snapshot.chat, scene.commands);
    if (message->role == Role::user)
        drawUser(scene);
    else
        drawAssistant(scene);
    size_ = {ImGui::GetContentRegionAvail().x, ImGui::GetCursorScreenPos().y - from_.y};
    if (hovered_ && ImGui::IsMouseReleased(ImGuiMouseButton_Right) &&
        !ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup) && !ImGui::IsAnyItemActive())
        ImGui::OpenPopup("##menu");
    if (ImGui::BeginPopup("##menu")) {
        menuItems(scene);
        ImGui::EndPopup();
    }
    drawSentenceChoice(scene);
    ImGui::PopID();
}

void MessageView::takeChange(const std::shared_ptr<const Message> &message) {
    if (message == message_)
        return;
    message_ = message;
    ranges_known_ = false;
    if (message->text == seen_text_)
        return;
    seen_text_ = message->text;
    markdown_stale_ = true;
}

void MessageView::drawUser(MessageScene &scene) {
    const float em = ImGui::GetFontSize(), pad = std::round(0.5F * em);
    const float width = ImGui::GetContentRegionAvail().x;
    ImDrawList &list = *ImGui::GetWindowDrawList();
    list.ChannelsSplit(2); // the ground is drawn once the height is known
    list.ChannelsSetCurrent(1);
    const ImVec2 from = ImGui::GetCursorScreenPos();
    ImGui::Dummy({0, pad - ImGui::GetStyle().ItemSpacing.y});
    ImGui::Indent(pad + std::round(0.2F * em));
    pushSmall();
    ImGui::TextColored(mutedText(), "%s", authorText(*message_).c_str());
    ImGui::PopFont();
    if (scene.edit.message == message_->id) {
        drawEdit(scene);
    } else {
        drawFooter(scene, true); // a short message has its actions above, so that it stays small
        ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + width - 2.5F * pad);
        ImGui::TextUnformatted(message_->text.data(),
                               message_->text.data() + message_->text.size());
        ImGui::PopTextWrapPos();
    }
    ImGui::Unindent(pad + std::round(0.2F * em));
    const float bottom = ImGui::GetItemRectMax().y + 0.8F * pad;
    list.ChannelsSetCurrent(0);
    list.AddRectFilled(from, {from.x + width, bottom}, ImGui::GetColorU32(codeGround()),
                       ImGui::GetStyle().FrameRounding);
    list.AddRectFilled(from, {from.x + std::round(0.2F * em), bottom}, ImGui::GetColorU32(accent()),
                       ImGui::GetStyle().FrameRounding, ImDrawFlags_RoundLeft);
    list.ChannelsMerge();
    ImGui::Dummy({0, pad});
}

void MessageView::drawAssistant(MessageScene &scene) {
    const Message &message = *message_;
    smallNote(mutedText(), authorText(message));
    if (hasSentences()) {
        if (!ranges_known_)
            ranges_ = rangesIn(message.text, message.sentences);
        ranges_known_ = true;
        for (size_t i = 0; i < message.sentences.size(); i++) {
            const bool quoted = message.sentences[i].quoted;
            if (i == 0 || quoted != message.sentences[i - 1].quoted)
                smallNote(mutedText(),
                          quoted ? tr("Quoted from the document:") : tr("Written by the model:"));
            drawSentence(i, scene);
        }
    } else if (!message.text.empty()) {
        markdown_.draw(message.text, std::exchange(markdown_stale_, false),
                       [&] { menuItems(scene); });
    }
    if (!hasSentences() && !message.sentences.empty())
        drawPlaces(scene);
    if (!message.passages.empty())
        drawPassages(scene);
    if (message.growing && message.text.empty())
        smallNote(mutedText(), tr("The answer begins when the text has been read."));
    if (!message.note.empty())
        smallNote(mutedText(), message.note);
    drawFooter(scene, false);
    const auto &trace = scene.snapshot.attention.trace;
    if (trace && trace->message == message.id && trace.get() != closed_trace_)
        if (!drawTrace(scene.snapshot, message, *trace, scene.commands))
            closed_trace_ = trace.get();
    ImGui::Spacing();
}

/// Of an answer: one line, or two, of places below the text.
void MessageView::drawPlaces(MessageScene &scene) {
    pushSmall();
    ImGui::TextColored(mutedText(), "%s", tr("Places:"));
    for (size_t i = 0; i < message_->sentences.size(); i++)
        drawSources(message_->sentences[i], i, scene, false);
    ImGui::PopFont();
}

/// Those that an answer was made from, or the closest ones when there is none in the document.
void MessageView::drawPassages(MessageScene &scene) {
    const Message &message = *message_;
    const bool is_open = scene.snapshot.documents.find(message.document) != nullptr;
    const size_t count = message.passages.size();
    pushSmall();
    const std::string label = !message.found ? std::string(tr("The closest places:"))
                              : count == 1   ? std::string(tr("Answered from 1 passage:"))
                                             : say("Answered from {} passages:", count);
    ImGui::TextColored(mutedText(), "%s", label.c_str());
    for (size_t i = 0; i < count; i++) {
        const Source &place = message.passages[i];
        const std::string id = "passage" + std::to_string(message.id) + "_" + std::to_string(i);
        sameLineIfFits(ImGui::CalcTextSize(place.place.c_str()).x);
        if (!placeLink(id.c_str(), place.place, is_open))
            continue;
        std::vector<Mark> marks;
        for (const Source &each : message.passages)
            marks.push_back({each.start, each.end, MarkKind::source,
                             std::clamp(each.score, 0.2F, 1.0F),
                             message.found ? tr("A passage that the answer was made from")
                                           : tr("One of the closest places")});
        scene.commands.push(command::JumpTo{message.document, place.start});
        scene.commands.push(command::MarkDocument{message.document, std::move(marks)});
    }
    ImGui::PopFont();
}

/// Shown sentence by sentence, each with its place: summaries, and answers that are quotes.
bool MessageView::hasSentences() const {
    return !message_->sentences.empty() &&
           (message_->kind == MessageKind::summary || message_->sentences.front().quoted);
}

void MessageView::drawSentence(size_t index, MessageScene &scene) {
    const CheckedSentence &sentence = message_->sentences[index];
    const float em = ImGui::GetFontSize(), indent = std::round(1.0F * em);
    ImDrawList &list = *ImGui::GetWindowDrawList();
    const ImVec2 from = ImGui::GetCursorScreenPos();
    if (!sentence.quoted)
        list.AddCircleFilled({from.x + 0.4F * em, from.y + 0.55F * em}, 0.15F * em,
                             ImGui::GetColorU32(ImGuiCol_Text));
    ImGui::Indent(indent);
    ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + ImGui::GetContentRegionAvail().x - 0.5F * em);
    const std::string text = sentence.quoted ? "\u201C" + sentence.text + "\u201D" : sentence.text;
    ImGui::TextUnformatted(text.data(), text.data() + text.size());
    ImGui::PopTextWrapPos();
    pushSmall();
    drawSources(sentence, index, scene, true);
    ImGui::PopFont();
    ImGui::Unindent(indent);
    if (sentence.quoted)
        list.AddRectFilled({from.x + std::round(0.25F * em), from.y},
                           {from.x + std::round(0.4F * em), ImGui::GetItemRectMax().y},
                           ImGui::GetColorU32(hairline()));
    ImGui::Dummy({0, 0.1F * em});
}

/// `first`: nothing stands in this line yet.
void MessageView::drawSources(const CheckedSentence &sentence, size_t index, MessageScene &scene,
                              bool first) {
    const std::string id = std::to_string(message_->id) + "_" + std::to_string(index);
    const bool is_open = scene.snapshot.documents.find(message_->document) != nullptr;
    auto next = [&](const std::string &text) {
        if (!first)
            sameLineIfFits(ImGui::CalcTextSize(text.c_str()).x);
        first = false;
    };
    if (!sentence.quoted && !sentence.supported) {
        const char *warn = tr("words not found in the document");
        next(warn);
        ImGui::TextColored(warning(), "%s", warn);
    }
    for (size_t i = 0; i < std::min<size_t>(sentence.sources.size(), 3); i++) {
        const Source &source = sentence.sources[i];
        next(source.place);
        if (placeLink((id + "_" + std::to_string(i)).c_str(), source.place, is_open)) {
            std::vector<Mark> marks;
            for (const Source &each : sentence.sources)
                marks.push_back({each.start, each.end, MarkKind::source,
                                 std::clamp(each.score, 0.2F, 1.0F), sentence.text});
            scene.commands.push(command::JumpTo{message_->document, source.start});
            scene.commands.push(command::MarkDocument{message_->document, std::move(marks)});
        }
    }
    const Range range = index < ranges_.size() ? ranges_[index] : Range{};
    if (sentence.quoted || range.end == 0 || message_->kind != MessageKind::summary || !canTrace())
        return;
    const char *ask = tr("where from?");
    next(ask);
    if (ImGui::TextLink((std::string(ask) + "##" + id).c_str()))
        scene.commands.push(command::TraceWords{message_->id, range.start, range.end});
}

bool MessageView::canTrace() const {
    return message_->role == Role::assistant && message_->document != 0 && !message_->growing &&
           !message_->text.empty();
}

/// The sentences of a summary have a link each, other texts a list to choose from. Nobody wrote
/// quotes, nor that nothing was found.
bool MessageView::canChoose() const {
    return canTrace() && message_->found && !hasSentences() &&
           (message_->kind != MessageKind::summary || message_->sentences.empty());
}

void MessageView::drawBranch(MessageScene &scene) {
    const Message &message = *message_;
    ImGui::BeginDisabled(message.branch == 0);
    if (ImGui::ArrowButton(withId("##earlier", message.id).c_str(), ImGuiDir_Left))
        scene.commands.push(command::SwitchBranch{message.id, -1});
    ImGui::EndDisabled();
    ImGui::SameLine(0, ImGui::GetStyle().ItemInnerSpacing.x);
    ImGui::TextColored(mutedText(), "%u / %u", message.branch + 1, message.branches);
    ImGui::SameLine(0, ImGui::GetStyle().ItemInnerSpacing.x);
    ImGui::BeginDisabled(message.branch + 1 >= message.branches);
    if (ImGui::ArrowButton(withId("##later", message.id).c_str(), ImGuiDir_Right))
        scene.commands.push(command::SwitchBranch{message.id, 1});
    ImGui::EndDisabled();
}

/// A flat button. Those of messages that are not looked at are there, but not seen, so that nothing
/// moves and the keyboard reaches them.
bool MessageView::action(const char *label, bool same_line) {
    const std::string name = withId(label, message_->id);
    const ImVec2 padding = ImGui::GetStyle().FramePadding;
    if (same_line)
        sameLineIfFits(ImGui::CalcTextSize(label).x + 2 * padding.x);
    const bool pressed = ImGui::Button(name.c_str());
    focused_ = focused_ || (ImGui::IsItemFocused() && ImGui::GetIO().NavVisible);
    return pressed;
}

/// Branches, actions, figures. `beside`: in the line of the last item.
void MessageView::drawFooter(MessageScene &scene, bool beside) {
    const Message &message = *message_;
    pushSmall();
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {std::round(0.35F * ImGui::GetFontSize()), 1});
    ImGui::PushStyleVar(ImGuiStyleVar_FrameBorderSize, 0);
    const bool branched = message.branches > 1;
    if (branched && beside)
        sameLineIfFits(6 * ImGui::GetFontSize());
    if (branched)
        drawBranch(scene);
    const std::string figures = message.growing ? "" : figuresText(message);
    if (!figures.empty()) {
        if (branched || beside)
            sameLineIfFits(ImGui::CalcTextSize(figures.c_str()).x);
        mutedLine(figures);
    }
    const bool seen = hovered_ || focused_ || (scene.is_last && !message.growing);
    focused_ = false;
    ImGui::PushStyleVar(ImGuiStyleVar_Alpha, seen ? ImGui::GetStyle().Alpha : 0);
    ImGui::PushStyleColor(ImGuiCol_Button, ImVec4(0, 0, 0, 0));
    ImGui::PushStyleColor(ImGuiCol_Text, mutedText());
    if (action(tr("Copy"), branched || beside || !figures.empty()))
        ImGui::SetClipboardText(message.text.c_str());
    if (message.role == Role::user && action(tr("Edit")))
        beginEdit(scene);
    if (message.role == Role::assistant && !message.growing &&
        action(message.can_go_on ? tr("Go on") : tr("Regenerate")))
        scene.commands.push(command::Regenerate{message.id});
    if (canChoose() && action(tr("Where from?")))
        wants_choice_ = true;
    if (!message.growing && action(tr("Delete")))
        scene.commands.push(command::DeleteMessage{message.id});
    ImGui::PopStyleColor(2);
    ImGui::PopStyleVar(3);
    ImGui::PopFont();
}

void MessageView::menuItems(MessageScene &scene) {
    const Message &message = *message_;
    if (ImGui::MenuItem(tr("Copy message")))
        ImGui::SetClipboardText(message.text.c_str());
    if (message.role == Role::user && ImGui::MenuItem(tr("Edit")))
        beginEdit(scene);
    if (message.role == Role::assistant && !message.growing &&
        ImGui::MenuItem(message.can_go_on ? tr("Go on where it was stopped") : tr("Regenerate")))
        scene.commands.push(command::Regenerate{message.id});
    if (canChoose() && ImGui::MenuItem(tr("Where did that come from?")))
        wants_choice_ = true;
    if (!message.growing && ImGui::MenuItem(tr("Delete this and what follows")))
        scene.commands.push(command::DeleteMessage{message.id});
}

/// A list of the message's sentences; the chosen one is traced.
void MessageView::drawSentenceChoice(MessageScene &scene) {
    if (std::exchange(wants_choice_, false)) {
        if (!ranges_known_)
            ranges_ = sentencesOf(message_->text);
        ranges_known_ = true;
        if (ranges_.size() == 1) // nothing to choose
            scene.commands.push(
                command::TraceWords{message_->id, ranges_[0].start, ranges_[0].end});
        else
            ImGui::OpenPopup("Sentences");
    }
    const float em = ImGui::GetFontSize();
    ImGui::SetNextWindowSizeConstraints({20 * em, 0}, {36 * em, 24 * em});
    if (!ImGui::BeginPopup("Sentences"))
        return;
    ImGui::TextColored(mutedText(), "%s", tr("Where did that come from? Choose a sentence."));
    ImGui::Separator();
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(ranges_.size()));
    while (clipper.Step())
        for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; i++) {
            const Range range = ranges_[static_cast<size_t>(i)];
            const std::string_view text =
                std::string_view(message_->text).substr(range.start, range.end - range.start);
            if (ImGui::Selectable(
                    (shortened(plainText(text), 90) + "##" + std::to_string(i)).c_str()))
                scene.commands.push(command::TraceWords{message_->id, range.start, range.end});
            if (text.size() > 90)
                ImGui::SetItemTooltip("%s", shortened(plainText(text), 1000).c_str());
        }
    ImGui::EndPopup();
}

void MessageView::beginEdit(MessageScene &scene) {
    scene.edit = {.message = message_->id, .text = message_->text, .wants_focus = true};
}

void MessageView::drawEdit(MessageScene &scene) {
    MessageEdit &edit = scene.edit;
    const bool begins = std::exchange(edit.wants_focus, false);
    if (begins)
        ImGui::SetKeyboardFocusHere();
    const float line = ImGui::GetTextLineHeight(), em = ImGui::GetFontSize();
    const float width = ImGui::GetContentRegionAvail().x - 0.5F * em;
    const float text =
        ImGui::CalcTextSize(edit.text.data(),
                            edit.text.data() + std::min<size_t>(edit.text.size(), 4000), false,
                            std::max(width - 2 * em, line))
            .y;
    const bool entered = ImGui::InputTextMultiline(
        withId("##edit", edit.message).c_str(), &edit.text,
        {width,
         std::clamp(text + line, 2 * line, 12 * line) + 2 * ImGui::GetStyle().FramePadding.y},
        ImGuiInputTextFlags_WordWrap | ImGuiInputTextFlags_EnterReturnsTrue |
            ImGuiInputTextFlags_CtrlEnterForNewLine);
    const bool escaped =
        !begins && ImGui::IsItemDeactivated() && ImGui::IsKeyPressed(ImGuiKey_Escape);
    const bool blank = edit.text.find_first_not_of(" \t\r\n") == std::string::npos;
    ImGui::BeginDisabled(blank);
    const bool sent = ImGui::Button(withId(tr("Send again"), edit.message).c_str());
    ImGui::EndDisabled();
    ImGui::SameLine();
    const bool cancelled = ImGui::Button(withId(tr("Cancel"), edit.message).c_str());
    if ((entered || sent) && !blank)
        scene.commands.push(command::EditMessage{edit.message, edit.text});
    if (((entered || sent) && !blank) || cancelled || escaped)
        edit = {};
}

} // namespace longscope::ui
