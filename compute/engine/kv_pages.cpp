#include "compute/engine/kv_pages.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/kv_rows.h"
#include "compute/engine/session_facts.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <format>

namespace longscope::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMostPageBytes = 32 << 20; ///< of rows; waits in memory until it is written
constexpr uint64_t kFewestPageTokens = 16;
constexpr uint64_t kMostCount = uint64_t{1} << 40; ///< nothing is larger; sums cannot overflow
/// States are due after so many tokens, and when the rows since then have as many bytes as they: a
/// file has at most twice the bytes of its rows.
constexpr uint64_t kStatesEvery = 512;
constexpr uint64_t kLeastRowBytes = 16 << 10; ///< counted where rows are small or none

struct PageStart {
    uint32_t tokens = 0, has_states = 0;
    uint64_t first = 0;
};

/// A value of the file in an error message: short, and nothing that a terminal would obey.
std::string forDisplay(std::string_view value) {
    std::string shown(value.substr(0, 200));
    std::ranges::replace_if(
        shown, [](unsigned char c) { return c < ' ' || c == 127; }, '?');
    return repairUtf8(shown);
}

void put(std::vector<std::byte> &to, size_t &at, std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, to.begin() + static_cast<ptrdiff_t>(at));
    at += bytes.size();
}

} // namespace

// ---- opening -----------------------------------------------------------------------------------

KvPages::KvPages(std::unique_ptr<GrowingFile> file) : file_(std::move(file)) {
    readHeader();
    findPages();
}

KvPages::KvPages(const std::string &path, GrowingFile::For use)
    : KvPages(std::make_unique<GrowingFile>(path, use)) {}

KvPages::~KvPages() {
    if (writing_.valid())
        writing_.wait();
}

KvPages KvPages::make(const std::string &path, const Session &session, std::string_view title) {
    Json facts = Json::object();
    for (const auto &[what, value] : sessionFacts(session))
        facts[what] = value;
    Json header = {{"facts", facts},
                   {"title", title},
                   {"row_bytes", rowBytes(session)},
                   {"state_bytes", stateBytes(session)}};
    std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
    return KvPages(std::make_unique<GrowingFile>(GrowingFile::make(path, text)));
}

KvPages KvPages::copy(const std::string &path, const KvPages &from, uint64_t tokens) {
    auto file = std::make_unique<GrowingFile>(GrowingFile::make(path, from.file_->header()));
    file->appendBlocks(*from.file_, from.pagesWithin(tokens));
    return KvPages(std::move(file));
}

void KvPages::readHeader() {
    Json json = Json::parse(file_->header(), nullptr, false);
    auto refuse = [&](const char *what) {
        fail(ErrorKind::file,
             "the kept reading {} is damaged: \"{}\" in its header is missing or "
             "of a wrong type",
             path(), what);
    };
    auto number = [&](const char *key) {
        auto found = json.find(key);
        if (found == json.end() || !found->is_number_unsigned() ||
            found->get<uint64_t>() > kMostCount)
            refuse(key);
        return found->get<uint64_t>();
    };
    if (!json.is_object() || !json.contains("facts") || !json["facts"].is_object())
        refuse("facts");
    for (const auto &[what, value] : json["facts"].items())
        if (value.is_string())
            facts_[what] = value.get<std::string>();
    if (!json.contains("title") || !json["title"].is_string())
        refuse("title");
    title_ = forDisplay(json["title"].get<std::string>());
    row_bytes_ = number("row_bytes");
    state_bytes_ = number("state_bytes");
}

std::string KvPages::fact(const std::string &what) const {
    auto found = facts_.find(what);
    return found == facts_.end() ? "not said" : found->second;
}

uint64_t KvPages::bytesOf(const Page &page) const {
    return sizeof(PageStart) + page.tokens * (sizeof(Token) + row_bytes_) +
           (page.has_states ? state_bytes_ : 0);
}

