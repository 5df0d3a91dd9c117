#include "ui/panels/attention_token.h"

#include "ui/panels/attention_text.h"
#include "ui/theme.h"
#include "ui/widgets/heat_map.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace longscope::ui {
namespace {

constexpr size_t kTopKeys = 10;
/// The first token often takes most of it and says nothing: the others are measured against the
/// strongest of them. The root lets weak ones be seen.
std::vector<float> levelsOf(const std::vector<float> &shares) {
    std::vector<float> levels(shares.size(), 0);
    if (shares.empty())
        return levels;
    float most = shares.size() > 1 ? *std::max_element(shares.begin() + 1, shares.end()) : 0;
    if (!(most > 0))
        most = shares[0];
    for (size_t i = 0; i < shares.size() && most > 0; ++i)
        levels[i] = std::sqrt(std::clamp(shares[i] / most, 0.F, 1.F));
    return levels;
}

std::vector<uint64_t> strongest(const std::vector<float> &shares) {
    std::vector<uint64_t> order(shares.size());
    std::iota(order.begin(), order.end(), uint64_t{0});
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(kTopKeys, order.size()));
    std::ranges::partial_sort(order, end, [&](uint64_t a, uint64_t b) {
        return shares[a] != shares[b] ? shares[a] > shares[b] : a > b;
    });
    order.erase(end, order.end());
    return order;
}

void shareBar(float share, float of) {
    const float em = ImGui::GetFontSize(), width = 4 * em;
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const float top = at.y + 0.15F * em, bottom = at.y + 0.95F * em;
    ImDrawList &list = *ImGui::GetWindowDrawList();
    list.AddRectFilled({at.x, top}, {at.x + width, bottom}, ImGui::GetColorU32(codeGround()));
    list.AddRectFilled({at.x, top}, {at.x + width * (of > 0 ? share / of : 0), bottom},
                       ImGui::GetColorU32(accent()));
    ImGui::Dummy({width, em});
    ImGui::SameLine();
    ImGui::TextUnformatted(percentText(static_cast<double>(share)).c_str());
}

} // namespace

float TokenView::shareOf(uint64_t token) const {
    return shown_ && token < shown_->shares.size() ? shown_->shares[token] : 0;
}

void TokenView::choose(uint64_t token) {
    query_ = token;
    playing_ = false;
}

void TokenView::take(const Snapshot &snapshot, const MapWanted &head) {
    const Attention &attention = snapshot.attention;
    if (timeline_ != attention.timeline) {
        timeline_ = attention.timeline;
        written_.clear();
        for (const Timeline::Part &part : timeline_->parts)
            for (uint64_t token = part.first; token < part.end; ++token)
                if (part.kind == PartKind::assistant)
                    written_.push_back(token);
        asked_.reset();
    }
    if (!query_ && attention.strip) {
        query_ = attention.strip->query;
        asked_ = Asked{head.layer, head.heads, *query_};
    }
    const uint64_t last = timeline_->tokens() > 0 ? timeline_->tokens() - 1 : 0;
    query_ = std::min(query_.value_or(last), last);
    if (shown_ != attention.strip) {
        shown_ = attention.strip;
        levels_ = shown_ ? levelsOf(shown_->shares) : std::vector<float>{};
        top_ = shown_ ? strongest(shown_->shares) : std::vector<uint64_t>{};
        if (shown_)
            strip_.scrollTo(shown_->query);
    }
}

void TokenView::drawChoice(const Timeline &timeline) {
    const float em = ImGui::GetFontSize();
    ImGui::AlignTextToFramePadding();
    ImGui::TextUnformatted(tr("Token"));
    ImGui::SameLine();
    uint64_t token = *query_;
    ImGui::SetNextItemWidth(5 * em);
    ImGui::InputScalar("##token", ImGuiDataType_U64, &token);
    if (ImGui::IsItemDeactivatedAfterEdit())
        choose(std::min(token, timeline.tokens() - 1));
    ImGui::PushItemFlag(ImGuiItemFlags_ButtonRepeat, true);
    ImGui::SameLine();
    if (ImGui::ArrowButton("Earlier", ImGuiDir_Left) && *query_ > 0)
        choose(*query_ - 1);
    ImGui::SameLine();
    if (ImGui::ArrowButton("Later", ImGuiDir_Right) && *query_ + 1 < timeline.tokens())
        choose(*query_ + 1);
    ImGui::PopItemFlag();
    const Timeline::Part *part = findPart(timeline, *query_);
    ImGui::SameLine();
    ImGui::PushStyleColor(ImGuiCol_Text, mutedText());
    ImGui::TextUnformatted(
        say("of {}, {}", numberText(timeline.tokens()), part ? partName(part->kind) : "").c_str());
    ImGui::PopStyleColor();
    if (shown_ && !top_.empty()) {
        ImGui::SameLine();
        if (ImGui::Button(tr("Copy")))
            ImGui::SetClipboardText(asText(timeline).c_str());
        ImGui::SetItemTooltip("%s", tr("The tokens that it looks at most, as text."));
    }
    ImGui::TextWrapped("%s", tokenInContext(timeline, *query_).c_str());
    if (shown_ && !shown_->note.empty())
        ImGui::TextWrapped("%s", shown_->note.c_str());
}

