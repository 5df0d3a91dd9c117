#include "ui/panels/chat_composer.h"

#include "ui/panels/chat_context.h"
#include "ui/panels/chat_text.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>
#include <imgui_internal.h> // InputTextEx; ClearActiveID: Esc leaves the field, keeps the text

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace longscope::ui {
namespace {

constexpr double kQuietSeconds = 0.15;

/// While it lives, a large text does not reach the input field that asks for the clipboard: it is
/// kept here. (A field takes 210 ms for 10 MB, and is no place to read them.)
class PasteGuard {
  public:
    explicit PasteGuard(size_t most_bytes) : most_bytes_(most_bytes) {
        current = this;
        real_ = std::exchange(ImGui::GetPlatformIO().Platform_GetClipboardTextFn, read);
    }
    ~PasteGuard() {
        ImGui::GetPlatformIO().Platform_GetClipboardTextFn = real_;
        current = nullptr;
    }
    PasteGuard(const PasteGuard &) = delete;
    PasteGuard &operator=(const PasteGuard &) = delete;

    std::string large; ///< what was kept away

  private:
    static const char *read(ImGuiContext *context) {
        const char *text = current->real_ ? current->real_(context) : nullptr;
        if (!text || std::char_traits<char>::length(text) <= current->most_bytes_)
            return text;
        current->large = text;
        return "";
    }
    static inline PasteGuard *current = nullptr;
    const char *(*real_)(ImGuiContext *) = nullptr;
    size_t most_bytes_;
};

struct StrategyText {
    command::Strategy strategy;
    const char *name, *does;
};
constexpr std::array<StrategyText, 6> kStrategies = {{
    {command::Strategy::automatic, "Automatic",
     "Key sentences with a small model, else the model writes."},
    {command::Strategy::whole, "Whole",
     "The model reads all of the text and writes in its own words; each sentence is checked."},
    {command::Strategy::extract, "Extract",
     "Sentences of the text itself, word for word; takes a moment."},
    {command::Strategy::map_reduce, "Part by part",
     "The model reads one part after another, and then joins what it wrote of them."},
    {command::Strategy::refine, "Step by step",
     "The summary so far goes with each next part; what comes last counts most."},
    {command::Strategy::tree, "By the outline",
     "Sections give the summary of their chapter, chapters that of the document."},
}};

struct AskText {
    const char *name, *does, *in_label;
};
constexpr std::array<AskText, 4> kAskTexts = {{
    // by AskWay
    {"As it fits", "Whole when document and question fit the window, else the best passages.", ""},
    {"Whole", "The model reads all of it, with the turns before.", "whole"},
    {"Best passages",
     "Only the passages that the question is about are read; a very small model quotes them.",
     "passages"},
    {"Best passages, own words", "The model writes, however small it is; each sentence is checked.",
     "passages, own words"},
}};

const StrategyText &textOf(command::Strategy strategy) {
    return kStrategies[static_cast<size_t>(strategy)];
}

int resizeString(ImGuiInputTextCallbackData *data) {
    auto &text = *static_cast<std::string *>(data->UserData);
    text.resize(static_cast<size_t>(data->BufTextLen));
    data->Buf = text.data();
    return 0;
}

bool isBlank(const std::string &text) {
    return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

} // namespace

void Composer::draw(const Snapshot &snapshot, CommandQueue &commands) {
    followConversation(snapshot.chat);
    handleEscape(snapshot, commands);
    drawInput(snapshot, commands);
    drawButtons(snapshot, commands);
    countDraft(snapshot.chat, commands);
    if (!hint_.empty()) {
        pushSmall();
        colouredText(hint_is_problem_ ? warning() : mutedText(), hint_);
        ImGui::PopFont();
    }
}

void Composer::followConversation(const Chat &chat) {
    if (chat.open == open_)
        return;
    if (open_ == 0 && sent_from_new_) {
        open_ = chat.open; // the same conversation, which now has an id
    } else {
        drafts_[open_] = std::exchange(draft_, {});
        open_ = chat.open;
        if (auto kept = drafts_.extract(open_))
            draft_ = std::move(kept.mapped());
        generation_++;
        hint_.clear();
        wants_focus_ = wants_focus_ || active_;
    }
    sent_from_new_ = false;
}

void Composer::handleEscape(const Snapshot &snapshot, CommandQueue &commands) {
    // In the field, Esc would undo what was typed since it was entered.
    bool pressed = active_ && ImGui::Shortcut(ImGuiKey_Escape, ImGuiInputFlags_RouteGlobal |
                                                                   ImGuiInputFlags_RouteOverActive);
    const bool working = isWorking(snapshot);
    if (!active_ && working && !ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup))
        pressed = ImGui::Shortcut(ImGuiKey_Escape);
    if (!pressed)
        return;
    if (working)
        commands.push(command::Stop{});
    else
        ImGui::ClearActiveID();
}

void Composer::drawInput(const Snapshot &snapshot, CommandQueue &commands) {
    const ImGuiStyle &style = ImGui::GetStyle();
    const float width = ImGui::GetContentRegionAvail().x;
    const float line = ImGui::GetTextLineHeight();
    const float text_width = width - 2 * style.FramePadding.x - style.ScrollbarSize;
    const char *end =
        draft_.data() + std::min<size_t>(draft_.size(), 4000); // more is 8 lines anyway
    float text_height =
        ImGui::CalcTextSize(draft_.data(), end, false, std::max(text_width, line)).y;
    if (draft_.ends_with('\n'))
        text_height += line;
    const float height = std::clamp(text_height, 2 * line, 8 * line) + 2 * style.FramePadding.y;
    if (std::exchange(wants_focus_, false))
        ImGui::SetKeyboardFocusHere();
    bool entered = false;
    {
        PasteGuard guard(kLargePaste);
        ImGui::PushID(generation_);
        // With a hint, which InputTextMultiline does not take.
        entered = ImGui::InputTextEx(
            "##draft", tr("Write a message. Enter sends it, Shift+Enter begins a new line."),
            draft_.data(), static_cast<int>(draft_.capacity()) + 1, {-FLT_MIN, height},
            ImGuiInputTextFlags{ImGuiInputTextFlags_Multiline} | ImGuiInputTextFlags_WordWrap |
                ImGuiInputTextFlags_EnterReturnsTrue | ImGuiInputTextFlags_CtrlEnterForNewLine |
                ImGuiInputTextFlags_CallbackResize,
            resizeString, &draft_);
        ImGui::PopID();
        if (!guard.large.empty()) {
            hint_ = say("{} were pasted. That is opened as a document.",
                        byteText(static_cast<double>(guard.large.size())));
            hint_is_problem_ = false;
            commands.push(command::PasteDocument{std::move(guard.large)});
        }
    }
    active_ = ImGui::IsItemActive();
    if (ImGui::IsItemEdited()) {
        edited_at_ = ImGui::GetTime();
        hint_.clear();
    }
    if (entered)
        send(snapshot, commands);
}

void Composer::drawDocumentChoice(const Snapshot &snapshot, CommandQueue &commands) {
    const auto document = snapshot.documents.shown();
    if (!document)
        return;
    bool with = snapshot.chat.with_document;
    const AskText &way = kAskTexts[static_cast<size_t>(snapshot.chat.ask_way)];
    std::string label = say("with {}", shortened(document->title, 40));
    if (snapshot.chat.ask_way != AskWay::automatic)
        label += std::string(" (") + tr(way.in_label) + ")";
    ImGui::BeginGroup();
    if (ImGui::Checkbox((label + "###with").c_str(), &with))
        commands.push(command::SetWithDocument{with});
    ImGui::SetItemTooltip("%s",
                          tr("The message is a question over the open document, which is read "
                             "for it."));
    ImGui::SameLine(0, ImGui::GetStyle().ItemInnerSpacing.x);
    if (ImGui::ArrowButton("##ask", ImGuiDir_Down))
        ImGui::OpenPopup("Question");
    ImGui::SetItemTooltip("%s: %s", tr(way.name), tr(way.does));
    drawAskMenu(snapshot, *document, commands);
    ImGui::EndGroup();
}

void Composer::drawAskMenu(const Snapshot &snapshot, const Document &document,
                           CommandQueue &commands) {
    const Chat &chat = snapshot.chat;
    const float em = ImGui::GetFontSize();
    ImGui::SetNextWindowSizeConstraints({26 * em, 0}, {26 * em, FLT_MAX});
    if (!ImGui::BeginPopup("Question"))
        return;
    mutedLine(tr("How the document is read for a question:"));
    for (size_t i = 0; i < kAskTexts.size(); i++) {
        const auto way = static_cast<AskWay>(i);
        if (ImGui::RadioButton(tr(kAskTexts[i].name), chat.ask_way == way))
            commands.push(command::SetAskWay{way});
        pushSmall();
        ImGui::Indent(1.8F * em);
        mutedLine(tr(kAskTexts[i].does));
        ImGui::Unindent(1.8F * em);
        ImGui::PopFont();
    }
    ImGui::Separator();
    bool by_vectors = chat.by_vectors;
    ImGui::BeginDisabled(chat.ask_way == AskWay::whole);
    if (ImGui::Checkbox(tr("Passages by meaning, too"), &by_vectors))
        commands.push(command::SetByVectors{by_vectors});
    ImGui::EndDisabled();
    pushSmall();
    ImGui::Indent(1.8F * em);
    mutedLine(say("For questions in other words than the text's: passages are compared by vectors "
                  "of the model's states. For that it reads all of the document once: {}. What it "
                  "makes is kept.",
                  readingCost(snapshot, aboutTokens(document))));
    ImGui::Unindent(1.8F * em);
    ImGui::PopFont();
    ImGui::EndPopup();
}

void Composer::drawButtons(const Snapshot &snapshot, CommandQueue &commands) {
    const ImGuiStyle &style = ImGui::GetStyle();
    const bool has_document = snapshot.documents.shown() != nullptr, working = isWorking(snapshot);
    const char *send_label = working ? tr("Stop") : tr("Send");
    const std::string summarize_label = tr("Summarize");
    const Chat &chat = snapshot.chat;
    std::string counter;
    if (!draft_.empty())
        counter = chat.draft == draft_ ? tokensText(chat.use.draft) : tr("counting");
    const float send_width = std::max(buttonWidth(send_label), 4.5F * ImGui::GetFontSize());
    const float space = style.ItemSpacing.x;
    float right = send_width;
    if (has_document)
        right += space + buttonWidth(summarize_label.c_str()) + 1 + ImGui::GetFrameHeight();
    if (!counter.empty())
        right += space + ImGui::CalcTextSize(counter.c_str()).x;

    const float begin = ImGui::GetCursorPosX(), width = ImGui::GetContentRegionAvail().x;
    if (has_document) {
        drawDocumentChoice(snapshot, commands);
        const float used = ImGui::GetItemRectSize().x;
        if (used + space + right <= width)
            ImGui::SameLine();
    }
    ImGui::SetCursorPosX(begin + std::max(width - right, 0.0F));
    if (!counter.empty()) {
        ImGui::AlignTextToFramePadding();
        ImGui::TextColored(mutedText(), "%s", counter.c_str());
        ImGui::SameLine();
    }
    if (has_document) {
        if (ImGui::Button(summarize_label.c_str()))
            summarize(snapshot, commands);
        ImGui::SetItemTooltip("%s: %s", tr(textOf(summary_.strategy).name),
                              tr(textOf(summary_.strategy).does));
        ImGui::SameLine(0, 1);
        if (ImGui::ArrowButton("##how", ImGuiDir_Down))
            ImGui::OpenPopup("Summary");
        ImGui::SetItemTooltip("%s", tr("How to summarize"));
        drawSummaryMenu(snapshot, commands);
        ImGui::SameLine();
    }
    ImGui::PushStyleColor(ImGuiCol_Button, working ? error() : accent());
    ImGui::PushStyleColor(ImGuiCol_ButtonHovered, working ? error() : accent());
    ImGui::PushStyleColor(ImGuiCol_ButtonActive, working ? error() : accent());
    ImGui::PushStyleColor(ImGuiCol_Text, accentText());
    const bool pressed =
        ImGui::Button((std::string(send_label) + "###send").c_str(), {send_width, 0});
    ImGui::PopStyleColor(4);
    ImGui::SetItemTooltip("%s", working ? tr("Stops what runs (Esc)") : tr("Enter"));
    if (pressed && working)
        commands.push(command::Stop{});
    else if (pressed)
        send(snapshot, commands);
}

void Composer::drawSummaryMenu(const Snapshot &snapshot, CommandQueue &commands) {
    const float em = ImGui::GetFontSize();
    ImGui::SetNextWindowSizeConstraints({26 * em, 0}, {26 * em, FLT_MAX});
    if (!ImGui::BeginPopup("Summary"))
        return;
    for (const StrategyText &text : kStrategies) {
        if (ImGui::RadioButton(tr(text.name), summary_.strategy == text.strategy))
            summary_.strategy = text.strategy;
        pushSmall();
        ImGui::Indent(1.8F * em);
        mutedLine(tr(text.does));
        ImGui::Unindent(1.8F * em);
        ImGui::PopFont();
    }
    ImGui::Separator();
    constexpr unsigned kFewWords = 30, kManyWords = 600, kFewSentences = 3, kManySentences = 30;
    ImGui::SetNextItemWidth(12 * em);
    ImGui::SliderScalar(tr("words, when written"), ImGuiDataType_U32, &summary_.words, &kFewWords,
                        &kManyWords, "%u", ImGuiSliderFlags_AlwaysClamp);
    ImGui::SetNextItemWidth(12 * em);
    ImGui::SliderScalar(tr("key sentences"), ImGuiDataType_U32, &summary_.key_sentences,
                        &kFewSentences, &kManySentences, "%u", ImGuiSliderFlags_AlwaysClamp);
    if (ImGui::Button(tr("Summarize now"), {-FLT_MIN, 0})) {
        summarize(snapshot, commands);
        ImGui::CloseCurrentPopup();
    }
    ImGui::EndPopup();
}

void Composer::countDraft(const Chat &chat, CommandQueue &commands) {
    if (draft_ == chat.draft)
        counted_ = draft_;
    waits_ = counted_ != draft_;
    if (!waits_ || ImGui::GetTime() - edited_at_ < kQuietSeconds)
        return;
    commands.push(command::CountDraft{draft_});
    counted_ = draft_;
    waits_ = false;
}

void Composer::send(const Snapshot &snapshot, CommandQueue &commands) {
    wants_focus_ = true;
    hint_is_problem_ = true;
    const Chat &chat = snapshot.chat;
    ContextUse use = chat.use;
    if (chat.draft != draft_)
        use.draft = 0; // not counted yet: only what is sure counts against it
    if (isBlank(draft_)) {
        hint_ = tr("Nothing was sent: the message is empty.");
    } else if (isWorking(snapshot)) {
        hint_ = tr("Not sent: the model still works. Stop it, or send when it is done.");
    } else if (!misfitText(use, chat.ask_way).empty()) {
        hint_ = tr("Not sent: it does not fit the window.");
    } else {
        hint_.clear();
        commands.push(command::Send{std::exchange(draft_, {})});
        sent_from_new_ = chat.open == 0;
    }
}

void Composer::summarize(const Snapshot &snapshot, CommandQueue &commands) {
    hint_is_problem_ = true;
    if (isWorking(snapshot)) {
        hint_ = tr("Not begun: the model still works. Stop it, or try again when it is done.");
        return;
    }
    hint_.clear();
    sent_from_new_ = snapshot.chat.open == 0;
    commands.push(summary_);
}

} // namespace longscope::ui
