// The index of the words of all documents (FTS5 without a copy of the text), filled and emptied in
// slices, between which other threads and programs use the library.
#pragma once

#include "compute/document/library_impl.h"

namespace longscope::document {

struct Piece {
    size_t start = 0, end = 0; ///< bytes of the document's text
};

/// Throws away the whole index; finishWork makes it again. Throws a SqlError of damage, and leaves
/// the file as it is, when more is broken than the index.
void dropIndex(Library::Impl &library);

/// Does something with the index; when that is broken, with a new one. The mutex must be free.
template <class Do> auto withIndex(Library::Impl &library, const Do &act) {
    try {
        return act();
    } catch (const SqlError &error) {
        if (!error.isDamage())
            throw;
    }
    dropIndex(library);
    return act();
}

/// Indexes what is not yet in the index of a document that is there.
void fillIndex(Library::Impl &library, uint64_t id, const Document &document);
/// Takes out what is in the index of one that is leaving.
void emptyIndex(Library::Impl &library, uint64_t id, std::string_view text);

// The mutex must be held:
/// What is indexed as one, in the order of the rows: paragraphs, long ones cut. Empty where the
/// indexing has not begun.
std::vector<Piece> readPieces(Database &database, uint64_t id);
std::string readText(Database &database, uint64_t id);
/// Bytes of a document's text without reading the rest.
std::string readSpan(Database &database, uint64_t id, size_t start, size_t end);
/// With text and outline; nothing when it is in another state.
std::optional<Document> readDocument(Database &database, uint64_t id, DocumentState state);

} // namespace longscope::document
