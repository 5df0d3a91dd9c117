#include "ui/panels/chat_text.h"

#include "compute/core/text.h"
#include "ui/widgets/quantity.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

namespace longscope::ui {
namespace {

/// Tasks that are over sooner are not worth a line that comes and goes (counting a draft).
constexpr double kNoticedSeconds = 0.25;
constexpr uint64_t kBytesOfToken = 4; ///< in English, about

constexpr std::array<std::string_view, 22> kAbbreviations = {
    "mr", "mrs", "ms",  "dr", "prof", "st",     "no", "vs", "etc", "e.g", "i.e",
    "cf", "fig", "vol", "pp", "p",    "approx", "ca", "jr", "sr",  "inc", "z.b"};

bool isBlank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// True when the stop at `at` belongs to an abbreviation, an initial or a list number ("1. Steel").
bool stopsNothing(std::string_view text, size_t first, size_t at) {
    size_t word = at;
    while (word > first && !isBlank(text[word - 1]) && text[word - 1] != '(')
        word--;
    const std::string lower = asciiLower(text.substr(word, at - word));
    if (lower.size() == 1 && std::isalpha(static_cast<unsigned char>(lower[0])) && lower != "i")
        return true;
    if (word == first && lower.find_first_not_of("0123456789") == std::string::npos)
        return true;
    return std::find(kAbbreviations.begin(), kAbbreviations.end(), lower) != kAbbreviations.end();
}

/// Signs of Markdown that open a line and are no words: "- ", "## ", "> ", "12. ".
size_t afterMarkers(std::string_view line) {
    size_t at = line.find_first_not_of(" \t");
    while (at != std::string_view::npos) {
        size_t sign = at;
        if (line[at] == '#')
            sign = std::min(line.find_first_not_of('#', at), line.size());
        else if (std::string_view("-*+>").find(line[at]) != std::string_view::npos)
            sign = at + 1;
        else if (size_t end = line.find_first_not_of("0123456789", at);
                 end != std::string_view::npos && end > at &&
                 (line[end] == '.' || line[end] == ')'))
            sign = end + 1;
        if (sign == at || (sign < line.size() && line[sign] != ' '))
            return at; // a word, "**bold**", "-5", "6.4"
        at = line.find_first_not_of(" \t", sign);
    }
    return line.size();
}

/// Cuts a run of lines that belong together into sentences.
void cutBlock(std::string_view text, size_t start, size_t end, std::vector<Range> &out) {
    size_t first = start;
    auto close = [&](size_t at) {
        while (first < at && isBlank(text[first]))
            first++;
        size_t last = at;
        while (last > first && isBlank(text[last - 1]))
            last--;
        if (last > first)
            out.push_back({first, last});
        first = at;
    };
    for (size_t at = start; at < end; at++) {
        if (text[at] != '.' && text[at] != '!' && text[at] != '?')
            continue;
        size_t after = at + 1; // quotes, brackets and stars that close belong to the sentence
        while (after < end &&
               std::string_view("\"')]*_.!?").find(text[after]) != std::string_view::npos)
            after++;
        if (after + 2 < end && text.substr(after, 3) == "\u201D")
            after += 3;
        if (after < end && !isBlank(text[after]))
            continue;
        if (text[at] == '.' && stopsNothing(text, first, at))
            continue;
        close(after);
        at = after - 1;
    }
    close(end);
}

std::string roleHeading(const Message &message) {
    return "**" + authorText(message) + "**";
}

} // namespace

std::vector<Range> sentencesOf(std::string_view text) {
    std::vector<Range> sentences;
    size_t block = 0, block_end = 0; // lines of a paragraph that were seen so far
    bool in_code = false;
    auto endBlock = [&] {
        if (block_end > block)
            cutBlock(text, block, block_end, sentences);
        block = block_end = 0;
    };
    for (size_t at = 0; at < text.size();) {
        const size_t stop = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, stop - at);
        const size_t skip = afterMarkers(line);
        const bool fence = line.substr(std::min(skip, line.size())).starts_with("```");
        if (fence || in_code || skip == line.size()) {
            endBlock();
            in_code = in_code != fence;
        } else {
            if (skip > 0 || block_end == 0) {
                endBlock();
                block = at + skip;
            }
            block_end = stop;
        }
        at = stop + 1;
    }
    endBlock();
    return sentences;
}

std::vector<Range> rangesIn(std::string_view text, const std::vector<CheckedSentence> &sentences) {
    std::vector<Range> ranges;
    size_t from = 0;
    for (const CheckedSentence &sentence : sentences) {
        size_t at = text.find(sentence.text, from);
        if (at == std::string_view::npos)
            at = text.find(sentence.text);
        if (at == std::string_view::npos || sentence.text.empty()) {
            ranges.push_back({});
            continue;
        }
        ranges.push_back({at, at + sentence.text.size()});
        from = ranges.back().end;
    }
    return ranges;
}

std::string plainText(std::string_view markdown) {
    std::string text;
    for (size_t i = 0; i < markdown.size(); i++) {
        const bool alone = i > 0 && i + 1 < markdown.size() && isBlank(markdown[i - 1]) &&
                           isBlank(markdown[i + 1]); // "2 * 3"
        if ((markdown[i] == '*' && !alone) || markdown[i] == '`')
            continue;
        text += markdown[i];
    }
    return text;
}

