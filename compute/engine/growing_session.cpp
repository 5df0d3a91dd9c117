#include "compute/engine/growing_session.h"

#include "compute/core/error.h"
#include "compute/engine/session_file.h"

#include <algorithm>

namespace longscope::engine {
namespace {

constexpr uint64_t kWindowStep = 256; ///< automatic windows are multiples of it
constexpr uint64_t kSmallestWindow = 512;

uint64_t roundedWindow(uint64_t needed, uint64_t most) {
    uint64_t rounded = (needed + kWindowStep - 1) / kWindowStep * kWindowStep;
    return std::min(std::max(rounded, kSmallestWindow), most);
}

} // namespace

void GrowingSession::configure(SessionOptions options) {
    drop();
    options_ = std::move(options);
}

void GrowingSession::drop() {
    session_.reset();
    restored_from_.clear();
}

bool GrowingSession::ensure(Engine &engine, uint64_t prompt, uint64_t reply) {
    uint64_t fixed = options_.context_tokens, most = mostTokens(engine);
    if (prompt >= most && reply > 0)
        refuse(engine, prompt, reply);
    uint64_t window = fixed ? fixed : roundedWindow(prompt + reply, most);
    if (session_ && window <= session_->contextTokens())
        return false;
    bool again = session_ && !session_->tokens().empty();
    // A conversation that outgrows its window once will do so again: double it.
    uint64_t roomy = session_ && !fixed ? std::min(2 * session_->contextTokens(), most) : 0;
    session_.reset(); // first, because two caches may not fit
    if (roomy <= window || !tryMake(engine, roomy))
        make(engine, window);
    return again && !restoreAgain();
}

void GrowingSession::reserve(Engine &engine, uint64_t tokens) {
    if (tokens > mostTokens(engine))
        refuse(engine, tokens, 0);
    ensure(engine, tokens, 0);
}

std::string GrowingSession::restore(Engine &engine, const std::string &path) {
    SessionFileFacts facts = readSessionFileFacts(path);
    uint64_t fixed = options_.context_tokens, most = mostTokens(engine);
    uint64_t window = std::max(facts.window_tokens, roundedWindow(facts.tokens, most));
    window = fixed ? fixed : std::min(window, most);
    std::string note;
    if (session_ && session_->contextTokens() >= window) {
        note = restoreSession(*session_, path);
    } else { // beside the old one, which stays when the file is refused
        SessionOptions options = options_;
        options.context_tokens = window;
        auto made = std::make_unique<Session>(engine, options);
        note = restoreSession(*made, path);
        session_ = std::move(made);
    }
    restored_from_ = path;
    return note;
}

/// The largest window that a text may get by itself.
uint64_t GrowingSession::mostTokens(const Engine &engine) const {
    uint64_t fixed = options_.context_tokens;
    return fixed ? fixed : reachOf(engine.config(), options_);
}

/// With what would help, where that is another way of reading.
void GrowingSession::refuse(const Engine &engine, uint64_t prompt, uint64_t reply) const {
    SessionOptions wanted = options_;
    wanted.context_tokens = prompt + reply;
    std::string advice = outOfReach(engine.config(), wanted);
    fail(ErrorKind::usage,
         "the text needs {} tokens and the reply {}, the window of this model is {}{}", prompt,
         reply, mostTokens(engine), advice.empty() ? "" : ": " + advice);
}

/// What came from a file comes from there again; where that fails now, it can still be read.
bool GrowingSession::restoreAgain() {
    if (restored_from_.empty())
        return false;
    try {
        restoreSession(*session_, restored_from_);
        return true;
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::file)
            throw;
        return false;
    }
}

void GrowingSession::make(Engine &engine, uint64_t window) {
    SessionOptions options = options_;
    options.context_tokens = window;
    session_ = std::make_unique<Session>(engine, options);
}

bool GrowingSession::tryMake(Engine &engine, uint64_t window) {
    try {
        make(engine, window);
        return true;
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::memory)
            throw;
        return false;
    }
}

} // namespace longscope::engine