void TokenView::drawPlayer() {
    if (written_.empty())
        return;
    const float em = ImGui::GetFontSize();
    if (ImGui::Button(playing_ ? tr("Pause") : tr("Play"), {4 * em, 0})) {
        playing_ = !playing_;
        next_time_ = ImGui::GetTime();
        if (playing_ && (*query_ < written_.front() || *query_ >= written_.back()))
            query_ = written_.front();
    }
    ImGui::SetItemTooltip("%s", tr("Goes through what the assistant wrote, token by token."));
    ImGui::SameLine();
    const auto at = std::ranges::lower_bound(written_, *query_);
    int word = static_cast<int>(std::min(at, written_.end() - 1) - written_.begin()) + 1;
    const auto words = static_cast<int>(written_.size());
    const float pace_width = 9 * em;
    ImGui::SetNextItemWidth(
        std::max(6 * em, ImGui::GetContentRegionAvail().x - pace_width - 2 * em));
    if (ImGui::SliderInt("##written", &word, 1, words, say("written token %d of {}", words).c_str(),
                         ImGuiSliderFlags_AlwaysClamp))
        choose(written_[static_cast<size_t>(word - 1)]);
    ImGui::SameLine();
    ImGui::SetNextItemWidth(pace_width);
    ImGui::SliderFloat("##pace", &pace_, 0.5F, 20, tr("%.1f a second"),
                       ImGuiSliderFlags_Logarithmic | ImGuiSliderFlags_AlwaysClamp);
}

void TokenView::play(bool arrived) {
    const double now = ImGui::GetTime();
    if (!playing_ || !arrived || now < next_time_)
        return;
    const auto next = std::ranges::upper_bound(written_, *query_);
    if (next == written_.end()) {
        playing_ = false;
        return;
    }
    query_ = *next;
    next_time_ = now + 1 / static_cast<double>(pace_);
}

void TokenView::ask(const Snapshot &snapshot, const MapWanted &head, CommandQueue &commands) {
    const Asked want{head.layer, head.heads, *query_};
    if (asked_ == want)
        return;
    // While the mouse drags a slider, one question at a time.
    const bool arrived = !asked_ || (shown_ && shown_->query == asked_->query);
    if (!arrived && snapshot.busy())
        return;
    commands.push(command::ShowStrip{want.layer, want.heads, want.query});
    asked_ = want;
}

void TokenView::describe(const Timeline &timeline, uint64_t token) const {
    const Timeline::Part *part = findPart(timeline, token);
    ImGui::BeginTooltip();
    ImGui::PushTextWrapPos(28 * ImGui::GetFontSize());
    ImGui::TextUnformatted(
        say("{}, {}", tokenNumbers(token, token + 1), part ? partName(part->kind) : "").c_str());
    ImGui::TextWrapped("%s", tokenInContext(timeline, token).c_str());
    ImGui::TextUnformatted(
        say("Share of the attention: {}", percentText(static_cast<double>(shareOf(token))))
            .c_str());
    ImGui::PopTextWrapPos();
    ImGui::EndTooltip();
}

void TokenView::pointAt(const Timeline &timeline, uint64_t token, DocumentLink &link) const {
    const DocumentLink::Key key = {reinterpret_cast<uintptr_t>(shown_.get()), shown_->query, token};
    if (!link.isNew(key)) {
        link.keep(key);
        return;
    }
    const float level = token < levels_.size() ? levels_[token] : 0;
    link.point(key, timeline.document,
               marksOf(timeline, shown_->query, shown_->query + 1, token, token + 1,
                       0.3F + 0.7F * level,
                       say("{} of the attention of the query",
                           percentText(static_cast<double>(shareOf(token))))));
}

