#include "ui/panels/model_contents.h"

#include "compute/core/text.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"
#include "ui/widgets/share_bar.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <format>
#include <string_view>

namespace longscope::ui {
namespace {

constexpr ImGuiTableFlags kTable = ImGuiTableFlags_BordersInnerH | ImGuiTableFlags_RowBg |
                                   ImGuiTableFlags_ScrollY | ImGuiTableFlags_Resizable;

void cell(const std::string &text) {
    ImGui::TableNextColumn();
    ImGui::TextUnformatted(text.c_str());
}

void rightCell(const std::string &text) {
    ImGui::TableNextColumn();
    float room = ImGui::GetContentRegionAvail().x - ImGui::CalcTextSize(text.c_str()).x;
    ImGui::SetCursorPosX(ImGui::GetCursorPosX() + std::max(room, 0.0F));
    ImGui::TextUnformatted(text.c_str());
}

double real(uint64_t n) {
    return static_cast<double>(n);
}

} // namespace

std::vector<TypeSum> sumTypes(const std::vector<TensorRow> &tensors) {
    std::vector<TypeSum> sums;
    for (const TensorRow &tensor : tensors) {
        auto found = std::ranges::find(sums, tensor.type, &TypeSum::type);
        if (found == sums.end())
            found = sums.insert(sums.end(), {tensor.type, 0, 0});
        found->tensors++;
        found->bytes += tensor.bytes;
    }
    std::ranges::sort(sums, std::greater(), &TypeSum::bytes);
    return sums;
}

void drawFacts(const char *id, const std::vector<Fact> &facts) {
    if (!ImGui::BeginTable(id, 2, ImGuiTableFlags_SizingStretchProp))
        return;
    ImGui::TableSetupColumn("what", ImGuiTableColumnFlags_WidthFixed, 11 * ImGui::GetFontSize());
    for (const auto &[what, value] : facts) {
        ImGui::TableNextRow();
        ImGui::TableNextColumn();
        ImGui::PushTextWrapPos(0);
        ImGui::TextColored(mutedText(), "%s", what.c_str());
        ImGui::PopTextWrapPos();
        ImGui::TableNextColumn();
        ImGui::TextWrapped("%s", value.c_str());
    }
    ImGui::EndTable();
}

void ModelContents::filter() {
    shown_.clear();
    for (size_t i = 0; i < model_->tensors.size(); ++i)
        if (containsIgnoringCase(model_->tensors[i].name, wanted_) ||
            containsIgnoringCase(model_->tensors[i].type, wanted_))
            shown_.push_back(i);
}

void ModelContents::drawTypes() {
    if (!ImGui::BeginTable("##types", 4, ImGuiTableFlags_SizingStretchProp))
        return;
    const float em = ImGui::GetFontSize();
    ImGui::TableSetupColumn(tr("Type"), ImGuiTableColumnFlags_WidthFixed, 5 * em);
    ImGui::TableSetupColumn(tr("Tensors"), ImGuiTableColumnFlags_WidthFixed, 5 * em);
    ImGui::TableSetupColumn(tr("Size"), ImGuiTableColumnFlags_WidthFixed, 6 * em);
    ImGui::TableSetupColumn(tr("Share"));
    ImGui::TableHeadersRow();
    uint64_t all = 0;
    for (const TypeSum &sum : types_)
        all += sum.bytes;
    for (const TypeSum &sum : types_) {
        ImGui::TableNextRow();
        cell(sum.type);
        rightCell(countText(real(sum.tensors)));
        rightCell(byteText(real(sum.bytes)));
        ImGui::TableNextColumn();
        double share = all > 0 ? real(sum.bytes) / real(all) : 0;
        shareBar(share, accent());
    }
    ImGui::EndTable();
}

void ModelContents::drawTensors() {
    ImGui::SetNextItemWidth(16 * ImGui::GetFontSize());
    if (ImGui::InputTextWithHint("##tensor", tr("Name or type"), &wanted_))
        filter();
    ImGui::SameLine();
    ImGui::TextColored(mutedText(), tr("%zu of %zu tensors"), shown_.size(),
                       model_->tensors.size());
    const float em = ImGui::GetFontSize();
    const float height = std::max(ImGui::GetContentRegionAvail().y, 12 * em);
    if (!ImGui::BeginTable("##tensors", 4, kTable | ImGuiTableFlags_SizingStretchProp, {0, height}))
        return;
    ImGui::TableSetupScrollFreeze(0, 1);
    ImGui::TableSetupColumn(tr("Name"), 0, 3);
    ImGui::TableSetupColumn(tr("Type"), ImGuiTableColumnFlags_WidthFixed, 5 * em);
    ImGui::TableSetupColumn(tr("Shape"), 0, 1.5F);
    ImGui::TableSetupColumn(tr("Size"), ImGuiTableColumnFlags_WidthFixed, 6 * em);
    ImGui::TableHeadersRow();
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(shown_.size()));
    while (clipper.Step())
        for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
            const TensorRow &tensor = model_->tensors[shown_[static_cast<size_t>(i)]];
            ImGui::TableNextRow();
            cell(tensor.name);
            cell(tensor.type);
            cell(tensor.shape);
            rightCell(byteText(real(tensor.bytes)));
        }
    ImGui::EndTable();
}

