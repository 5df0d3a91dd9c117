#include "compute/document/library_index.h"

#include "compute/core/text.h"
#include "compute/document/library_pack.h"
#include "compute/document/library_schema.h"
#include "compute/document/library_words.h"

#include <algorithm>

namespace longscope::document {
namespace {

constexpr size_t kSliceBytes = 131072; ///< others wait while so much is indexed
constexpr size_t kPieceBytes = 8192;   ///< a hit in a longer paragraph says little about where

/// Where a piece that begins at `start` and should end at `end` is cut: after the last white space
/// of its second half, else between two characters.
size_t cutBefore(std::string_view text, size_t start, size_t end) {
    for (size_t at = end; at > start + (end - start) / 2; --at)
        if (text[at - 1] == ' ' || text[at - 1] == '\n')
            return at;
    return characterStart(text, end);
}

std::vector<Piece> cutPieces(const Document &document) {
    std::vector<Piece> pieces;
    pieces.reserve(document.paragraphs.size());
    for (const Paragraph &paragraph : document.paragraphs) {
        size_t start = paragraph.start;
        while (paragraph.end - start > kPieceBytes) {
            size_t end = cutBefore(document.text, start, start + kPieceBytes);
            pieces.push_back({start, end});
            start = end;
        }
        if (paragraph.end > start)
            pieces.push_back({start, paragraph.end});
    }
    return pieces;
}

std::string packPieces(const std::vector<Piece> &pieces) {
    Packer out;
    size_t last = 0;
    for (const Piece &piece : pieces) {
        out.number(piece.start - last);
        out.number(piece.end - piece.start);
        last = piece.end;
    }
    return out.take();
}

/// Those that another program, or this one before it was killed, began with count.
std::vector<Piece> settlePieces(Library::Impl &library, uint64_t id, const Document &document) {
    std::scoped_lock lock(library.mutex);
    WithoutWaiting relaxed(*library.database);
    Transaction transaction(*library.database);
    std::vector<Piece> pieces = readPieces(*library.database, id);
    if (!pieces.empty())
        return pieces;
    pieces = cutPieces(document);
    std::string packed = packPieces(pieces);
    Statement write(*library.database, "INSERT OR IGNORE INTO pieces(document, bytes) "
                                       "SELECT id, ? FROM documents WHERE id = ?");
    (write.blob(packed) << id).run();
    transaction.commit();
    return pieces;
}

/// How many are in the index; nothing when the document is in another state.
std::optional<uint64_t> indexedOf(Database &database, uint64_t id, DocumentState state) {
    Statement find(database, "SELECT indexed FROM documents WHERE id = ? AND state = ?");
    find << id << static_cast<uint64_t>(state);
    return find.step() ? std::optional(find.number(0)) : std::nullopt;
}

void noteIndexed(Database &database, uint64_t id, uint64_t indexed, bool done) {
    (Statement(database, "UPDATE documents SET indexed = ?, index_done = ? WHERE id = ?")
     << indexed << uint64_t{done} << id)
        .run();
}

/// Runs the statement for the row and the words of each of the pieces [first, last).
void runForPieces(Database &database, std::string_view sql, uint64_t id, std::string_view text,
                  const std::vector<Piece> &pieces, size_t first, size_t last) {
    Statement write(database, sql);
    for (size_t i = first; i < last; ++i) {
        const Piece &piece = pieces[i];
        std::string form = indexForm(text.substr(piece.start, piece.end - piece.start));
        (write << rowOf(id, i) << form).run();
        write.again();
    }
}

} // namespace

void dropIndex(Library::Impl &library) {
    std::scoped_lock lock(library.mutex);
    checkWhole(*library.database);
    Transaction transaction(*library.database);
    library.database->execute("INSERT INTO paragraph_words(paragraph_words) VALUES ('delete-all');"
                              "UPDATE documents SET indexed = 0, index_done = 0");
    transaction.commit();
}

// What is indexed can be made again from the text, so that no slice waits for the disk.
void fillIndex(Library::Impl &library, uint64_t id, const Document &document) {
    std::vector<Piece> pieces = settlePieces(library, id, document);
    for (bool done = false; !done;) {
        std::scoped_lock lock(library.mutex);
        WithoutWaiting relaxed(*library.database);
        Transaction transaction(*library.database);
        auto first = indexedOf(*library.database, id, DocumentState::there);
        if (!first)
            return; // removed meanwhile
        size_t last = *first;
        for (size_t bytes = 0; last < pieces.size() && bytes < kSliceBytes; ++last)
            bytes += pieces[last].end - pieces[last].start;
        runForPieces(*library.database, "INSERT INTO paragraph_words(rowid, text) VALUES (?, ?)",
                     id, document.text, pieces, *first, last);
        done = last >= pieces.size();
        noteIndexed(*library.database, id, last, done);
        transaction.commit();
    }
}

void emptyIndex(Library::Impl &library, uint64_t id, std::string_view text) {
    for (std::vector<Piece> pieces;;) {
        std::scoped_lock lock(library.mutex);
        WithoutWaiting relaxed(*library.database);
        Transaction transaction(*library.database);
        auto last = indexedOf(*library.database, id, DocumentState::leaving);
        if (last.value_or(0) == 0)
            return;
        if (pieces.empty())
            pieces = readPieces(*library.database, id);
        size_t first = *last = std::min<uint64_t>(*last, pieces.size());
        for (size_t bytes = 0; first > 0 && bytes < kSliceBytes;
             bytes += pieces[first].end - pieces[first].start)
            --first;
        runForPieces(*library.database,
                     "INSERT INTO paragraph_words(paragraph_words, rowid, text) "
                     "VALUES ('delete', ?, ?)",
                     id, text, pieces, first, *last);
        noteIndexed(*library.database, id, first, false);
        transaction.commit();
    }
}

std::vector<Piece> readPieces(Database &database, uint64_t id) {
    std::vector<Piece> pieces;
    Statement find(database, "SELECT bytes FROM pieces WHERE document = ?");
    find << id;
    if (!find.step())
        return pieces;
    std::string bytes = find.text(0);
    Unpacker from(bytes);
    for (size_t last = 0; from.ok && !from.atEnd();) {
        size_t start = last + from.number();
        pieces.push_back({start, last = start + from.number()});
    }
    return pieces;
}

} // namespace longscope::document