/// Pages follow one another; the rest of a file in which they do not is as good as not there.
void KvPages::findPages() {
    for (size_t block = 0; block < file_->blocks(); ++block) {
        PageStart start;
        bool is_there = file_->peek(block, 0, std::as_writable_bytes(std::span(&start, 1)));
        Page page{start.first, start.tokens, start.has_states != 0};
        if (!is_there || page.first != tokens_.size() || page.tokens == 0 ||
            bytesOf(page) != file_->blockBytes(block))
            return;
        tokens_.resize(page.end());
        auto ids = std::as_writable_bytes(std::span(tokens_).last(page.tokens));
        if (!file_->peek(block, sizeof start, ids)) {
            tokens_.resize(page.first);
            return;
        }
        pages_.push_back(page);
    }
}

size_t KvPages::pagesWithin(uint64_t tokens) const {
    auto beyond = std::ranges::find_if(pages_, [&](const Page &p) { return p.end() > tokens; });
    return static_cast<size_t>(beyond - pages_.begin());
}

void KvPages::checkFits(const Session &session) const {
    auto refuse = [&](std::string_view what, std::string_view there, std::string_view here) {
        fail(ErrorKind::file, "the kept reading {} does not fit: {} is {} there and {} here",
             path(), what, forDisplay(there), here);
    };
    for (const auto &[what, here] : sessionFacts(session))
        if (std::string there = fact(what); there != here)
            refuse(what, there, here);
    if (row_bytes_ != rowBytes(session))
        refuse("the size of a token", formatBytes(row_bytes_), formatBytes(rowBytes(session)));
    if (state_bytes_ != stateBytes(session))
        refuse("the size of states", formatBytes(state_bytes_), formatBytes(stateBytes(session)));
}

// ---- restoring ---------------------------------------------------------------------------------

/// Also whether its beginning still is what it was when the file was opened.
bool KvPages::readPage(size_t page, std::vector<std::byte> &bytes) const {
    const Page &of = pages_[page];
    if (!file_->read(page, bytes))
        return false;
    auto ids = std::as_bytes(std::span(tokens_).subspan(of.first, of.tokens));
    return std::memcmp(bytes.data() + sizeof(PageStart), ids.data(), ids.size()) == 0;
}

uint64_t KvPages::bytesWithin(uint64_t tokens) const {
    uint64_t bytes = 0;
    for (size_t page = 0; page < pagesWithin(tokens); ++page)
        bytes += bytesOf(pages_[page]);
    return bytes;
}

uint64_t KvPages::restorable(uint64_t tokens) const {
    if (state_bytes_ == 0)
        return tokens;
    auto usable = [&](const Page &page) { return page.has_states && page.end() <= tokens; };
    auto last = std::find_if(pages_.rbegin(), pages_.rend(), usable);
    return last == pages_.rend() ? 0 : last->end();
}

/// Rows and last states of the first `tokens` tokens; how many of them are good.
uint64_t KvPages::load(Session &session, uint64_t tokens, std::vector<std::byte> &states,
                       const ProgressSink &progress, const std::stop_token &stop) const {
    Progress told{.label = std::format("restoring {} tokens of {}", tokens, title_),
                  .unit = "tokens",
                  .done = 0,
                  .total = tokens};
    auto start = Clock::now();
    std::vector<std::byte> bytes;
    for (size_t page = 0; told.done < tokens; ++page) {
        if (progress)
            progress(told);
        if (stop.stop_requested() || !readPage(page, bytes))
            return told.done;
        const Page &of = pages_[page];
        std::span<const std::byte> rest = std::span(bytes).subspan(sizeof(PageStart));
        rest = rest.subspan(of.tokens * sizeof(Token));
        if (row_bytes_ > 0)
            uploadRows(session, of.first, tokens, rest.first(of.tokens * row_bytes_));
        rest = rest.subspan(of.tokens * row_bytes_);
        if (of.end() == tokens)
            states.assign(rest.begin(), rest.end());
        told.done = std::min(of.end(), tokens);
        told.seconds = secondsSince(start);
    }
    return tokens;
}

