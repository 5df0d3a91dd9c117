#include "app/desk/export_html.h"

#include "compute/core/error.h"

#include <md4c.h>

#include <format>

namespace longscope::app {
namespace {

constexpr unsigned kDialect = MD_DIALECT_GITHUB | MD_FLAG_NOHTML;

bool isSafeLink(std::string_view address) {
    return address.starts_with("https://") || address.starts_with("http://") ||
           address.starts_with("mailto:");
}

std::string_view viewOf(const MD_ATTRIBUTE &attribute) {
    return attribute.text ? std::string_view(attribute.text, attribute.size) : std::string_view();
}

const char *alignment(MD_ALIGN align) {
    switch (align) {
    case MD_ALIGN_LEFT:
        return " style=\"text-align: left\"";
    case MD_ALIGN_CENTER:
        return " style=\"text-align: center\"";
    case MD_ALIGN_RIGHT:
        return " style=\"text-align: right\"";
    default:
        return "";
    }
}

/// Gets what md4c finds, in order, and writes tags. Safe links nest in nothing, so one flag does.
class HtmlWriter {
  public:
    std::string out;

    void block(MD_BLOCKTYPE type, void *detail, bool enter) {
        switch (type) {
        case MD_BLOCK_DOC:
            break;
        case MD_BLOCK_HR:
            out += enter ? "<hr>\n" : "";
            break;
        case MD_BLOCK_H:
            tag(std::format("h{}", 2 + static_cast<MD_BLOCK_H_DETAIL *>(detail)->level), "", enter);
            break;
        case MD_BLOCK_CODE:
            out += enter ? "<pre><code>" : "</code></pre>\n";
            break;
        case MD_BLOCK_OL: {
            unsigned start = static_cast<MD_BLOCK_OL_DETAIL *>(detail)->start;
            tag("ol", start == 1 ? "" : std::format(" start=\"{}\"", start), enter);
            break;
        }
        case MD_BLOCK_LI: {
            auto *item = static_cast<MD_BLOCK_LI_DETAIL *>(detail);
            tag("li", "", enter);
            if (enter && item->is_task)
                out += item->task_mark == ' ' ? "\xE2\x98\x90 " : "\xE2\x98\x91 ";
            break;
        }
        case MD_BLOCK_TH:
        case MD_BLOCK_TD:
            tag(type == MD_BLOCK_TH ? "th" : "td",
                alignment(static_cast<MD_BLOCK_TD_DETAIL *>(detail)->align), enter);
            break;
        default:
            tag(nameOf(type), "", enter);
        }
    }

    void span(MD_SPANTYPE type, void *detail, bool enter) {
        if (type == MD_SPAN_A) {
            std::string_view address = viewOf(static_cast<MD_SPAN_A_DETAIL *>(detail)->href);
            if (isSafeLink(address))
                out += enter ? std::format("<a href=\"{}\">", escapeHtml(address)) : "</a>";
            return;
        }
        const char *name = type == MD_SPAN_EM       ? "em"
                           : type == MD_SPAN_STRONG ? "strong"
                           : type == MD_SPAN_CODE   ? "code"
                           : type == MD_SPAN_DEL    ? "del"
                                                    : nullptr;
        if (name)
            out += std::format("<{}{}>", enter ? "" : "/", name);
    }

    void text(MD_TEXTTYPE type, std::string_view text) {
        if (type == MD_TEXT_BR)
            out += "<br>\n";
        else if (type == MD_TEXT_SOFTBR)
            out += '\n';
        else if (type == MD_TEXT_NULLCHAR)
            out += "\xEF\xBF\xBD";
        else if (type == MD_TEXT_ENTITY)
            out += text; // "&amp;" as it stands
        else
            out += escapeHtml(text);
    }

  private:
    static std::string nameOf(MD_BLOCKTYPE type) {
        switch (type) {
        case MD_BLOCK_QUOTE:
            return "blockquote";
        case MD_BLOCK_UL:
            return "ul";
        case MD_BLOCK_TABLE:
            return "table";
        case MD_BLOCK_THEAD:
            return "thead";
        case MD_BLOCK_TBODY:
            return "tbody";
        case MD_BLOCK_TR:
            return "tr";
        default:
            return "p";
        }
    }
    void tag(const std::string &name, const std::string &attributes, bool enter) {
        out += enter ? std::format("<{}{}>", name, attributes) : std::format("</{}>\n", name);
    }
};

} // namespace

std::string escapeHtml(std::string_view text) {
    std::string out;
    for (char c : text)
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            out += c;
        }
    return out;
}

std::string htmlOfMarkdown(std::string_view markdown) {
    MD_PARSER parser{};
    parser.flags = kDialect;
    parser.enter_block = [](MD_BLOCKTYPE type, void *detail, void *writer) {
        static_cast<HtmlWriter *>(writer)->block(type, detail, true);
        return 0;
    };
    parser.leave_block = [](MD_BLOCKTYPE type, void *detail, void *writer) {
        static_cast<HtmlWriter *>(writer)->block(type, detail, false);
        return 0;
    };
    parser.enter_span = [](MD_SPANTYPE type, void *detail, void *writer) {
        static_cast<HtmlWriter *>(writer)->span(type, detail, true);
        return 0;
    };
    parser.leave_span = [](MD_SPANTYPE type, void *detail, void *writer) {
        static_cast<HtmlWriter *>(writer)->span(type, detail, false);
        return 0;
    };
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *writer) {
        static_cast<HtmlWriter *>(writer)->text(type, std::string_view(text, size));
        return 0;
    };
    HtmlWriter writer;
    if (md_parse(markdown.data(), static_cast<MD_SIZE>(markdown.size()), &parser, &writer) != 0)
        fail(ErrorKind::memory, "Markdown of {} bytes could not be read", markdown.size());
    return std::move(writer.out);
}

} // namespace longscope::app
