#include "ui/panels/patterns.h"

#include "ui/panels/patterns_spec.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <format>

namespace longscope::ui {
namespace {

constexpr double kQuietSeconds = 0.2; // without a change, before a price is asked

float labelRoom() {
    return -9 * ImGui::GetFontSize();
}

bool editSpecText(const char *label, std::string &text, const std::string &problem) {
    const float room = labelRoom();
    pushMono();
    ImGui::SetNextItemWidth(room);
    bool changed = ImGui::InputText((std::string("##") + label).c_str(), &text);
    ImGui::PopFont();
    ImGui::SameLine(0, ImGui::GetStyle().ItemInnerSpacing.x);
    ImGui::TextUnformatted(label);
    if (!problem.empty())
        colouredText(error(), problem);
    return changed;
}

bool chooseCacheType(const char *label, std::string &type) {
    struct Row {
        const char *name, *help;
    };
    static constexpr Row kRows[] = {
        {"f32", "32 bits: exact, twice the memory"}, {"f16", "16 bits: the usual"},
        {"bf16", "16 bits, wider range, coarser"},   {"q8_0", "8.5 bits: hardly any difference"},
        {"q4_0", "4.5 bits: coarse, long contexts"},
    };
    bool changed = false;
    ImGui::SetNextItemWidth(6 * ImGui::GetFontSize());
    if (!ImGui::BeginCombo(label, type.c_str()))
        return false;
    for (const Row &row : kRows) {
        if (ImGui::Selectable(row.name, type == row.name) && type != row.name) {
            type = row.name;
            changed = true;
        }
        ImGui::SetItemTooltip("%s", tr(row.help));
    }
    ImGui::EndCombo();
    return changed;
}

} // namespace

bool PatternsPanel::isWrong() const {
    return !attention_problem_.empty() || !rope_problem_.empty() || !eviction_problem_.empty();
}

void PatternsPanel::changed() {
    changed_at_ = ImGui::GetTime();
    attention_problem_ = checkAttention(draft_.attention, checked_layers_);
    rope_problem_ = checkRope(draft_.rope);
    eviction_problem_ = checkEviction(draft_.evict);
}

/// New settings of the session, or another model: the sliders follow unless they were moved.
void PatternsPanel::follow(const Snapshot &snapshot) {
    const AttentionSettings &now = snapshot.patterns.applied;
    if (!started_ || (now != applied_ && draft_ == applied_)) {
        draft_ = now;
        rule_ = 0;
    }
    if (!started_ || now != applied_)
        changed(); // its price is another now
    applied_ = now;
    started_ = true;
    if (model_ != snapshot.model || checked_layers_ != snapshot.cost.layers()) {
        model_ = snapshot.model;
        checked_layers_ = snapshot.cost.layers();
        changed();
    }
}

/// Nothing is held any more (a list was chosen from, a slider let go), or it was quiet for a while.
void PatternsPanel::askPrice(CommandQueue &commands) {
    if (changed_at_ < 0 || checked_layers_ == 0)
        return;
    bool is_quiet = ImGui::GetTime() - changed_at_ >= kQuietSeconds;
    if (!is_quiet && ImGui::IsAnyItemActive())
        return;
    changed_at_ = -1;
    if (!isWrong())
        commands.push(command::AskPrice{draft_});
}

void PatternsPanel::drawProposal(const Snapshot &snapshot) {
    const auto &proposal = snapshot.patterns.proposal;
    if (!proposal || proposal->spec == draft_.rope)
        return;
    ImGui::PushStyleColor(ImGuiCol_ChildBg, codeGround());
    ImGui::BeginChild("##proposal", {0, 0},
                      ImGuiChildFlags_AutoResizeY | ImGuiChildFlags_AlwaysUseWindowPadding);
    ImGui::TextWrapped("%s.", proposal->reason.c_str());
    if (ImGui::Button(std::format("Use {}", proposal->spec).c_str())) {
        draft_.rope = proposal->spec;
        changed();
    }
    ImGui::EndChild();
    ImGui::PopStyleColor();
}

void PatternsPanel::drawAttention(const Snapshot &snapshot) {
    ImGui::SeparatorText(tr("Who sees whom"));
    std::vector<LayerRule> rules = splitRules(draft_.attention);
    rule_ = std::min(rule_, rules.size() - 1);
    bool moved = false;
    for (size_t i = 0; i < rules.size() && rules.size() > 1; ++i) {
        ImGui::PushID(static_cast<int>(i));
        std::string text =
            rules[i].spec +
            (rules[i].layers.empty() ? std::string(", all layers") : ", layers " + rules[i].layers);
        if (ImGui::RadioButton(text.c_str(), rule_ == i))
            rule_ = i;
        ImGui::PopID();
    }
    LayerRule &rule = rules[rule_];
    moved |= editSpec(tr("Pattern"), attentionForms(), rule.spec);
    ImGui::SetNextItemWidth(labelRoom());
    moved |= ImGui::InputTextWithHint(tr("Layers"), tr("all, or like 0-3,8"), &rule.layers);
    if (ImGui::SmallButton(tr("Another rule for some layers"))) {
        rules.push_back(
            {"full", std::format("0-{}", std::max(snapshot.cost.layers(), 2U) / 2 - 1)});
        rule_ = rules.size() - 1;
        moved = true;
    }
    if (rules.size() > 1) {
        ImGui::SameLine();
        if (ImGui::SmallButton(tr("Remove this rule"))) {
            rules.erase(rules.begin() + static_cast<ptrdiff_t>(rule_));
            moved = true;
        }
    }
    if (moved)
        draft_.attention = joinRules(rules);
    moved |= editSpecText(tr("Pattern as text"), draft_.attention, attention_problem_);
    if (moved)
        changed();
}

void PatternsPanel::drawPositions() {
    ImGui::SeparatorText(tr("Positions"));
    bool moved = editSpec(tr("Scheme"), ropeForms(), draft_.rope);
    moved |= editSpecText(tr("Scheme as text"), draft_.rope, rope_problem_);
    if (moved)
        changed();
}

void PatternsPanel::drawCache(const Snapshot &snapshot) {
    ImGui::SeparatorText(tr("Memory of keys and values"));
    bool moved = chooseCacheType(tr("Keys"), draft_.k);
    ImGui::SameLine();
    moved |= chooseCacheType(tr("Values"), draft_.v);
    moved |= editSpec(tr("Throw away"), evictionForms(), draft_.evict);
    moved |= editSpecText(tr("Eviction as text"), draft_.evict, eviction_problem_);
    bool is_automatic = draft_.window_tokens == 0;
    if (ImGui::Checkbox(tr("Window: as much as the text needs"), &is_automatic)) {
        draft_.window_tokens =
            is_automatic ? 0 : std::max<uint64_t>(snapshot.patterns.trained_tokens, 256);
        moved = true;
    }
    if (!is_automatic) {
        auto most = std::max<uint64_t>(16 * snapshot.patterns.trained_tokens, 32768);
        constexpr uint64_t kLeast = 256;
        ImGui::SetNextItemWidth(labelRoom());
        moved |= ImGui::SliderScalar(tr("Window of tokens"), ImGuiDataType_U64,
                                     &draft_.window_tokens, &kLeast, &most, "%llu tokens",
                                     ImGuiSliderFlags_Logarithmic | ImGuiSliderFlags_AlwaysClamp);
    }
    if (moved)
        changed();
}

void PatternsPanel::drawPictures(const Snapshot &snapshot) {
    uint64_t window = windowShown(snapshot, draft_);
    std::vector<LayerRule> rules = splitRules(draft_.attention);
    ImGui::SeparatorText(tr("The mask"));
    masks_.draw(rules[std::min(rule_, rules.size() - 1)].spec, window);
    ImGui::SeparatorText(tr("Wavelengths of the positions"));
    if (!rope_problem_.empty())
        mutedLine(tr("The scheme cannot be read."));
    else
        wavelengths_.draw(snapshot.patterns, draft_.rope, window);
}

/// Null while it is being worked out.
const Price *PatternsPanel::priceOf(const Snapshot &snapshot) const {
    const Price *price = snapshot.patterns.price.get();
    return price && price->settings == draft_ ? price : nullptr;
}

void PatternsPanel::drawButtons(const Snapshot &snapshot, CommandQueue &commands) {
    const Price *price = priceOf(snapshot);
    const char *why = !snapshot.model                    ? tr("No model is loaded.")
                      : draft_ == applied_               ? tr("This is what is applied now.")
                      : isWrong()                        ? tr("One of the settings cannot be read.")
                      : price && !price->problem.empty() ? tr("It cannot be, as said above.")
                                                         : nullptr;
    ImGui::BeginDisabled(why != nullptr);
    if (ImGui::Button(tr("Apply"), {7 * ImGui::GetFontSize(), 0}))
        commands.push(command::ApplySettings{draft_});
    ImGui::EndDisabled();
    if (why && ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled))
        ImGui::SetTooltip("%s", why);
    ImGui::SameLine();
    ImGui::BeginDisabled(draft_ == applied_);
    if (ImGui::Button(tr("Reset"), {7 * ImGui::GetFontSize(), 0})) {
        draft_ = applied_;
        rule_ = 0;
        changed();
    }
    ImGui::EndDisabled();
    ImGui::SetItemTooltip("%s", tr("Back to what is applied now."));
    if (!price || draft_ == applied_)
        return;
    ImGui::SameLine();
    ImGui::AlignTextToFramePadding();
    const bool is_problem = !price->problem.empty();
    std::string text = is_problem ? price->problem
                       : price->read_again_tokens > 0
                           ? tokensText(price->read_again_tokens) + " to be read again"
                           : std::string(tr("Nothing must be read again."));
    ImGui::TextColored(is_problem ? error() : mutedText(), "%s", text.c_str());
}

