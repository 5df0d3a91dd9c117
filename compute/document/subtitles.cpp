// SubRip and WebVTT to running text. Cues end where the screen ends, not where a sentence does:
// they are joined, and paragraphs are made where a speaker changes or pauses, or enough was said.
#include "compute/document/characters.h"
#include "compute/document/formats.h"
#include "compute/document/sentences.h"

#include <algorithm>
#include <format>
#include <optional>
#include <utility>
#include <vector>

namespace longscope::document {
namespace {

constexpr size_t kLongParagraph = 600;     // bytes; the next end of a sentence ends it
constexpr size_t kLongestParagraph = 1500; // bytes, without any stop
constexpr size_t kLongestTag = 200;        // bytes
constexpr uint64_t kPauseMs = 3000;
constexpr uint64_t kSectionMs = 5 * 60'000;
constexpr uint64_t kSectionsFromMs = 2 * kSectionMs; ///< shorter ones have no headings

struct Cue {
    uint64_t start_ms = 0, end_ms = 0;
    std::vector<std::string> lines;
};

/// "01:02:03,456", "02:03.456" at the beginning of `text`, which loses it.
std::optional<uint64_t> takeTime(std::string_view &text) {
    uint64_t parts[3] = {}, count = 0, ms = 0;
    for (;;) {
        size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
        if (digits == 0 || digits > 4 || count == 3)
            return {};
        for (char c : text.substr(0, digits))
            parts[count] = parts[count] * 10 + static_cast<uint64_t>(c - '0');
        ++count;
        text.remove_prefix(digits);
        if (!text.starts_with(':'))
            break;
        text.remove_prefix(1);
    }
    if (count < 2)
        return {};
    if (text.starts_with('.') || text.starts_with(',')) {
        size_t digits = std::min(text.find_first_not_of("0123456789", 1), text.size()) - 1;
        uint64_t scale = 100;
        for (char c : text.substr(1, std::min<size_t>(digits, 3))) {
            ms += scale * static_cast<uint64_t>(c - '0');
            scale /= 10;
        }
        text.remove_prefix(digits + 1);
    }
    for (uint64_t i = 0; i < count; ++i)
        parts[0] = i == 0 ? parts[0] : parts[0] * 60 + parts[i];
    return parts[0] * 1000 + ms;
}

/// "00:00:01,000 --> 00:00:04,000", with settings after it in WebVTT.
std::optional<Cue> readTiming(std::string_view line) {
    Cue cue;
    line = trimmed(line);
    std::optional<uint64_t> start = takeTime(line);
    line = trimmed(line);
    if (!start || !line.starts_with("-->"))
        return {};
    line = trimmed(line.substr(3));
    std::optional<uint64_t> end = takeTime(line);
    if (!end)
        return {};
    cue.start_ms = *start;
    cue.end_ms = *end;
    return cue;
}

struct Entity {
    std::string_view name, text;
};
constexpr Entity kEntities[] = {
    {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&nbsp;", " "}, {"&lrm;", ""}, {"&rlm;", ""},
};

/// Without "<i>", "<00:01.000>", "{\an8}"; a voice "<v Mary>" becomes "Mary: ".
std::string withoutMarks(std::string_view line) {
    std::string out;
    for (size_t at = 0; at < line.size();) {
        std::string_view rest = line.substr(at);
        char close = rest[0] == '<' ? '>' : rest.starts_with("{\\") ? '}' : '\0';
        size_t end = close ? rest.substr(0, kLongestTag).find(close) : rest.npos;
        if (end != rest.npos) {
            std::string_view tag = rest.substr(1, end - 1);
            size_t name = tag.find(' ');
            bool voice = close == '>' && (tag.starts_with("v ") || tag.starts_with("v.")) &&
                         name != tag.npos;
            if (voice)
                out += std::format("{}: ", trimmed(tag.substr(name)));
            at += end + 1;
            continue;
        }
        const auto *entity = std::ranges::find_if(
            kEntities, [&](const Entity &e) { return rest.starts_with(e.name); });
        if (entity != std::end(kEntities)) {
            out += entity->text;
            at += entity->name.size();
        } else {
            out += line[at++];
        }
    }
    return std::string(trimmed(out));
}

std::vector<Cue> readCues(std::string_view text) {
    std::vector<Cue> cues;
    bool in_cue = false;
    for (size_t start = 0; start < text.size();) {
        size_t end = std::min(text.find('\n', start), text.size());
        std::string_view line = text.substr(start, end - start);
        start = end + 1;
        if (std::optional<Cue> cue = line.contains("-->") ? readTiming(line) : std::nullopt) {
            cues.push_back(std::move(*cue));
            in_cue = true;
        } else if (trimmed(line).empty()) {
            in_cue = false; // numbers, notes and styles stand between here and the next time
        } else if (in_cue) {
            if (std::string words = withoutMarks(line); !words.empty())
                cues.back().lines.push_back(std::move(words));
        }
    }
    return cues;
}

std::string timeCode(uint64_t ms) {
    uint64_t seconds = ms / 1000;
    return std::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

bool opensSpeech(std::string_view line) {
    return line.starts_with("- ") || line.starts_with("\u2013 ") || line.starts_with(">>") ||
           (line.size() > 1 && line[0] == '-' && line[1] != '-' &&
            !isDigit(static_cast<unsigned char>(line[1])));
}

/// Of "Mary: " or "MARY JONES: " at the beginning: the name, or "".
std::string_view speakerOf(std::string_view line) {
    size_t colon = line.substr(0, 32).find(": ");
    bool name = colon != line.npos && colon > 0 && isUpper(characterAt(line, 0).code) &&
                std::ranges::count(line.substr(0, colon), ' ') <= 2;
    return line.substr(0, name ? colon : 0);
}

class Transcript {
  public:
    Document write(const std::vector<Cue> &cues);

  private:
    void addCue(const Cue &cue, uint64_t pause_ms);
    void endParagraph();
    void beginSection(uint64_t ms);
    size_t written() const { return document_.text.size() - start_; }

    Document document_;
    size_t start_ = 0;
    uint64_t next_section_ms_ = 0;
    std::string last_line_, speaker_;
};

void Transcript::endParagraph() {
    if (written() == 0)
        return;
    addParagraph(document_, start_, document_.text.size(), true);
    document_.text += "\n\n";
    start_ = document_.text.size();
}

void Transcript::beginSection(uint64_t ms) {
    endParagraph();
    document_.text += timeCode(ms / kSectionMs * kSectionMs);
    addHeading(document_, start_, document_.text.size(), 1);
    document_.text += "\n\n";
    start_ = document_.text.size();
    next_section_ms_ = (ms / kSectionMs + 1) * kSectionMs;
}

void Transcript::addCue(const Cue &cue, uint64_t pause_ms) {
    std::string_view so_far = document_.span(start_, document_.text.size());
    bool stopped = hasFinalStop(so_far.substr(so_far.size() - std::min<size_t>(so_far.size(), 64)));
    if ((stopped && (pause_ms >= kPauseMs || written() > kLongParagraph)) ||
        written() > kLongestParagraph)
        endParagraph();
    bool sections = next_section_ms_ != UINT64_MAX;
    if (sections && cue.start_ms >= next_section_ms_ && (written() == 0 || stopped))
        beginSection(cue.start_ms);
    bool labelled = false;
    for (const std::string &line : cue.lines) {
        if (line == last_line_) // captions that roll show each line twice
            continue;
        std::string_view speaker = speakerOf(line), words = line;
        bool same = !speaker.empty() && speaker == speaker_; // WebVTT names it in each cue
        if (same)
            words.remove_prefix(speaker.size() + 2);
        else if (opensSpeech(line) || !speaker.empty())
            endParagraph();
        if (opensSpeech(line) || !speaker.empty())
            speaker_ = speaker;
        if (written() > 0)
            document_.text += ' ';
        if (!std::exchange(labelled, true))
            document_.pages.push_back({document_.text.size(), timeCode(cue.start_ms)});
        document_.text += words;
        last_line_ = line;
    }
}

Document Transcript::write(const std::vector<Cue> &cues) {
    uint64_t end_ms = 0, last_ms = 0;
    for (const Cue &cue : cues)
        end_ms = std::max(end_ms, cue.end_ms);
    if (end_ms < kSectionsFromMs)
        next_section_ms_ = UINT64_MAX;
    for (const Cue &cue : cues) {
        addCue(cue, cue.start_ms > last_ms ? cue.start_ms - last_ms : 0);
        last_ms = cue.end_ms;
    }
    endParagraph();
    return std::move(document_);
}

} // namespace

Document readSubtitles(std::string_view text) {
    return Transcript().write(readCues(text));
}

} // namespace longscope::document
