#include "ui/widgets/markdown_view.h"

#include "ui/strings.h"
#include "ui/theme.h"

#include <imgui.h>
#include <imgui_rich_md/internal/rich_md_internal.h> // Context
#include <imgui_rich_md/rich_md.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <utility>

namespace longscope::ui {
namespace {

/// Pieces of this many times `soft_bytes` end at any blank line, even inside of a list.
constexpr size_t kLongPiece = 8;

std::string_view withoutIndent(std::string_view line) {
    size_t first = line.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view{} : line.substr(first);
}

/// "```" or "~~~~" with up to three blanks before: the sign and how often.
struct Fence {
    char sign = 0;
    size_t count = 0;
    std::string_view rest; ///< what stands behind it
};
std::optional<Fence> fenceOf(std::string_view line) {
    std::string_view text = withoutIndent(line);
    if (line.size() - text.size() > 3 || text.empty() || (text[0] != '`' && text[0] != '~'))
        return std::nullopt;
    size_t count = text.find_first_not_of(text[0]);
    count = count == std::string_view::npos ? text.size() : count;
    std::string_view rest = text.substr(count);
    if (count < 3 || (text[0] == '`' && rest.find('`') != std::string_view::npos))
        return std::nullopt;
    return Fence{text[0], count, rest};
}

bool startsListItem(std::string_view line) {
    std::string_view text = withoutIndent(line);
    if (text.size() >= 2 && (text[0] == '-' || text[0] == '*' || text[0] == '+') && text[1] == ' ')
        return true;
    size_t digits = text.find_first_not_of("0123456789");
    return digits != std::string_view::npos && digits > 0 && digits < 10 &&
           (text[digits] == '.' || text[digits] == ')');
}

std::string firstWord(std::string_view text) {
    text = withoutIndent(text);
    return std::string(text.substr(0, text.find_first_of(" \t\r{")));
}

/// Walks over the lines and closes pieces.
class Splitter {
  public:
    Splitter(std::string_view text, size_t soft_bytes) : text_(text), soft_bytes_(soft_bytes) {}

    std::vector<MarkdownPiece> split() {
        for (size_t at = 0; at < text_.size();) {
            size_t stop = text_.find('\n', at);
            stop = stop == std::string_view::npos ? text_.size() : stop + 1;
            line(at, stop);
            at = stop;
        }
        if (open_fence_)
            closeCode(text_.size(), text_.size());
        else
            close(text_.size());
        return std::move(pieces_);
    }

  private:
    void line(size_t at, size_t stop) {
        std::string_view line = text_.substr(at, stop - at);
        while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
            line.remove_suffix(1);
        const std::optional<Fence> fence = fenceOf(line);
        if (open_fence_) {
            if (fence && fence->sign == open_fence_->sign && fence->count >= open_fence_->count &&
                withoutIndent(fence->rest).empty())
                closeCode(at, stop);
            return;
        }
        // A fence that belongs to a list item stays with it: it is indented, or the item was just
        // above.
        if (fence && line.front() == fence->sign) {
            close(at);
            open_fence_ = fence;
            code_.language = firstWord(fence->rest);
            code_.code_start = stop;
            return;
        }
        const bool blank = withoutIndent(line).empty();
        if (!blank && after_blank_ && line.front() != ' ' && line.front() != '\t') {
            const size_t length = at - start_;
            if (length > kLongPiece * soft_bytes_ ||
                (length > soft_bytes_ && !startsListItem(line)))
                close(at);
        }
        after_blank_ = blank;
    }

    void close(size_t at) {
        if (at > start_)
            pieces_.push_back({.start = start_, .end = at, .language = {}});
        start_ = at;
    }

    void closeCode(size_t code_end, size_t end) {
        code_.start = start_;
        code_.end = end;
        code_.is_code = true;
        code_.code_end = std::max(code_end, code_.code_start);
        pieces_.push_back(std::exchange(code_, {}));
        open_fence_.reset();
        start_ = end;
        after_blank_ = true;
    }

