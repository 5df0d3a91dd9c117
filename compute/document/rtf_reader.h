// The reader of RTF, in two parts: rtf.cpp obeys its words, rtf_text.cpp writes the document.
#pragma once

#include "compute/document/document.h"
#include "compute/document/rtf_words.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

constexpr int kRtfBodyText = 9; // outline levels are 0 to 8

struct RtfState {
    RtfGroup group = RtfGroup::text;
    bool group_begins = true;   ///< a destination's word may come
    bool hidden = false;        ///< \v
    uint8_t fallback_bytes = 1; ///< characters to skip after \u
    uint16_t code_page = 0;     ///< of the font; 0 = the file's
    int outline = kRtfBodyText;
    int style = 0;
    bool in_table = false;
};

struct RtfWord {
    std::string_view name;
    bool has_number = false;
    int number = 0;
};

class RtfReader {
  public:
    explicit RtfReader(std::string_view bytes) : bytes_(bytes) {}
    Document read();

  private:
    RtfState &state() { return states_.back(); }
    void open();
    void close();
    void readControl();
    RtfWord readWord();
    void obey(const RtfWord &word);
    void obeyFormat(const RtfWord &word);
    bool obeyDestination(const RtfWord &word);
    bool obeyBreak(std::string_view name);
    void addByte(char byte);
    void addUnit(int number);
    void addText(std::string_view text);
    void addCode(char32_t code);
    void flushBytes();
    void endParagraph();
    void endRow();
    void endMark();
    void endStyle();
    std::string &out();
    bool drops() const {
        RtfGroup group = states_.back().group;
        return group == RtfGroup::skipped || group == RtfGroup::fonts || group == RtfGroup::info;
    }

    std::string_view bytes_;
    size_t at_ = 0;
    std::vector<RtfState> states_ = {RtfState{}};
    Document document_;
    std::string pending_; ///< bytes of one code page, not converted yet
    uint16_t pending_page_ = 0;
    char32_t high_half_ = 0; ///< of a pair of \u
    size_t skip_ = 0;        ///< fallback characters left after \u
    uint16_t file_page_ = 1252;
    int font_ = 0;                  ///< of the font table
    std::map<int, uint16_t> fonts_; ///< code pages
    int style_ = 0;                 ///< of the style sheet
    std::map<int, int> styles_;     ///< outline levels
    std::string style_name_;
    size_t start_ = 0;      ///< of the paragraph that is being written
    size_t mark_start_ = 0; ///< of the list mark
    bool row_ = false;      ///< the paragraph is a row of a table
    size_t replaced_ = 0, removed_ = 0;
};

} // namespace longscope::document
