#include "compute/document/text_index.h"

#include "compute/document/characters.h"
#include "compute/document/library_sql.h"

#include <mutex>

namespace longscope::document {
namespace {

/// For the tokenizer, which parts words at marks and never between letters.
std::string forIndex(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    auto digitAt = [&](size_t at) {
        return at < text.size() && isDigit(static_cast<unsigned char>(text[at]));
    };
    for (size_t at = 0; at < text.size();) {
        Character c = characterAt(text, at);
        std::string_view bytes = text.substr(at, c.length);
        bool thousands = c.code == U',' && at > 0 && digitAt(at - 1) && digitAt(at + 1) &&
                         digitAt(at + 2) && digitAt(at + 3) && !digitAt(at + 4);
        if (isIdeographic(c.code))
            out.append(" ").append(bytes).append(" ");
        else if (c.code < U' ')
            out += ' '; // a NUL would end the text
        else if (!thousands)
            out += bytes;
        at += c.length;
    }
    return out;
}

/// A string of FTS5's query language, in which nothing but the quote is special.
std::string quoted(std::string_view word) {
    std::string out = "\"";
    for (char c : forIndex(word))
        out.append(c == '"' ? 2 : 1, c);
    return out + "\"";
}

} // namespace

struct TextIndex::Impl {
    Database database{":memory:"};
    size_t size = 0;
    std::mutex mutex; ///< one statement at a time: lastId and errors belong to the connection
};

TextIndex::TextIndex(std::span<const std::string_view> texts) : impl_(std::make_unique<Impl>()) {
    Database &database = impl_->database;
    database.execute("CREATE VIRTUAL TABLE passages USING fts5(text, content='', "
                     "tokenize='porter unicode61 remove_diacritics 2')");
    Transaction transaction(database);
    for (std::string_view text : texts) {
        std::string indexed = forIndex(text);
        Statement add(database, "INSERT INTO passages(rowid, text) VALUES (?, ?)");
        (add << uint64_t{++impl_->size} << indexed).run();
    }
    transaction.commit();
}

TextIndex::~TextIndex() = default;

size_t TextIndex::size() const {
    return impl_->size;
}

std::vector<Scored> TextIndex::search(std::span<const std::string> words, size_t most) const {
    std::string query;
    for (const std::string &word : words)
        query += (query.empty() ? "" : " OR ") + quoted(word);
    std::vector<Scored> found;
    if (query.empty() || most == 0)
        return found;
    std::scoped_lock lock(impl_->mutex);
    Statement find(impl_->database,
                   "SELECT rowid, -bm25(passages) FROM passages "
                   "WHERE passages MATCH ? ORDER BY bm25(passages), rowid LIMIT ?");
    find << query << uint64_t{most};
    while (find.step())
        found.push_back({find.number(0) - 1, find.real(1)});
    return found;
}

} // namespace longscope::document