    std::string_view text_;
    size_t soft_bytes_, start_ = 0;
    bool after_blank_ = false;
    std::optional<Fence> open_fence_;
    MarkdownPiece code_;
    std::vector<MarkdownPiece> pieces_;
};

/// imgui_rich_md counts its texts of a frame and makes that number part of their identifiers; as
/// pieces come into view and leave it, selections and menus would go from one to another. Here each
/// counts as the first: the caller's PushID tells them apart.
void renderInOwnScope(const std::string &markdown) {
    RichMd::Context *context = RichMd::GetCurrentContext();
    if (!context)
        return;
    const int frame = std::exchange(context->fragmentFrame, ImGui::GetFrameCount());
    const int counter = std::exchange(context->fragmentCounter, 0);
    pushMarkdown();
    RichMd::RenderRaw(markdown);
    ImGui::PopFont();
    context->fragmentFrame = frame;
    context->fragmentCounter = counter;
}

} // namespace

std::vector<MarkdownPiece> splitMarkdown(std::string_view text, size_t soft_bytes) {
    return Splitter(text, soft_bytes).split();
}

void drawCodeBlock(const char *id, std::string_view code, std::string_view language) {
    while (!code.empty() && (code.back() == '\n' || code.back() == '\r'))
        code.remove_suffix(1);
    const ImGuiStyle &style = ImGui::GetStyle();
    std::vector<std::string_view> lines;
    for (size_t at = 0; at <= code.size();) {
        const size_t stop = std::min(code.find('\n', at), code.size());
        lines.push_back(code.substr(at, stop - at));
        at = stop + 1;
    }
    ImGui::PushID(id);
    pushMono();
    const float line_height = ImGui::GetTextLineHeight();
    float widest = 0;
    for (std::string_view line : lines)
        widest = std::max(widest, ImGui::CalcTextSize(line.data(), line.data() + line.size()).x);
    ImGui::PopFont();
    const float pad = std::round(0.5F * ImGui::GetFontSize());
    const float head = ImGui::GetTextLineHeight() + pad;
    const bool scrolls = widest + 2 * pad > ImGui::GetContentRegionAvail().x;
    // The height is known without drawing, so that a block out of view keeps its place.
    const float height = head + line_height * static_cast<float>(lines.size()) + pad +
                         (scrolls ? style.ScrollbarSize : 0);
    ImGui::PushStyleColor(ImGuiCol_ChildBg, codeGround());
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {pad, pad / 2});
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {style.ItemSpacing.x, 0});
    if (ImGui::BeginChild("code", {0, height}, ImGuiChildFlags_AlwaysUseWindowPadding,
                          ImGuiWindowFlags_HorizontalScrollbar)) {
        const float left = ImGui::GetCursorPosX(), top = ImGui::GetCursorPosY();
        const float scroll = ImGui::GetScrollX();
        pushSmall();
        ImGui::SetCursorPosX(left + scroll);
        ImGui::TextColored(mutedText(), "%.*s", static_cast<int>(language.size()), language.data());
        const char *copy = tr("Copy");
        ImGui::SetCursorPos({scroll + ImGui::GetWindowWidth() - pad - ImGui::CalcTextSize(copy).x -
                                 2 * style.FramePadding.x,
                             top});
        if (ImGui::SmallButton(copy))
            ImGui::SetClipboardText(std::string(code).c_str());
        ImGui::PopFont();
        ImGui::SetCursorPos({left, top + head - pad / 2});
        pushMono();
        ImGuiListClipper clipper;
        clipper.Begin(static_cast<int>(lines.size()), line_height);
        while (clipper.Step())
            for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; i++) {
                std::string_view line = lines[static_cast<size_t>(i)];
                ImGui::TextUnformatted(line.data(), line.data() + line.size());
            }
        ImGui::PopFont();
    }
    ImGui::EndChild();
    ImGui::PopStyleVar(2);
    ImGui::PopStyleColor();
    ImGui::PopID();
}

void MarkdownView::split(const std::string &text) {
    std::vector<MarkdownPiece> places = splitMarkdown(text);
    std::vector<Piece> pieces;
    pieces.reserve(places.size());
    for (MarkdownPiece &place : places) {
        Piece piece;
        piece.hash = std::hash<std::string_view>{}(
            std::string_view(text).substr(place.start, place.end - place.start));
        piece.where = std::move(place);
        // While a text grows only its last piece is another one.
        const size_t i = pieces.size();
        if (i < pieces_.size() && pieces_[i].hash == piece.hash)
            piece.height = pieces_[i].height;
        pieces.push_back(std::move(piece));
    }
    pieces_ = std::move(pieces);
}

void MarkdownView::drawPiece(const std::string &text, Piece &piece,
                             const std::function<void()> &menu) {
    const MarkdownPiece &where = piece.where;
    const std::string_view all(text);
    if (where.is_code) {
        drawCodeBlock("block", all.substr(where.code_start, where.code_end - where.code_start),
                      where.language);
        ImGui::Spacing();
        return;
    }
    renderInOwnScope(text.substr(where.start, where.end - where.start));
    // The same identifier as in imgui_rich_md: items join the menu that it opened.
    ImGui::PushID(0);
    if (menu && ImGui::IsPopupOpen("##rich_md_selection_menu") &&
        ImGui::BeginPopup("##rich_md_selection_menu")) {
        ImGui::Separator();
        menu();
        ImGui::EndPopup();
    }
    ImGui::PopID();
}

void MarkdownView::draw(const std::string &text, bool changed, const std::function<void()> &menu) {
    if (changed)
        split(text);
    const float width = ImGui::GetContentRegionAvail().x;
    if (std::abs(width - width_) > 0.5F || font_size_ != ImGui::GetFontSize()) {
        width_ = width;
        font_size_ = ImGui::GetFontSize();
        for (Piece &piece : pieces_)
            piece.height = -1;
    }
    for (size_t i = 0; i < pieces_.size(); i++) {
        Piece &piece = pieces_[i];
        if (piece.height >= 0 &&
            !ImGui::IsRectVisible({std::max(width, 1.0F), std::max(piece.height, 1.0F)})) {
            const float spacing = ImGui::GetStyle().ItemSpacing.y;
            ImGui::Dummy({0, std::max(piece.height - spacing, 0.0F)});
            continue;
        }
        const float top = ImGui::GetCursorPosY();
        ImGui::PushID(static_cast<int>(i));
        drawPiece(text, piece, menu);
        ImGui::PopID();
        piece.height = ImGui::GetCursorPosY() - top;
    }
}

} // namespace longscope::ui