void ModelContents::drawMetadata() {
    ImGui::SetNextItemWidth(16 * ImGui::GetFontSize());
    ImGui::InputTextWithHint("##key", tr("Key or value"), &metadata_wanted_);
    const float height = std::max(ImGui::GetContentRegionAvail().y, 12 * ImGui::GetFontSize());
    if (!ImGui::BeginTable("##metadata", 2, kTable | ImGuiTableFlags_SizingStretchProp,
                           {0, height}))
        return;
    ImGui::TableSetupScrollFreeze(0, 1);
    ImGui::TableSetupColumn(tr("Key"), 0, 2);
    ImGui::TableSetupColumn(tr("Value"), 0, 3);
    ImGui::TableHeadersRow();
    for (const auto &[key, value] : model_->metadata) {
        if (!containsIgnoringCase(key, metadata_wanted_) &&
            !containsIgnoringCase(value, metadata_wanted_))
            continue;
        ImGui::TableNextRow();
        ImGui::TableNextColumn();
        ImGui::TextWrapped("%s", key.c_str());
        ImGui::TableNextColumn();
        ImGui::TextWrapped("%s", value.c_str());
    }
    ImGui::EndTable();
}

void ModelContents::drawTemplate() {
    if (model_->chat_template.empty()) {
        ImGui::TextWrapped("%s", tr("The file has no chat template; a simple one is used."));
        return;
    }
    if (ImGui::Button(tr("Copy the template")))
        ImGui::SetClipboardText(model_->chat_template.c_str());
    const float height = std::max(ImGui::GetContentRegionAvail().y, 12 * ImGui::GetFontSize());
    pushMono();
    // Read only: nothing is written through the pointer.
    ImGui::InputTextMultiline("##template", const_cast<char *>(model_->chat_template.c_str()),
                              model_->chat_template.size() + 1, {-1, height},
                              ImGuiInputTextFlags_ReadOnly | ImGuiInputTextFlags_WordWrap);
    ImGui::PopFont();
}

void ModelContents::draw(const std::shared_ptr<const Model> &model) {
    if (model != model_) {
        model_ = model;
        types_ = sumTypes(model->tensors);
        filter();
    }
    if (!ImGui::BeginTabBar("##contents"))
        return;
    if (ImGui::BeginTabItem(tr("Facts"))) {
        drawFacts("##facts", model->facts);
        ImGui::Spacing();
        drawTypes();
        ImGui::EndTabItem();
    }
    if (ImGui::BeginTabItem(tr("Tensors"))) {
        drawTensors();
        ImGui::EndTabItem();
    }
    if (ImGui::BeginTabItem(tr("Metadata"))) {
        drawMetadata();
        ImGui::EndTabItem();
    }
    if (ImGui::BeginTabItem(tr("Chat template"))) {
        drawTemplate();
        ImGui::EndTabItem();
    }
    ImGui::EndTabBar();
}

} // namespace longscope::ui
