#include "compute/document/library_words.h"

#include "compute/core/text.h"
#include "compute/document/characters.h"

#include <algorithm>
#include <utility>

namespace longscope::document {
namespace {

constexpr std::string_view kMark = "\xE2\x80\x8B"; ///< U+200B, a space of no width

// Numbers that are no digits: "²", "½", "③".
constexpr std::pair<char32_t, char32_t> kNumbers[] = {
    {0xB2, 0xB3},     {0xB9, 0xB9},     {0xBC, 0xBE},     {0x2070, 0x2089},
    {0x2150, 0x2189}, {0x2460, 0x249B}, {0x24EA, 0x24FF}, {0x2776, 0x2793}};

/// Whether the index has the character: of signs alone it makes no word, and a query for none finds
/// nothing.
bool isIndexed(char32_t code) {
    return isLetter(code) || isDigit(code) || isIdeographic(code) ||
           std::ranges::any_of(
               kNumbers, [=](auto range) { return range.first <= code && code <= range.second; });
}

} // namespace

std::string indexForm(std::string_view text) {
    std::string form;
    size_t copied = 0; // where nothing changes nothing is decoded
    for (size_t at = 0; at < text.size();) {
        if (static_cast<unsigned char>(text[at]) < 0xE0) { // no such script below U+0800
            ++at;
            continue;
        }
        Character character = characterAt(text, at);
        if (isIdeographic(character.code)) {
            form += text.substr(copied, at - copied);
            form += kMark;
            form += text.substr(at, character.length);
            form += kMark;
            copied = at + character.length;
        }
        at += character.length;
    }
    form += text.substr(copied);
    return form;
}

std::string withoutMarks(std::string_view indexed) {
    std::string text;
    for (size_t at = 0; at < indexed.size();) {
        size_t mark = std::min(indexed.find(kMark, at), indexed.size());
        text += indexed.substr(at, mark - at);
        at = mark + kMark.size();
    }
    return text;
}

std::vector<std::string> wordsOf(std::string_view text) {
    const std::string valid = repairUtf8(text);
    std::vector<std::string> words;
    std::string word;
    bool has_letter = false;
    auto finish = [&] {
        if (has_letter)
            words.push_back(word);
        word.clear();
        has_letter = false;
    };
    for (size_t at = 0; at < valid.size();) {
        Character character = characterAt(valid, at);
        if (character.code <= U' ' || isSpace(character.code)) {
            finish();
        } else {
            has_letter = has_letter || isIndexed(character.code);
            word.append(valid, at, character.length);
        }
        at += character.length;
    }
    finish();
    return words;
}

// Between quotes everything is text, a quote itself is doubled.
std::string queryOf(const std::string &word, bool beginning) {
    std::string query = "\"";
    for (char c : indexForm(word))
        query += c == '"' ? std::string("\"\"") : std::string(1, c);
    return query + (beginning ? "\"*" : "\"");
}

} // namespace longscope::document
