#include "ui/panels/attention.h"

#include "ui/panels/attention_layers.h"
#include "ui/panels/attention_text.h"
#include "ui/panels/attention_trace.h"
#include "ui/theme.h"

#include <imgui.h>

#include <algorithm>

namespace longscope::ui {
namespace {

/// Without a model nothing is known, and everything may be asked.
bool attends(const Snapshot &snapshot, uint32_t layer) {
    return !snapshot.model || snapshot.model->attends(layer);
}
bool anyAttends(const Snapshot &snapshot) {
    return !snapshot.model || snapshot.model->heads > 0;
}
bool anyRecurs(const Snapshot &snapshot) {
    return snapshot.model && snapshot.model->recurrent;
}

} // namespace

void AttentionPanel::drawEmpty(const Snapshot &snapshot, CommandQueue &commands) {
    ImGui::PushFont(fonts().bold, 1.2F * ImGui::GetFontSize());
    ImGui::TextWrapped("%s", tr("Nothing was read yet"));
    ImGui::PopFont();
    ImGui::TextWrapped("%s", tr("Here you see what the model looks at while it reads: every head, "
                                "every word."));
    const auto document = snapshot.documents.shown();
    if (!snapshot.model) {
        ImGui::TextWrapped("%s", tr("It needs a model that is loaded."));
        if (ImGui::Button(tr("Load the model")))
            commands.push(command::LoadModel{});
        return;
    }
    if (document) {
        ImGui::TextWrapped(
            "%s", say("Let the model read \"{}\", or send a message in the chat.", document->title)
                      .c_str());
        if (ImGui::Button(tr("Read the document")))
            commands.push(command::ReadDocument{});
        return;
    }
    ImGui::TextWrapped("%s", tr("Send a message in the chat, or open a document first."));
    if (ImGui::Button(tr("Open the sample document")))
        commands.push(command::OpenSample{});
}

/// Keeps up with what others did: another text was read, a picture came.
void AttentionPanel::follow(const Snapshot &snapshot) {
    const Attention &attention = snapshot.attention;
    if (timeline_ != attention.timeline) {
        const uint64_t tokens = attention.timeline->tokens();
        const bool other = timeline_ && timeline_->document != attention.timeline->document;
        const TokenBox box = resolved(history_.now(), tokens);
        if (other || box.end_query > tokens || box.end_key > tokens) {
            history_.clear();
            setBox(wanted_, {});
        }
        timeline_ = attention.timeline;
    }
    if (snapshot.model && snapshot.model->layers > 0 && wanted_.layer >= snapshot.model->layers) {
        wanted_.layer = 0;
        wanted_.heads.clear();
        chose_state_ = false;
    }
    if (!chose_state_ && !attends(snapshot, wanted_.layer)) // nobody has chosen one yet
        wanted_.layer = nearestAttending(*snapshot.model, wanted_.layer).value_or(wanted_.layer);
    // A picture that was stopped or failed is not waited for.
    if (waiting_ &&
        ((was_busy_ && !snapshot.busy()) || (attention.map && attention.map->wanted == wanted_)))
        waiting_ = false;
    was_busy_ = snapshot.busy() && waiting_;
    if (attention.map && attention.map != map_seen_ && !waiting_ && !chose_state_) {
        wanted_ = attention.map->wanted;
        history_.go(boxOf(wanted_));
    }
    map_seen_ = attention.map;
}

void AttentionPanel::ask(CommandQueue &commands) {
    setBox(wanted_, history_.now());
    commands.push(command::ShowMap{wanted_});
    waiting_ = true;
    was_busy_ = false;
    asked_time_ = ImGui::GetTime();
}

void AttentionPanel::choose(const Snapshot &snapshot, const std::optional<HeadChoice> &choice,
                            CommandQueue &commands) {
    if (!choice)
        return;
    wanted_.layer = choice->layer;
    wanted_.heads = choice->heads;
    chose_state_ = !attends(snapshot, wanted_.layer);
    if (chose_state_) {
        waiting_ = false;
        show_state_ = true;
        state_.ask(snapshot, commands);
        return;
    }
    // A layer that does both is shown as the one before it.
    show_map_ = at_state_ && !(snapshot.model && snapshot.model->recurs(wanted_.layer));
    ask(commands);
}

void AttentionPanel::showBox(const TokenBox &box, CommandQueue &commands) {
    if (box == history_.now())
        return;
    history_.go(box);
    ask(commands);
}

/// What stands in the place of a map where the layer has none; false where it has one.
bool AttentionPanel::drawWithoutHeads(const Snapshot &snapshot, CommandQueue &commands) {
    if (attends(snapshot, wanted_.layer))
        return false;
    const Model &model = *snapshot.model;
    ImGui::TextWrapped("%s", say("Layer {} does not attend ({}): it keeps a state instead of keys.",
                                 wanted_.layer, kindText(model, wanted_.layer))
                                 .c_str());
    show_state_ |= ImGui::Button(tr("Show its state"));
    if (const auto layer = nearestAttending(model, wanted_.layer)) {
        ImGui::SameLine();
        if (ImGui::Button(say("Show layer {}, which attends", *layer).c_str()))
            choose(snapshot, HeadChoice{*layer, {}}, commands);
    }
    return true;
}

void AttentionPanel::drawState(const Snapshot &snapshot, CommandQueue &commands) {
    if (const auto layer = state_.draw(snapshot, wanted_.layer, commands))
        choose(snapshot, HeadChoice{*layer, {}}, commands);
}

void AttentionPanel::drawMap(const Snapshot &snapshot, CommandQueue &commands) {
    if (drawWithoutHeads(snapshot, commands))
        return;
    if (!snapshot.attention.map && !waiting_) {
        ImGui::TextWrapped("%s", tr("Choose a head in the overview to see where it looks."));
        if (ImGui::Button(say("Show the mean of layer {}", wanted_.layer).c_str())) {
            wanted_.heads.clear();
            ask(commands);
        }
        return;
    }
    const MapView::Answer answer =
        map_.draw(snapshot, history_, waiting_, choose_save_path, link_, commands);
    if (answer.go)
        showBox(*answer.go, commands);
    if (answer.step && history_.canGo(*answer.step)) {
        history_.step(*answer.step);
        ask(commands);
    }
    if (answer.token)
        token_.choose(*answer.token);
    show_token_ |= answer.show_token;
}

void AttentionPanel::drawOverview(const Snapshot &snapshot, CommandQueue &commands) {
    if (anyRecurs(snapshot)) {
        const float room = ImGui::GetContentRegionAvail().y;
        const float height = anyAttends(snapshot) ? 0.4F * room : room;
        if (const auto layer = drawLayerList(*snapshot.model, wanted_.layer, height))
            choose(snapshot, HeadChoice{*layer, {}}, commands);
    }
    if (anyAttends(snapshot))
        choose(snapshot, heads_.drawGrid(snapshot, wanted_, commands), commands);
}

bool AttentionPanel::drawTab(const char *name, bool *to_front) const {
    return ImGui::BeginTabItem(name, nullptr,
                               std::exchange(*to_front, false) ? ImGuiTabItemFlags_SetSelected
                                                               : ImGuiTabItemFlags_None);
}

void AttentionPanel::drawTabs(const Snapshot &snapshot, bool with_grid, CommandQueue &commands) {
    if (!ImGui::BeginTabBar("views"))
        return;
    const bool new_trace = trace_ && snapshot.attention.trace != *trace_;
    trace_ = snapshot.attention.trace;
    if (with_grid && ImGui::BeginTabItem(tr("Overview"))) {
        drawOverview(snapshot, commands);
        ImGui::EndTabItem();
    }
    const bool attends_any = anyAttends(snapshot);
    if (attends_any && drawTab(tr("Map"), &show_map_)) {
        drawMap(snapshot, commands);
        ImGui::EndTabItem();
    }
    if (attends_any && drawTab(tr("Token"), &show_token_)) {
        if (!drawWithoutHeads(snapshot, commands))
            token_.draw(snapshot, wanted_, link_, commands);
        ImGui::EndTabItem();
    } else {
        token_.pause();
    }
    if (attends_any && ImGui::BeginTabItem(tr("Table"))) {
        choose(snapshot, heads_.drawTable(snapshot, wanted_, commands), commands);
        ImGui::EndTabItem();
    }
    at_state_ = anyRecurs(snapshot) && drawTab(tr("State"), &show_state_);
    if (at_state_) {
        drawState(snapshot, commands);
        ImGui::EndTabItem();
    }
    if (snapshot.attention.trace &&
        ImGui::BeginTabItem(tr("Sources"), nullptr,
                            new_trace ? ImGuiTabItemFlags_SetSelected : ImGuiTabItemFlags_None)) {
        drawTrace(snapshot, link_, commands);
        ImGui::EndTabItem();
    }
    ImGui::EndTabBar();
}

void AttentionPanel::draw(const Snapshot &snapshot, CommandQueue &commands) {
    if (!snapshot.attention.timeline || snapshot.attention.timeline->tokens() == 0) {
        drawEmpty(snapshot, commands);
        return;
    }
    follow(snapshot);
    const float em = ImGui::GetFontSize(), width = ImGui::GetContentRegionAvail().x;
    const bool wide = width >= 42 * em;
    if (wide) {
        const float side = std::clamp(0.28F * width, 15 * em, 24 * em);
        ImGui::BeginChild("overview", {side, 0});
        drawOverview(snapshot, commands);
        ImGui::EndChild();
        ImGui::SameLine(0, em);
    }
    ImGui::BeginChild("view", {0, 0});
    drawTabs(snapshot, !wide, commands);
    ImGui::EndChild();
    link_.flush(commands);
}

} // namespace longscope::ui