void PatternsPanel::drawPrice(const Snapshot &snapshot) {
    ImGui::SeparatorText(draft_ == applied_ ? tr("What it costs") : tr("What the change costs"));
    const Price *price = priceOf(snapshot);
    if (!snapshot.model)
        mutedLine(tr("Load a model to see what its settings cost."));
    else if (isWrong())
        colouredText(error(), tr("One of the settings cannot be read."));
    else if (!price)
        mutedLine(tr("Working out the price ..."));
    if (price) {
        if (!price->problem.empty())
            colouredText(error(), price->problem);
        if (!price->warning.empty())
            colouredText(warning(), price->warning);
        ImGui::TextWrapped(tr("Memory: %s for keys and values, %s in all, at a window of %s."),
                           byteText(static_cast<double>(price->cache_bytes)).c_str(),
                           byteText(static_cast<double>(price->total_bytes)).c_str(),
                           tokensText(price->window_tokens).c_str());
        if (price->full_pairs > 0 && price->pairs >= price->full_pairs)
            ImGui::TextWrapped(tr("Pairs: %s for one head of all layers."),
                               countText(price->pairs).c_str());
        else if (price->full_pairs > 0)
            ImGui::TextWrapped(tr("Pairs: %s of full attention (%s instead of %s for one head of "
                                  "all layers)."),
                               percentText(price->pairs / price->full_pairs).c_str(),
                               countText(price->pairs).c_str(),
                               countText(price->full_pairs).c_str());
        if (price->flops > 0)
            ImGui::TextWrapped(tr("Work: %s to read the window."), flopsText(price->flops).c_str());
        if (price->read_again_tokens > 0) {
            std::string seconds = price->read_again_seconds > 0
                                      ? "about " + secondsText(price->read_again_seconds)
                                      : "the time is not known before a first reading";
            ImGui::TextWrapped(tr("To be read again: %s, %s."),
                               tokensText(price->read_again_tokens).c_str(), seconds.c_str());
        } else {
            ImGui::TextWrapped("%s", tr("Nothing must be read again."));
        }
    }
}

