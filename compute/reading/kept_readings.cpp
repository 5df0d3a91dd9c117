#include "compute/reading/kept_readings.h"

#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/kv_rows.h"
#include "compute/engine/session_facts.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <format>
#include <random>
#include <utility>

namespace longscope::reading {
namespace {

namespace fs = std::filesystem;
using engine::GrowingFile;
using engine::KvPages;
using engine::Session;
using engine::Token;

constexpr std::string_view kEnding = ".reading";
constexpr uint64_t kUsualMostBytes = 8'000'000'000;
constexpr double kShareOfFree = 0.2;
/// Fewer tokens are read again as fast as they come back.
constexpr uint64_t kWorthRestoring = 64;
constexpr int64_t kHalfMadeSeconds = 60; ///< nobody takes so long to a first page
constexpr uint64_t kTitleTokens = 200;
constexpr size_t kMostTitleBytes = 60;

struct File {
    std::string path;
    uint64_t bytes = 0;
    int64_t last_used_unix_s = 0, last_used_ns = 0;
};

/// Kept readings, last used first. What goes away meanwhile is not there.
std::vector<File> filesIn(const std::string &folder) {
    std::vector<File> files;
    std::error_code code;
    for (const fs::directory_entry &entry : fs::directory_iterator(folder, code)) {
        struct stat facts {};
        std::string path = entry.path().string();
        if (path.ends_with(kEnding) && ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode))
            files.push_back({path, static_cast<uint64_t>(facts.st_size), facts.st_mtim.tv_sec,
                             facts.st_mtim.tv_nsec});
    }
    std::ranges::sort(files, std::ranges::greater(), [](const File &file) {
        return std::pair(file.last_used_unix_s, file.last_used_ns);
    });
    return files;
}

/// Whether no process writes it.
bool isFree(const std::string &path) {
    int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    bool is_free = file >= 0 && ::flock(file, LOCK_EX | LOCK_NB) == 0;
    if (file >= 0)
        ::close(file);
    return is_free;
}

/// Half-made files of processes that were killed.
void removeLeftovers(const std::string &folder) {
    std::error_code code;
    std::vector<std::string> leftovers;
    for (const fs::directory_entry &entry : fs::directory_iterator(folder, code)) {
        struct stat facts {};
        std::string path = entry.path().string();
        bool is_half = entry.path().filename().string().contains(std::string(kEnding) + ".");
        if (is_half && ::stat(path.c_str(), &facts) == 0 &&
            facts.st_mtim.tv_sec + kHalfMadeSeconds < ::time(nullptr) && isFree(path))
            leftovers.push_back(path);
    }
    for (const std::string &path : leftovers)
        fs::remove(path, code);
}

void touch(const std::string &path) {
    ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0); // where that is not allowed, so be it
}

bool isPinned(const std::string &path) {
    try {
        return GrowingFile::marked(path);
    } catch (const Error &) {
        return false; // damaged
    }
}

uint64_t commonTokens(std::span<const Token> a, std::span<const Token> b) {
    return static_cast<uint64_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

std::string beginningOf(const Session &session, std::span<const Token> prompt) {
    model::StreamDecoder decoder(session.engine().tokenizer());
    std::string text;
    for (Token id : prompt.first(std::min<size_t>(prompt.size(), kTitleTokens)))
        text += decoder.push(id);
    return text;
}

} // namespace

std::string titleOf(std::string_view text) {
    // Prompts that read a document (prompts.h), and other messages of a user.
    for (std::string_view mark : {"Text:\n", "\nuser\n", "user\n"})
        if (size_t at = text.find(mark); at != std::string_view::npos) {
            text.remove_prefix(at + mark.size());
            break;
        }
    size_t start = text.find_first_not_of("# \t\r\n");
    if (start == std::string_view::npos)
        return "a text";
    text.remove_prefix(start);
    text = text.substr(0, text.find_first_of("\r\n"));
    if (text.size() <= kMostTitleBytes)
        return std::string(text);
    size_t end = 0;
    for (size_t next = 0; next <= kMostTitleBytes;
         next += std::max<size_t>(utf8Length(text, next), 1))
        end = next;
    end = text.find_last_not_of(' ', end - 1) + 1;
    return std::string(text.substr(0, end)) + "…";
}

// ---- the folder --------------------------------------------------------------------------------

