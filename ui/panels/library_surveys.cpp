#include "ui/panels/library_surveys.h"

#include "compute/core/text.h"
#include "ui/panels/chat_text.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"
#include "ui/widgets/share_bar.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cfloat>
#include <numeric>
#include <utility>

namespace longscope::ui {
namespace {

using State = SurveyRow::State;

constexpr ImGuiTableFlags kTable =
    ImGuiTableFlags_RowBg | ImGuiTableFlags_BordersInnerH | ImGuiTableFlags_PadOuterX;
constexpr size_t kNameBytes = 40, kHeadingBytes = 100;
constexpr float kLabelWidth = 12; ///< most, in font sizes

std::string joined(const std::vector<std::string> &texts) {
    std::string all;
    for (const std::string &text : texts)
        all += (all.empty() ? "" : ", ") + text;
    return all;
}

std::string headingOf(const Survey &survey) {
    return survey.labels.empty() ? survey.question
                                 : say("Which label fits: {}?", joined(survey.labels));
}

std::string documentsText(size_t count) {
    return count == 1 ? std::string(tr("1 document")) : say("{} documents", count);
}

/// The largest first.
std::vector<size_t> byProbability(const SurveyRow &row) {
    std::vector<size_t> order(row.probabilities.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater{},
                             [&](size_t label) { return row.probabilities[label]; });
    return order;
}

/// "Found in 3 of 5 documents. 1 could not be asked. 1 is left."
std::string countsText(const Survey &survey) {
    const size_t all = survey.rows.size(), done = survey.count(State::done),
                 failed = survey.count(State::failed), left = all - done - failed;
    const auto found = std::ranges::count_if(
        survey.rows, [](const SurveyRow &row) { return row.state == State::done && row.found; });
    std::string text;
    if (survey.labels.empty() && done > 0)
        text = say("Found in {} of {}.", found, documentsText(done));
    if (failed > 0)
        text += (text.empty() ? "" : " ") + say("{} could not be read.", documentsText(failed));
    if (left > 0 && !survey.growing)
        text += (text.empty() ? "" : " ") + say("Stopped: {} left.", documentsText(left));
    return text;
}

/// Of a cell in a table of Markdown.
std::string cellText(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    std::ranges::replace(text, '|', '/');
    return text;
}

std::string resultText(const Survey &survey, const SurveyRow &row) {
    if (row.state == State::waiting)
        return tr("not asked");
    if (row.state == State::failed)
        return row.text;
    if (survey.labels.empty())
        return row.found ? row.text : tr("Not found");
    std::string text;
    for (size_t label : byProbability(row))
        text += (text.empty() ? "" : ", ") + survey.labels[label] + " " +
                percentText(row.probabilities[label]);
    return text;
}

} // namespace

std::vector<std::string> labelsOf(std::string_view text) {
    std::vector<std::string> labels;
    for (std::string_view part : split(text, ','))
        if (std::string_view label = trimSpaces(part); !label.empty())
            labels.emplace_back(label);
    return labels;
}

std::string surveyText(const Survey &survey) {
    std::string text = "**" + headingOf(survey) + "**\n\n";
    if (!survey.labels.empty() && !survey.question.empty())
        text += survey.question + "\n\n";
    text += say("| {} | {} | {} |", tr("document"),
                survey.labels.empty() ? tr("answer") : tr("labels"), tr("place")) +
            "\n| --- | --- | --- |\n";
    for (const SurveyRow &row : survey.rows) {
        std::string places;
        if (row.found)
            for (size_t i = 0;
                 i < std::min<size_t>(row.places.size(), survey.labels.empty() ? 1 : 3); i++)
                places += (i > 0 ? "; " : "") + row.places[i].place;
        text += "| " + cellText(row.title) + " | " + cellText(resultText(survey, row)) + " | " +
                cellText(places) + " |\n";
    }
    return text;
}

void LibrarySurveys::draw(const Snapshot &snapshot, const std::vector<const LibraryEntry *> &chosen,
                          CommandQueue &commands) {
    ImGui::SeparatorText(tr("Ask several documents"));
    drawForm(snapshot, askedOf(snapshot, chosen), commands);
    for (const auto &survey : snapshot.library.surveys) {
        ImGui::PushID(std::to_string(survey->id).c_str());
        const bool newest = survey == snapshot.library.surveys.front();
        const std::string heading = shortened(headingOf(*survey), kHeadingBytes) + "###survey";
        if (ImGui::CollapsingHeader(heading.c_str(), newest ? ImGuiTreeNodeFlags_DefaultOpen : 0))
            drawSurvey(snapshot, *survey, commands);
        ImGui::PopID();
    }
}

// ---- what is asked -----------------------------------------------------------------------------

LibrarySurveys::Asked LibrarySurveys::askedOf(const Snapshot &snapshot,
                                              const std::vector<const LibraryEntry *> &chosen) {
    Asked asked;
    for (const LibraryEntry *entry : chosen) {
        asked.ids.push_back(entry->id);
        asked.tokens += aboutTokens(entry->tokens, entry->text_bytes);
    }
    if (chosen.size() == 1 && !chosen[0]->title.empty())
        asked.name = shortened(chosen[0]->title, kNameBytes);
    else if (!chosen.empty())
        asked.name = documentsText(chosen.size());
    const auto shown = snapshot.documents.shown();
    if (!chosen.empty() || !shown)
        return asked;
    asked.ids = {shown->id};
    asked.name = shortened(shown->title, kNameBytes);
    asked.tokens = aboutTokens(*shown);
    return asked;
}

/// True when Enter was pressed in one of them.
bool LibrarySurveys::drawFields() {
    if (ImGui::RadioButton(tr("A question"), !with_labels_))
        begin(false);
    ImGui::SetItemTooltip("%s", tr("One question to all of them; a table of what they answer."));
    ImGui::SameLine();
    if (ImGui::RadioButton(tr("Which label fits"), with_labels_))
        begin(true);
    ImGui::SetItemTooltip("%s", tr("How likely each of some labels is for each of them."));
    bool entered = false;
    if (std::exchange(wants_focus_, false))
        ImGui::SetKeyboardFocusHere();
    if (with_labels_) {
        ImGui::SetNextItemWidth(-FLT_MIN);
        entered = ImGui::InputTextWithHint("##labels", tr("Labels: sport, cooking, law"), &labels_,
                                           ImGuiInputTextFlags_EnterReturnsTrue);
    }
    ImGui::SetNextItemWidth(-FLT_MIN);
    return ImGui::InputTextWithHint("##question",
                                    with_labels_ ? tr("What is the text about? (or another)")
                                                 : tr("A question to all of them"),
                                    &question_, ImGuiInputTextFlags_EnterReturnsTrue) ||
           entered;
}

void LibrarySurveys::drawForm(const Snapshot &snapshot, const Asked &asked,
                              CommandQueue &commands) {
    const bool entered = drawFields();
    const std::vector<std::string> labels =
        with_labels_ ? labelsOf(labels_) : std::vector<std::string>();
    const bool growing = std::ranges::any_of(snapshot.library.surveys,
                                             [](const auto &survey) { return survey->growing; });
    std::string why;
    if (asked.ids.empty())
        why = tr("Tick documents in the list above, or open one.");
    else if (growing)
        why = tr("The one below is not done yet.");
    else if (with_labels_ && labels.size() < 2)
        why = tr("Write two labels or more, with commas between them.");
    else if (!with_labels_ && trimSpaces(question_).empty())
        why = tr("Write a question.");
    ImGui::BeginDisabled(!why.empty());
    const std::string name = asked.name.empty() ? documentsText(asked.ids.size()) : asked.name;
    const std::string button = with_labels_ ? say("Label {}", name) : say("Ask {}", name);
    const bool pressed = ImGui::Button((button + "###start").c_str());
    ImGui::EndDisabled();
    if (!with_labels_) {
        ImGui::SameLine();
        ImGui::Checkbox(tr("also by meaning"), &by_vectors_);
        ImGui::SetItemTooltip("%s", tr("Places are looked for by vectors of the model's states, "
                                       "too: for questions in other words than the text's."));
    }
    pushSmall();
    if (!why.empty())
        mutedLine(why);
    else if (with_labels_)
        mutedLine(say("All of the text is read: {}.", readingCost(snapshot, asked.tokens)));
    else if (by_vectors_)
        mutedLine(say("The first time all of the text is read for it: {}. What it makes is kept.",
                      readingCost(snapshot, asked.tokens)));
    else
        mutedLine(
            tr("A very small model quotes the best sentence, a larger one writes; each answer "
               "has its place."));
    ImGui::PopFont();
    if (why.empty() && (pressed || entered))
        commands.push(command::StartSurvey{asked.ids, question_, labels, by_vectors_});
}

// ---- what came of it ---------------------------------------------------------------------------

void LibrarySurveys::drawSurvey(const Snapshot &snapshot, const Survey &survey,
                                CommandQueue &commands) {
    if (const std::string heading = headingOf(survey); heading.size() > kHeadingBytes)
        ImGui::TextWrapped("%s", heading.c_str());
    if (!survey.labels.empty() && !survey.question.empty())
        mutedLine(survey.question);
    drawState(snapshot, survey, commands);
    if (!ImGui::BeginTable("rows", 2, kTable))
        return;
    ImGui::TableSetupColumn(tr("Document"), ImGuiTableColumnFlags_WidthStretch, 1);
    ImGui::TableSetupColumn(survey.labels.empty() ? tr("Answer") : tr("Labels"),
                            ImGuiTableColumnFlags_WidthStretch, 2.2F);
    ImGui::TableHeadersRow();
    for (size_t i = 0; i < survey.rows.size(); i++) {
        ImGui::PushID(static_cast<int>(i));
        drawRow(survey, survey.rows[i], commands);
        ImGui::PopID();
    }
    ImGui::EndTable();
}

/// How far it is, with Stop; or how it ended, with what can be done with it.
void LibrarySurveys::drawState(const Snapshot &snapshot, const Survey &survey,
                               CommandQueue &commands) {
    pushSmall();
    if (survey.growing) {
        if (ImGui::SmallButton(tr("Stop")))
            commands.push(command::StopTask{survey.task});
        ImGui::SetItemTooltip("%s", tr("What is answered stays, and it can go on later."));
        ImGui::SameLine();
        const auto task = std::ranges::find(snapshot.tasks, survey.task, &TaskView::id);
        mutedLine(task == snapshot.tasks.end() || !task->running ? tr("It waits for its turn.")
                                                                 : progressText(*task));
    }
    std::string text = countsText(survey);
    if (!survey.note.empty())
        text += (text.empty() ? "" : " ") + survey.note;
    if (!text.empty())
        mutedLine(text);
    if (!survey.growing) {
        if (survey.count(State::done) < survey.rows.size()) {
            if (ImGui::SmallButton(tr("Go on")))
                commands.push(command::GoOnSurvey{survey.id});
            ImGui::SetItemTooltip("%s", tr("With the documents that have no result."));
            ImGui::SameLine();
        }
        if (ImGui::SmallButton(tr("Copy")))
            ImGui::SetClipboardText(surveyText(survey).c_str());
        ImGui::SetItemTooltip("%s", tr("As a table of Markdown"));
        ImGui::SameLine();
        if (ImGui::SmallButton(tr("Remove")))
            commands.push(command::RemoveSurvey{survey.id});
    }
    ImGui::PopFont();
}

void LibrarySurveys::drawRow(const Survey &survey, const SurveyRow &row, CommandQueue &commands) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    ImGui::TextWrapped("%s", row.title.empty() ? tr("Without a title") : row.title.c_str());
    ImGui::TableNextColumn();
    if (row.state == State::waiting)
        mutedLine(survey.growing ? "..." : tr("not asked"));
    else if (row.state == State::failed)
        colouredText(error(), row.text);
    else if (survey.labels.empty())
        drawAnswer(survey, row, commands);
    else
        drawLabels(survey, row, commands);
}