KvPages::Restored KvPages::restore(Session &session, uint64_t most, const ProgressSink &progress,
                                   const std::stop_token &stop) {
    finish();
    session.truncate(0);
    uint64_t vocab = session.engine().config().vocab;
    auto unknown = std::ranges::find_if(
        tokens_, [&](Token id) { return id < 0 || static_cast<uint64_t>(id) >= vocab; });
    uint64_t wanted = restorable(std::min(
        {most, session.contextTokens(), static_cast<uint64_t>(unknown - tokens_.begin())}));
    Restored restored;
    std::vector<std::byte> states;
    while (wanted > 0) {
        uint64_t good = load(session, wanted, states, progress, stop);
        if (stop.stop_requested())
            return restored;
        if (good == wanted)
            break;
        restored.is_damaged = true; // again, because rings then hold other rows
        wanted = restorable(good);
    }
    if (wanted > 0)
        adoptTokens(session, {tokens_.begin(), tokens_.begin() + static_cast<ptrdiff_t>(wanted)},
                    states);
    restored.tokens = wanted;
    return restored;
}

// ---- growing -----------------------------------------------------------------------------------

uint64_t KvPages::pageTokens(const Session &session) {
    uint64_t fitting = kMostPageBytes / std::max<uint64_t>(rowBytes(session), 1);
    return std::clamp(fitting, kFewestPageTokens, kPageTokens);
}

void KvPages::finish() {
    if (writing_.valid())
        writing_.get();
}

void KvPages::cut(uint64_t tokens) {
    finish();
    size_t pages = pagesWithin(tokens);
    file_->cut(pages);
    pages_.resize(pages);
    tokens_.resize(pages_.empty() ? 0 : pages_.back().end());
}

bool KvPages::statesDue(uint64_t end) const {
    auto has = [](const Page &page) { return page.has_states; };
    auto last = std::find_if(pages_.rbegin(), pages_.rend(), has);
    uint64_t since = end - (last == pages_.rend() ? 0 : last->end());
    return since >= kStatesEvery && since * std::max(row_bytes_, kLeastRowBytes) >= state_bytes_;
}

bool KvPages::append(const Session &session, bool ends) {
    uint64_t first = tokens_.size(), end = session.tokens().size();
    if (end <= first)
        return true;
    if (!holdsRows(session, first, end))
        return false;
    for (uint64_t most = pageTokens(session); first < end;) {
        Page page{first, std::min(most, end - first), false};
        page.has_states = state_bytes_ > 0 && page.end() == end && (ends || statesDue(end));
        appendPage(session, page);
        first = page.end();
    }
    return true;
}

void KvPages::appendPage(const Session &session, const Page &page) {
    auto ids = std::span(session.tokens()).subspan(page.first, page.tokens);
    std::vector<std::byte> bytes(bytesOf(page));
    PageStart start{static_cast<uint32_t>(page.tokens), page.has_states ? 1u : 0u, page.first};
    size_t at = 0;
    put(bytes, at, std::as_bytes(std::span(&start, 1)));
    put(bytes, at, std::as_bytes(ids));
    if (row_bytes_ > 0)
        downloadRows(session, page.first, page.end(),
                     std::span(bytes).subspan(at, page.tokens * row_bytes_));
    at += page.tokens * row_bytes_;
    if (page.has_states)
        put(bytes, at, downloadStates(session));
    assert(at == bytes.size());
    finish();
    tokens_.insert(tokens_.end(), ids.begin(), ids.end());
    pages_.push_back(page);
    writing_ = std::async(std::launch::async,
                          [file = file_.get(), bytes = std::move(bytes)] { file->append(bytes); });
}

} // namespace longscope::engine