KeptReadings::KeptReadings(KeptReadingsOptions options) : options_(std::move(options)) {
    std::error_code code;
    fs::create_directories(options_.folder, code);
    if (!code)
        fs::permissions(options_.folder, fs::perms::owner_all, code);
    if (code)
        fail(ErrorKind::file, "the folder {} for kept readings cannot be made: {}", options_.folder,
             code.message());
    removeLeftovers(options_.folder);
    if (options_.most_bytes > 0)
        return;
    uint64_t used = 0;
    for (const File &file : filesIn(options_.folder))
        used += file.bytes;
    fs::space_info space = fs::space(options_.folder, code);
    double free = code ? 0 : static_cast<double>(space.available + used);
    options_.most_bytes = std::min(kUsualMostBytes, static_cast<uint64_t>(kShareOfFree * free));
}

KeptReadings::~KeptReadings() = default;

std::string KeptReadings::pathOf(const std::string &id) const {
    std::string path = (fs::path(options_.folder) / (id + std::string(kEnding))).string();
    std::error_code code;
    if (id.contains('/') || !fs::is_regular_file(path, code))
        fail(ErrorKind::usage, "there is no kept reading {} in {}", id, options_.folder);
    return path;
}

/// The fingerprint, so that others need not be opened, and a name of its own.
std::string KeptReadings::newPath() const {
    std::random_device random;
    std::string name = std::format("{}-{:08x}{:08x}", fingerprint_, random(), random());
    return (fs::path(options_.folder) / (name + std::string(kEnding))).string();
}

std::vector<KeptReading> KeptReadings::list() const {
    std::vector<KeptReading> readings;
    for (const File &file : filesIn(options_.folder)) {
        KeptReading reading{.id = fs::path(file.path).stem().string(),
                            .title = {},
                            .model = {},
                            .tokens = 0,
                            .bytes = file.bytes,
                            .last_used_unix_s = file.last_used_unix_s,
                            .pinned = isPinned(file.path),
                            .problem = {}};
        try {
            KvPages pages(file.path, GrowingFile::For::reading);
            reading.title = pages.title();
            reading.model = pages.model();
            reading.tokens = pages.tokens().size();
        } catch (const Error &error) {
            reading.problem = error.what();
        }
        readings.push_back(std::move(reading));
    }
    return readings;
}

void KeptReadings::pin(const std::string &id, bool pinned) {
    GrowingFile::setMark(pathOf(id), pinned);
}

void KeptReadings::remove(const std::string &id) {
    std::error_code code;
    if (std::string path = pathOf(id); !fs::remove(path, code) && code)
        fail(ErrorKind::file, "the kept reading {} cannot be removed: {}", path, code.message());
}

uint64_t KeptReadings::purge(bool pinned_too) {
    uint64_t bytes = 0;
    for (const File &file : filesIn(options_.folder)) {
        std::error_code code;
        if ((pinned_too || !isPinned(file.path)) && fs::remove(file.path, code))
            bytes += file.bytes;
    }
    return bytes;
}

/// Lets the ones go that were used least recently, until so many bytes more are allowed. Throws
/// Error(file) when they are not.
void KeptReadings::makeRoom(uint64_t bytes) {
    std::vector<File> files = filesIn(options_.folder);
    uint64_t used = 0, pinned = 0;
    for (const File &file : files)
        used += file.bytes;
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        if (used + bytes <= options_.most_bytes)
            return;
        bool is_pinned = isPinned(file->path);
        pinned += is_pinned ? file->bytes : 0;
        std::error_code code;
        if (!is_pinned && isFree(file->path) && fs::remove(file->path, code))
            used -= file->bytes;
    }
    if (used + bytes > options_.most_bytes)
        fail(ErrorKind::file,
             "kept readings may take {}, {} are in use ({} pinned) and {} more are needed",
             formatBytes(options_.most_bytes), formatBytes(used), formatBytes(pinned),
             formatBytes(bytes));
}

// ---- a reading ---------------------------------------------------------------------------------

KeptReadings::Match KeptReadings::findBest(std::span<const Token> prompt) const {
    Match best;
    for (const File &file : filesIn(options_.folder)) {
        if (!fs::path(file.path).filename().string().starts_with(fingerprint_))
            continue;
        try {
            KvPages pages(file.path, GrowingFile::For::reading);
            uint64_t common = commonTokens(pages.tokens(), prompt);
            uint64_t usable = std::min<uint64_t>(common, prompt.size() - 1);
            if (common > best.common)
                best = {file.path, common, pages.restorable(usable), pages.tokens().size(), false};
        } catch (const Error &error) {
            if (error.kind() != ErrorKind::file)
                throw; // one that is damaged is as good as not there
        }
    }
    return best;
}