void LibrarySurveys::drawAnswer(const Survey &survey, const SurveyRow &row,
                                CommandQueue &commands) {
    if (row.found)
        ImGui::TextWrapped("%s", (row.quoted ? "\u201C" + row.text + "\u201D" : row.text).c_str());
    else
        mutedLine(tr("Not found"));
    pushSmall();
    if (row.found && row.places.empty())
        colouredText(warning(), tr("words not found in the document"));
    if (!row.found && !row.places.empty()) {
        ImGui::TextColored(mutedText(), "%s", tr("closest:"));
        ImGui::SameLine();
    }
    if (!row.places.empty())
        drawPlace(row, 0, survey.question, commands);
    ImGui::PopFont();
}

void LibrarySurveys::drawLabels(const Survey &survey, const SurveyRow &row,
                                CommandQueue &commands) {
    const std::vector<size_t> order = byProbability(row);
    const float em = ImGui::GetFontSize();
    float width = 0;
    for (const std::string &label : survey.labels)
        width = std::max(width, ImGui::CalcTextSize(label.c_str()).x);
    width = std::min(width, kLabelWidth * em);
    const float begin = ImGui::GetCursorPosX();
    for (size_t label : order) {
        const std::string &name = survey.labels[label];
        const bool fits = ImGui::CalcTextSize(name.c_str()).x <= width;
        ImGui::TextUnformatted(name.c_str());
        if (fits) {
            ImGui::SameLine();
            ImGui::SetCursorPosX(begin + width + 0.5F * em);
        }
        shareBar(row.probabilities[label], label == order[0] ? accent() : mutedText());
    }
    pushSmall();
    if (row.sections == 1)
        mutedLine(tr("Read whole."));
    else if (!row.places.empty())
        mutedLine(say("Decided by, of {} sections:", row.sections));
    for (size_t i = 0; i < row.places.size(); i++) {
        const SurveyPlace &place = row.places[i];
        drawPlace(row, i, say("{} {}", survey.labels[order[0]], percentText(place.share)),
                  commands);
        mutedLine(percentText(place.share) + " \u201C" + place.text + "\u201D");
    }
    ImGui::PopFont();
}

/// A link; all places of the row are marked, and `note` says why.
void LibrarySurveys::drawPlace(const SurveyRow &row, size_t place, const std::string &note,
                               CommandQueue &commands) {
    const SurveyPlace &wanted = row.places[place];
    const std::string name = wanted.place.empty() ? std::string(tr("there")) : wanted.place;
    if (!ImGui::TextLink((name + "##place" + std::to_string(place)).c_str()))
        return;
    std::vector<Mark> marks;
    for (const SurveyPlace &each : row.places)
        marks.push_back({each.start, each.end, MarkKind::source,
                         std::clamp(static_cast<float>(each.share), 0.2F, 1.0F), note});
    commands.push(command::JumpTo{row.document, wanted.start});
    commands.push(command::MarkDocument{row.document, std::move(marks)});
    if (show_document)
        show_document();
}

} // namespace longscope::ui
