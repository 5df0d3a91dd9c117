#include "compute/document/library_words.h"

#include "compute/core/text.h"
#include "compute/document/characters.h"

namespace longscope::document {
namespace {

constexpr std::string_view kMark = "\xE2\x80\x8B"; ///< U+200B, a space of no width

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
    std::vector<std::string> words;
    std::string word;
    bool has_letter = false;
    auto finish = [&] {
        if (has_letter)
            words.push_back(word);
        word.clear();
        has_letter = false;
    };
    for (char c : repairUtf8(text)) {
        auto byte = static_cast<unsigned char>(c);
        if (byte <= ' ') {
            finish();
            continue;
        }
        has_letter = has_letter || byte >= 0x80 || (byte >= '0' && byte <= '9') ||
                     ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
        word += c;
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