uint64_t KeptReadings::begin(Session &session, std::span<const Token> prompt,
                             const ProgressSink &progress, const std::stop_token &stop) {
    pages_.reset();
    wanted_ = false;
    if (prompt.size() < options_.least_tokens || !engine::whyNotKept(session).empty())
        return 0;
    fingerprint_ = engine::sessionFingerprint(session);
    title_ = titleOf(beginningOf(session, prompt));
    Match match = findBest(prompt);
    uint64_t restored = 0;
    if (match.restorable > session.reusable(prompt) + kWorthRestoring)
        restored = bringBack(session, match, progress, stop);
    if (!stop.stop_requested())
        prepare(match, prompt);
    return restored;
}

uint64_t KeptReadings::bringBack(Session &session, Match &match, const ProgressSink &progress,
                                 const std::stop_token &stop) {
    try {
        KvPages pages(match.path, GrowingFile::For::reading);
        pages.checkFits(session);
        auto restored = pages.restore(session, match.restorable, progress, stop);
        if (restored.is_damaged) {
            match.common = std::min(match.common, restored.tokens);
            match.is_damaged = true;
        }
        touch(match.path);
        return restored.tokens;
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::file)
            throw;
        match = {}; // went away, or is not what its name says
        return 0;
    }
}

/// Decides where this reading is kept: behind what was kept of it, in a file of its own that begins
/// as another one, or nowhere, because what is new is short.
void KeptReadings::prepare(const Match &match, std::span<const Token> prompt) {
    uint64_t rest = prompt.size() - match.common, tail = match.total - match.common;
    bool is_long = rest >= options_.least_tokens;
    bool goes_on = tail == 0 || match.is_damaged || (is_long && tail < options_.least_tokens);
    if (match.common < options_.least_tokens && !match.is_damaged) {
        wanted_ = true; // as good as nothing
        return;
    }
    if (!goes_on && !is_long)
        return;
    if (goes_on)
        wanted_ = goOn(match, prompt);
    if (!wanted_ && is_long)
        wanted_ = startFrom(match);
}

/// False when another process writes that file.
bool KeptReadings::goOn(const Match &match, std::span<const Token> prompt) {
    try {
        KvPages pages(match.path, GrowingFile::For::writing);
        if (commonTokens(pages.tokens(), prompt) < match.common)
            return false; // it was here a moment ago
        pages.cut(match.common);
        pages_.emplace(std::move(pages));
        return true;
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::file)
            throw;
        return false;
    }
}

bool KeptReadings::startFrom(const Match &match) {
    try {
        KvPages from(match.path, GrowingFile::For::reading);
        makeRoom(from.bytesWithin(match.common));
        pages_.emplace(KvPages::copy(newPath(), from, match.common));
        return true;
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::file)
            throw;
        giveUp(error.what());
        return false;
    }
}

void KeptReadings::grown(const Session &session) {
    uint64_t kept = pages_ ? pages_->tokens().size() : 0, read = session.tokens().size();
    if (!wanted_ || read <= kept)
        return;
    if (read - kept >= std::min(KvPages::pageTokens(session), engine::tokensHeld(session)))
        append(session, false);
}

void KeptReadings::end(const Session &session) {
    if (wanted_ && session.tokens().size() > (pages_ ? pages_->tokens().size() : 0))
        append(session, true);
}

void KeptReadings::append(const Session &session, bool ends) {
    uint64_t kept = pages_ ? pages_->tokens().size() : 0;
    try {
        makeRoom((session.tokens().size() - kept) * (engine::rowBytes(session) + sizeof(Token)) +
                 engine::stateBytes(session));
        if (!pages_)
            pages_.emplace(KvPages::make(newPath(), session, title_));
        bool has_rows = pages_->append(session, ends);
        if (ends)
            pages_->finish();
        if (!has_rows) { // they were forgotten before they could be kept
            pages_.reset();
            wanted_ = false;
        }
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::file)
            throw;
        giveUp(error.what());
    }
}

void KeptReadings::giveUp(const std::string &why) {
    pages_.reset();
    wanted_ = false;
    std::scoped_lock lock(mutex_);
    if (told_)
        told_("what is read now is not kept any further: " + why);
}

void KeptReadings::onWarning(std::function<void(const std::string &)> told) {
    std::scoped_lock lock(mutex_);
    told_ = std::move(told);
}

} // namespace longscope::reading