void PatternsPanel::drawSettings(const Snapshot &snapshot) {
    const float em = ImGui::GetFontSize(), room = ImGui::GetContentRegionAvail().x;
    const bool is_wide = room > 42 * em;
    if (!is_wide) {
        drawProposal(snapshot);
        drawAttention(snapshot);
        drawPositions();
        drawCache(snapshot);
        drawPrice(snapshot);
        drawPictures(snapshot);
        return;
    }
    if (!ImGui::BeginTable("##columns", 2, ImGuiTableFlags_SizingStretchProp))
        return;
    ImGui::TableSetupColumn("controls", 0, 1.2F);
    ImGui::TableSetupColumn("pictures", 0, 1);
    ImGui::TableNextColumn();
    drawProposal(snapshot);
    drawAttention(snapshot);
    drawPositions();
    drawCache(snapshot);
    ImGui::TableNextColumn();
    drawPrice(snapshot);
    drawPictures(snapshot);
    ImGui::EndTable();
}

void PatternsPanel::draw(const Snapshot &snapshot, CommandQueue &commands) {
    follow(snapshot);
    if (ImGui::BeginTabBar("##tabs")) {
        if (ImGui::BeginTabItem(tr("Settings"))) {
            // The buttons stay in sight, the rest scrolls above them.
            const float buttons = ImGui::GetFrameHeightWithSpacing();
            if (ImGui::BeginChild("##settings", {0, -buttons}))
                drawSettings(snapshot);
            ImGui::EndChild();
            drawButtons(snapshot, commands);
            ImGui::EndTabItem();
        }
        if (ImGui::BeginTabItem(tr("Compare A and B"))) {
            if (ImGui::BeginChild("##compare"))
                compare_.draw(snapshot, draft_, commands);
            ImGui::EndChild();
            ImGui::EndTabItem();
        }
        ImGui::EndTabBar();
    }
    askPrice(commands);
}

} // namespace longscope::ui