std::string shortened(std::string_view text, size_t most_bytes) {
    std::string flat(text.substr(0, characterStart(text, most_bytes)));
    if (text.size() > most_bytes)
        flat += "...";
    std::replace(flat.begin(), flat.end(), '\n', ' ');
    return flat;
}

std::string dateText(int64_t unix_s, int64_t now_unix_s) {
    const std::time_t then = static_cast<std::time_t>(unix_s),
                      now = static_cast<std::time_t>(now_unix_s);
    std::tm at{}, today{};
    if (unix_s <= 0 || !localtime_r(&then, &at) || !localtime_r(&now, &today))
        return {};
    if (at.tm_year == today.tm_year && at.tm_yday == today.tm_yday)
        return std::format("{:02}:{:02}", at.tm_hour, at.tm_min);
    const std::time_t day_before = now - 86400;
    std::tm before{};
    if (localtime_r(&day_before, &before) && at.tm_year == before.tm_year &&
        at.tm_yday == before.tm_yday)
        return tr("yesterday");
    static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::string text =
        std::format("{} {}", at.tm_mday, tr(kMonths[static_cast<size_t>(at.tm_mon)]));
    return at.tm_year == today.tm_year ? text : std::format("{} {}", text, at.tm_year + 1900);
}

std::string figuresText(const Message &message) {
    std::string text;
    if (message.prompt_tokens > 0) {
        text = say("read {}", tokensText(message.prompt_tokens));
        if (message.reused_tokens > 0)
            text += say(" ({} kept from before)",
                        countText(static_cast<double>(message.reused_tokens)));
        if (message.prompt_seconds > 0)
            text += say(" in {}", secondsText(message.prompt_seconds));
    }
    if (message.written_tokens > 0) {
        text += text.empty() ? "" : " \u00B7 ";
        text += say("wrote {}", tokensText(message.written_tokens));
        if (message.write_seconds > 0)
            text += say(
                " in {}, {} tokens/s", secondsText(message.write_seconds),
                shortNumber(static_cast<double>(message.written_tokens) / message.write_seconds));
    }
    return text;
}

std::string progressText(const TaskView &task) {
    if (task.stopping)
        return tr("stopping");
    const Progress &progress = task.progress;
    const std::string unit = progress.unit.empty() ? "" : " " + progress.unit;
    std::string text = progress.label;
    if (progress.total > 0 || progress.done > 0)
        text += text.empty() ? "" : ": ";
    if (progress.total > 0)
        text += say("{} of {}{}", countText(static_cast<double>(progress.done)),
                    countText(static_cast<double>(progress.total)), unit);
    else if (progress.done > 0)
        text += countText(static_cast<double>(progress.done)) + unit;
    if (task.rate > 0)
        text += " \u00B7 " + shortNumber(task.rate) + unit + "/s";
    if (progress.remaining_s >= 1)
        text +=
            " \u00B7 " + say("about {} left",
                             secondsText(std::max(1.0, progress.remaining_s < 100
                                                           ? double(int(progress.remaining_s + 0.5))
                                                           : progress.remaining_s)));
    else if (progress.remaining_s >= 0)
        text += std::string(" \u00B7 ") + tr("almost done");
    return text;
}

std::string readingCost(const Snapshot &snapshot, uint64_t tokens) {
    const std::string text = say("about {}", tokensText(tokens));
    const double rate = snapshot.prompt_tokens_per_second;
    return rate > 0 ? text + ", " + secondsText(static_cast<double>(tokens) / rate) : text;
}

uint64_t aboutTokens(uint64_t tokens, uint64_t text_bytes) {
    return tokens > 0 ? tokens : text_bytes / kBytesOfToken;
}

uint64_t aboutTokens(const Document &document) {
    return aboutTokens(document.token_starts ? document.token_starts->size() : 0,
                       document.text->size());
}

std::string authorText(const Message &message) {
    if (message.role == Role::user)
        return tr("You");
    const std::string &title = message.document_title;
    switch (message.kind) {
    case MessageKind::summary:
        return title.empty() ? tr("Summary") : say("Summary of {}", title);
    case MessageKind::answer:
        return title.empty() ? tr("Answer") : say("Answer about {}", title);
    case MessageKind::chat:
        break;
    }
    return tr("Model");
}

std::string conversationText(const Chat &chat) {
    std::string text = chat.title.empty() ? "" : "# " + chat.title + "\n\n";
    for (const auto &message : chat.messages) {
        text += roleHeading(*message) + "\n\n" + message->text;
        while (!text.empty() && text.back() == '\n')
            text.pop_back();
        text += "\n\n";
    }
    return text;
}

const TaskView *visibleTask(const Snapshot &snapshot) {
    for (const TaskView &task : snapshot.tasks)
        if (task.running && (task.progress.seconds >= kNoticedSeconds || task.stopping))
            return &task;
    return nullptr;
}

bool isWorking(const Snapshot &snapshot) {
    const auto &messages = snapshot.chat.messages;
    const TaskView *task = visibleTask(snapshot);
    return (task && !task->aside) || (!messages.empty() && messages.back()->growing);
}

} // namespace longscope::ui