void TokenView::drawTop(const Timeline &timeline, DocumentLink &link, CommandQueue &commands) {
    constexpr ImGuiTableFlags flags = ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY |
                                      ImGuiTableFlags_BordersOuter | ImGuiTableFlags_SizingFixedFit;
    if (!ImGui::BeginTable("top keys", 3, flags, {0, ImGui::GetContentRegionAvail().y}))
        return;
    ImGui::TableSetupScrollFreeze(0, 1);
    ImGui::TableSetupColumn(tr("Token"));
    ImGui::TableSetupColumn(tr("Share"));
    ImGui::TableSetupColumn(tr("Words"), ImGuiTableColumnFlags_WidthStretch);
    ImGui::TableHeadersRow();
    const float most = top_.empty() ? 0 : shareOf(top_.front());
    for (uint64_t token : top_) {
        ImGui::TableNextRow();
        ImGui::TableNextColumn();
        if (ImGui::Selectable(std::format("{}##top{}", numberText(token), token).c_str(), false,
                              ImGuiSelectableFlags_SpanAllColumns))
            jumpToToken(timeline, token, commands);
        if (ImGui::IsItemHovered() || ImGui::IsItemFocused())
            pointAt(timeline, token, link);
        ImGui::TableNextColumn();
        shareBar(shareOf(token), most);
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(tokenInContext(timeline, token).c_str());
    }
    ImGui::EndTable();
}

void TokenView::drawShares(const Timeline &timeline, DocumentLink &link, CommandQueue &commands) {
    const float em = ImGui::GetFontSize();
    const ImVec2 room = ImGui::GetContentRegionAvail();
    std::vector<TokenArc> arcs;
    const float most = top_.empty() ? 0 : shareOf(top_.front());
    for (uint64_t token : top_)
        if (most > 0 && token != shown_->query)
            arcs.push_back({token, shareOf(token) / most});
    if (const auto arc = drawArcs("arcs", {room.x, 5.5F * em}, shown_->query, arcs)) {
        const uint64_t token = arcs[*arc].to;
        describe(timeline, token);
        pointAt(timeline, token, link);
        if (ImGui::IsItemClicked())
            jumpToToken(timeline, token, commands);
    }
    const float rows = static_cast<float>(std::min(top_.size(), kTopKeys) + 1);
    const float list = std::min(
        rows * (ImGui::GetTextLineHeight() + 2 * ImGui::GetStyle().CellPadding.y + 0.1F * em),
        0.45F * room.y);
    const float strip = std::max(5 * em, ImGui::GetContentRegionAvail().y - list -
                                             2 * ImGui::GetStyle().ItemSpacing.y);
    const TokenStripEvents events =
        strip_.draw("strip", {.size = {0, strip},
                              .text = timeline.text,
                              .starts = timeline.starts,
                              .pieces = std::min<size_t>(shown_->query + 1, timeline.tokens()),
                              .levels = levels_,
                              .chosen = shown_->query});
    if (events.hovered) {
        describe(timeline, *events.hovered);
        pointAt(timeline, *events.hovered, link);
    }
    if (events.clicked)
        choose(*events.clicked);
    drawTop(timeline, link, commands);
}

std::string TokenView::asText(const Timeline &timeline) const {
    std::string text =
        say("# Token {}: {}\n", shown_->query, tokenInContext(timeline, shown_->query));
    for (uint64_t token : top_)
        text +=
            std::format("{}\t{:.6g}\t{}\n", token, shareOf(token), tokenInContext(timeline, token));
    return text;
}

void TokenView::draw(const Snapshot &snapshot, const MapWanted &head, DocumentLink &link,
                     CommandQueue &commands) {
    take(snapshot, head);
    if (timeline_->tokens() == 0)
        return;
    const Timeline &timeline = *timeline_;
    drawChoice(timeline);
    drawPlayer();
    const bool arrived = shown_ && shown_->query == *query_;
    play(arrived);
    ask(snapshot, head, commands);
    if (!arrived && (!shown_ || !snapshot.busy())) { // a line for each token would flicker
        ImGui::TextDisabled("%s", snapshot.busy() ? tr("The shares are being computed...")
                                                  : tr("The shares are not there yet."));
        ImGui::SameLine();
        if (!snapshot.busy() && ImGui::SmallButton(tr("Ask again")))
            asked_.reset();
    }
    if (shown_ && !shown_->shares.empty() && shown_->query < timeline.tokens())
        drawShares(timeline, link, commands);
}

} // namespace longscope::ui
