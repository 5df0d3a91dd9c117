#include "compute/reading/sentence_stream.h"

#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/sentences.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <span>

namespace longscope::reading {
namespace {

constexpr size_t kPhrase = 4;          // words; a shared one makes a sentence a repetition
constexpr double kRepeats = 0.8;       // share of known phrases from which on it says the same
constexpr size_t kLoop = 12;           // words that no summary says twice
constexpr size_t kFewestListWords = 5; // a line without a stop is a list item or a title

std::string join(std::span<const std::string> words) {
    std::string out;
    for (const std::string &word : words)
        out += word + ' ';
    return out;
}

/// "- ", "## ", "**", "3. " at the start of a line that a model writes as Markdown.
std::string_view withoutMarks(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of("-*#> \t"), line.size()));
    return line.substr(numberMarkLength(line, 2));
}

std::string plainText(std::string_view line) {
    std::string text(withoutMarks(line));
    for (size_t at = text.find("**"); at != std::string::npos; at = text.find("**"))
        text.erase(at, 2);
    std::ranges::replace(text, '\n', ' ');
    size_t start = 0, end = text.size();
    document::trim(text, start, end);
    return text.substr(start, end - start);
}

struct Unit {
    size_t start = 0, end = 0;
    bool line_ended = false; ///< a line end follows
};

std::vector<Unit> unitsOf(std::string_view text, size_t from) {
    std::vector<Unit> units;
    for (size_t start = from; start < text.size();) {
        size_t end = std::min(text.find('\n', start), text.size());
        for (document::Span span : document::sentenceSpans(text.substr(start, end - start)))
            units.push_back({start + span.start, start + span.end, end < text.size()});
        start = end + 1;
    }
    return units;
}

} // namespace

std::vector<std::string> SentenceStream::push(std::string_view text, bool ended) {
    std::vector<std::string> out;
    std::vector<Unit> units = unitsOf(text, consumed_);
    for (size_t i = 0; i < units.size() && !shouldStop(); ++i) {
        bool last = i + 1 == units.size();
        if (!ended && !units[i].line_ended) {
            // Whether "U.S." ends a sentence shows only when the next word is whole.
            bool next_word_whole =
                !last && text.find_first_of(" \n", units[i + 1].start) != text.npos;
            if (!next_word_whole)
                break;
        }
        take(text.substr(units[i].start, units[i].end - units[i].start), last && ended, out);
        consumed_ = units[i].end;
    }
    looping_ = looping_ || seesLoop(text);
    return out;
}

void SentenceStream::take(std::string_view unit, bool last, std::vector<std::string> &out) {
    std::string text = plainText(unit);
    std::vector<std::string> words = plainWords(text);
    bool stop = document::hasFinalStop(text);
    bool all_there_is = last && given_ == 0;
    // "Here is a summary:" announces, a title names; neither says anything.
    bool lead_in = text.ends_with(':') || words.size() < kFewestListWords;
    if (words.empty() || (!stop && !all_there_is && (last || lead_in)))
        return;
    using Novelty = PhraseMemory::Novelty;
    Novelty novelty = memory_.judge(words);
    if (novelty != Novelty::fresh) {
        ++dropped_;
        ++drops_in_a_row_;
        repeats_in_a_row_ = novelty == Novelty::repeats ? repeats_in_a_row_ + 1 : 0;
        looping_ = looping_ || repeats_in_a_row_ >= 2 || drops_in_a_row_ >= 3;
        return;
    }
    repeats_in_a_row_ = drops_in_a_row_ = 0;
    if (given_ > 0 && words_ + words.size() > most_words_) {
        full_ = true;
        return;
    }
    memory_.remember(words);
    words_ += words.size();
    ++given_;
    full_ = words_ >= most_words_;
    out.push_back(std::move(text));
}

PhraseMemory::Novelty PhraseMemory::judge(const std::vector<std::string> &words) const {
    if (sentences_.contains(join(words)))
        return Novelty::repeats;
    if (words.size() < kPhrase)
        return Novelty::fresh;
    size_t known = 0, all = words.size() - kPhrase + 1;
    std::unordered_set<std::string> own;
    for (size_t i = 0; i < all; ++i) {
        std::string phrase = join(std::span(words).subspan(i, kPhrase));
        known += phrases_.contains(phrase) || !own.insert(phrase).second;
    }
    if (static_cast<double>(known) > kRepeats * static_cast<double>(all))
        return Novelty::repeats;
    return known > 0 ? Novelty::shares_phrase : Novelty::fresh;
}

void PhraseMemory::remember(const std::vector<std::string> &words) {
    sentences_.insert(join(words));
    for (size_t i = 0; i + kPhrase <= words.size(); ++i)
        phrases_.insert(join(std::span(words).subspan(i, kPhrase)));
}

bool SentenceStream::seesLoop(std::string_view text) const {
    std::vector<std::string> words = plainWords(text);
    std::unordered_set<std::string> seen;
    for (size_t i = 0; i + kLoop <= words.size(); ++i)
        if (!seen.insert(join(std::span(words).subspan(i, kLoop))).second)
            return true;
    return false;
}

} // namespace longscope::reading
