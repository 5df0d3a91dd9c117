// A text as a session read it, in a file that grows page by page while the reading goes on
// (growing_file.h): tokens, keys and values of all layers (kv_rows.h), and now and then the states
// of recurrent layers, which can only come back where they were kept. What must be the same where
// it is used again stands in the header (session_facts.h), with a title.
//     page: u32 tokens, u32 1 when states follow, u64 first position, i32 tokens, rows, states
#pragma once

#include "compute/engine/growing_file.h"
#include "compute/engine/session.h"

#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longscope::engine {

constexpr uint64_t kPageTokens = 256; ///< at most; fewer where a token has many bytes

class KvPages {
  public:
    /// Opens what there is, and takes tokens and titles as they stand there. Throws Error(file):
    /// see GrowingFile, and a header or pages that are not what this program writes.
    KvPages(const std::string &path, GrowingFile::For use);
    /// A new one for what `session` reads; it has its name from the first page on.
    static KvPages make(const std::string &path, const Session &session, std::string_view title);
    /// A new one with the pages of another one that end within `tokens`.
    static KvPages copy(const std::string &path, const KvPages &from, uint64_t tokens);
    KvPages(KvPages &&) = default;
    ~KvPages(); ///< waits for the last page

    const std::string &path() const { return file_->path(); }
    const std::string &title() const { return title_; }
    std::string model() const { return fact("the model"); }
    const std::vector<Token> &tokens() const { return tokens_; }

    /// How many of the first `tokens` tokens a session can become.
    uint64_t restorable(uint64_t tokens) const;
    /// Bytes of the pages that end within the first `tokens` tokens.
    uint64_t bytesWithin(uint64_t tokens) const;
    /// Throws Error(file) that names what is not the same with both values.
    void checkFits(const Session &session) const;
    struct Restored {
        uint64_t tokens = 0;     ///< that the session has now
        bool is_damaged = false; ///< a page did not fit its checksum: the good ones before it came
    };
    /// The session becomes the first `most` of the tokens, or as many as can be had: the window,
    /// good pages and kept states are bounds. It must fit; what it had read is forgotten. A stop
    /// leaves it empty.
    Restored restore(Session &session, uint64_t most, const ProgressSink &progress,
                     const std::stop_token &stop);
    /// Forgets the pages that do not end within the first `tokens` tokens.
    void cut(uint64_t tokens);
    /// The tokens behind those that are here, which the session has read; the last page may be a
    /// short one. States go along when `ends` or when they are due. The last page is written while
    /// the caller goes on: its error comes out of the next call. False, and nothing done, when the
    /// session no longer has their rows. Throws Error(file) as GrowingFile::append, and then there
    /// is nothing to be added any more.
    bool append(const Session &session, bool ends);
    /// Waits for the last page. Throws its Error(file).
    void finish();
    /// Tokens of a page of the session's.
    static uint64_t pageTokens(const Session &session);

  private:
    struct Page {
        uint64_t first = 0, tokens = 0;
        bool has_states = false;
        uint64_t end() const { return first + tokens; }
    };
    explicit KvPages(std::unique_ptr<GrowingFile> file);
    std::string fact(const std::string &what) const;
    void readHeader();
    void findPages();
    bool readPage(size_t page, std::vector<std::byte> &bytes) const;
    uint64_t bytesOf(const Page &page) const;
    uint64_t load(Session &session, uint64_t tokens, std::vector<std::byte> &states,
                  const ProgressSink &progress, const std::stop_token &stop) const;
    size_t pagesWithin(uint64_t tokens) const;
    bool statesDue(uint64_t end) const;
    void appendPage(const Session &session, const Page &page);

    std::unique_ptr<GrowingFile> file_; ///< behind a pointer: the page that is written knows it
    std::map<std::string, std::string> facts_;
    std::string title_;
    uint64_t row_bytes_ = 0, state_bytes_ = 0;
    std::vector<Page> pages_;
    std::vector<Token> tokens_;
    std::future<void> writing_;
};

} // namespace longscope::engine
