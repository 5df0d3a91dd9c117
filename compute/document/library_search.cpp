// Full text search over the paragraphs of all documents, ranked by BM25.
#include "compute/document/library_index.h"
#include "compute/document/library_schema.h"
#include "compute/document/library_words.h"
#include "compute/document/places.h"

#include <algorithm>
#include <format>
#include <map>

namespace longscope::document {
namespace {

constexpr unsigned kSnippetWords = 24;

std::string queryFor(const std::vector<std::string> &words, const SearchOptions &options) {
    std::string query;
    for (const std::string &word : words) {
        if (!query.empty())
            query += options.every_word ? " AND " : " OR ";
        query += queryOf(word, options.beginnings);
    }
    return query;
}

/// "" or a condition on the rows; numbers only.
std::string onlyIn(const std::vector<uint64_t> &documents) {
    std::string list;
    for (uint64_t id : documents)
        list += std::format("{}{}", list.empty() ? "" : ", ", id);
    return list.empty() ? "" : " AND (rowid >> 32) IN (" + list + ")";
}

/// The words around the first ones found. The index has no text, so a table of one row, in memory,
/// whose words are told apart in the same way, looks at it again.
class SnippetMaker {
  public:
    SnippetMaker(Database &database, const std::string &query)
        : database_(database), query_(query) {
        database.execute(std::format("PRAGMA temp_store = MEMORY; CREATE VIRTUAL TABLE IF NOT "
                                     "EXISTS temp.shown USING fts5(text, tokenize='{}')",
                                     kTokenizer)
                             .c_str());
    }

    std::string from(std::string_view text) {
        std::string form = indexForm(text);
        database_.execute("DELETE FROM temp.shown");
        (Statement(database_, "INSERT INTO temp.shown(text) VALUES (?)") << form).run();
        Statement find(database_, std::format("SELECT snippet(shown, 0, '', '', '…', {}) "
                                              "FROM temp.shown WHERE shown MATCH ?",
                                              kSnippetWords));
        find << query_;
        return oneLine(withoutMarks(find.step() ? find.text(0) : form));
    }

  private:
    Database &database_;
    const std::string &query_;
};

std::vector<SearchHit> findRows(Database &database, const std::string &query,
                                const SearchOptions &options) {
    Statement rows(database, "SELECT rowid, rank FROM paragraph_words WHERE paragraph_words "
                             "MATCH ?" +
                                 onlyIn(options.documents) + " ORDER BY rank LIMIT ?");
    rows << query << uint64_t{options.limit};
    std::vector<SearchHit> hits;
    while (rows.step()) {
        SearchHit hit;
        hit.document = rows.number(0) >> 32;
        hit.start = rows.number(0) & 0xFFFFFFFF; // the piece's number, until its span is known
        hit.score = -rows.real(1);
        hits.push_back(hit);
    }
    return hits;
}

bool isSeen(Database &database, uint64_t id) {
    Statement find(database, "SELECT id FROM documents WHERE id = ? AND state = 1");
    return (find << id).step();
}

std::vector<SearchHit> searchFor(Library::Impl &library, const std::string &query,
                                 const SearchOptions &options) {
    library.finishWork();
    std::scoped_lock lock(library.mutex);
    Database &database = *library.database;
    std::map<uint64_t, std::vector<Piece>> pieces; // of the documents with hits; none: not seen
    SnippetMaker snippet(database, query);
    std::vector<SearchHit> hits;
    for (SearchHit &hit : findRows(database, query, options)) {
        auto [found, is_new] = pieces.try_emplace(hit.document);
        if (is_new && isSeen(database, hit.document))
            found->second = readPieces(database, hit.document);
        if (hit.start >= found->second.size())
            continue;
        Piece piece = found->second[hit.start];
        hit.start = piece.start;
        hit.end = piece.end;
        hit.snippet = snippet.from(readSpan(database, hit.document, piece.start, piece.end));
        hits.push_back(std::move(hit));
    }
    return hits;
}

} // namespace

std::vector<SearchHit> Library::search(std::string_view words, const SearchOptions &options) const {
    std::string query = queryFor(wordsOf(words), options);
    if (query.empty())
        return {};
    return withIndex(*impl_, [&] { return searchFor(*impl_, query, options); });
}

} // namespace longscope::document
