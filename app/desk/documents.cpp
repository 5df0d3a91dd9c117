// Open documents. Reading, outlines and counting are tasks beside the engine; the desk's thread
// only puts their results into the draft.
#include "app/desk/parts.h"
#include "compute/core/error.h"
#include "compute/document/places.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <format>
#include <utility>

namespace longscope::app {
namespace {

using document::Document;
using Json = nlohmann::json;

constexpr std::string_view kOpenKey = "documents.open";
constexpr size_t kPastedTitleBytes = 48;

/// Headings part the text; level 0 is what stands before the first one.
std::vector<ui::Section> outlineOf(const Document &document) {
    std::vector<ui::Section> outline;
    size_t first = document.headings.empty() ? document.text.size() : document.headings[0].start;
    if (first > 0)
        outline.push_back({.title = document.headings.empty() ? document.title : "(beginning)",
                           .level = 0,
                           .start = 0,
                           .end = first});
    for (size_t i = 0; i < document.headings.size(); ++i) {
        const document::Heading &heading = document.headings[i];
        bool is_last = i + 1 == document.headings.size();
        outline.push_back({.title = heading.title,
                           .level = heading.level,
                           .start = heading.start,
                           .end = is_last ? document.text.size() : document.headings[i + 1].start});
    }
    return outline;
}

/// Tokens belong to the section in which they begin, so that the sections add up to the whole.
void countSections(ui::Document &document) {
    const std::vector<uint32_t> &starts = *document.token_starts;
    for (ui::Section &section : document.outline)
        section.tokens = static_cast<uint64_t>(std::ranges::lower_bound(starts, section.end) -
                                               std::ranges::lower_bound(starts, section.start));
}

std::string_view lineAt(std::string_view text, size_t start) {
    return text.substr(start, std::min(text.find('\n', start), text.size()) - start);
}

bool isBlank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == line.npos;
}

bool isHeadingLine(std::string_view line) {
    size_t marks = std::min(line.find_first_not_of('#'), line.size());
    return marks >= 1 && marks <= 6 && marks + 1 < line.size() && line[marks] == ' ';
}

/// A heading between blank lines, outside the first lines of which a script is made: text with
/// comments that begin with # stays as it is.
bool looksLikeMarkdown(std::string_view text) {
    bool after_blank = true;
    for (size_t at = 0; at < text.size();) {
        std::string_view line = lineAt(text, at);
        at += line.size() + 1;
        if (after_blank && isHeadingLine(line) && at < text.size() && isBlank(lineAt(text, at)))
            return true;
        after_blank = isBlank(line);
    }
    return false;
}

Document readPasted(const std::string &text) {
    Document document = document::importText(text, "the pasted text", looksLikeMarkdown(text));
    if (document.headings.empty())
        document.title = document::firstWords(document.text, kPastedTitleBytes);
    document.path.clear();
    return document;
}

std::string nameOf(const std::string &path) {
    return std::filesystem::path(path).filename().string();
}

} // namespace

/// A document in its two forms: with paragraphs for reading, and as panels see it.
struct DocumentsPart::Imported {
    Imported(uint64_t number, Document document)
        : id(number), full(std::make_shared<const Document>(std::move(document))),
          shown(std::make_shared<ui::Document>()) {
        shown->id = id;
        shown->title = full->title;
        shown->path = full->path;
        shown->text = std::shared_ptr<const std::string>(full, &full->text); // the same bytes
        shown->outline = outlineOf(*full);
        shown->warnings = full->warnings;
    }
    Imported(std::shared_ptr<const Document> document, std::shared_ptr<ui::Document> as_shown)
        : id(as_shown->id), full(std::move(document)), shown(std::move(as_shown)) {}

    uint64_t id;
    std::shared_ptr<const Document> full;
    std::shared_ptr<ui::Document> shown;
};

DocumentsPart::DocumentsPart(Core &core, Library &library, std::string sample_path,
                             std::function<void(const std::string &)> on_file)
    : core_(core), library_(library), sample_path_(std::move(sample_path)),
      on_file_(std::move(on_file)) {
    openKept();
}

// ---- what was open last time -------------------------------------------------------------------

void DocumentsPart::openKept() {
    Json kept = Json::parse(library_.value(kOpenKey).value_or(""), nullptr, false);
    std::vector<uint64_t> ids;
    if (kept.is_object() && kept["open"].is_array())
        for (const Json &id : kept["open"])
            if (id.is_number_unsigned())
                ids.push_back(id.get<uint64_t>());
    library_.purgeDocuments(ids); // closed ones could be taken back until now
    for (uint64_t id : ids)
        if (auto document = library_.document(id))
            insert(Imported(id, std::move(*document)), core_.draft.documents.open.size());
    uint64_t current = kept.is_object() ? kept.value("current", uint64_t{0}) : 0;
    if (core_.draft.documents.find(current))
        core_.draft.documents.current = current;
    else if (!core_.draft.documents.open.empty())
        core_.draft.documents.current = core_.draft.documents.open.front()->id;
}

void DocumentsPart::keepOpen() const {
    Json ids = Json::array();
    for (const auto &document : core_.draft.documents.open)
        ids.push_back(document->id);
    Json kept = {{"open", std::move(ids)}, {"current", core_.draft.documents.current}};
    library_.setValue(kOpenKey, kept.dump());
}

// ---- opening and closing -----------------------------------------------------------------------

void DocumentsPart::handle(const command::OpenDocument &open) {
    import("Open " + nameOf(open.path),
           [path = open.path] { return document::importFile(path);
});
} // namespace longscope::app

void DocumentsPart::handle(const command::OpenSample &) {
    import("Open the sample", [path = sample_path_] { return document::importFile(path);
});
}

void DocumentsPart::handle(const command::PasteDocument &paste) {
    import("Paste", [text = paste.text] { return readPasted(text);
});
}

void DocumentsPart::import(std::string title, std::function<Document()> read) {
    auto body = [this, read = std::move(read)](TaskRun &run) {
        Document document = read();
        uint64_t id = library_.addDocument(document);
        if (run.stop().stop_requested())
            return; // the next start removes it from the library
        run.change([this, imported = Imported(id, std::move(document))] { add(imported); });
    };
    ++opening_;
    core_.start(Lane::aside, std::move(title), std::move(body), [this] {
        if (--opening_ == 0)
            for (auto &then : std::exchange(when_opened_, {}))
                then();
    });
}

void DocumentsPart::whenOpened(std::function<void()> then) {
    if (opening_ > 0)
        when_opened_.push_back(std::move(then));
    else
        then();
}

void DocumentsPart::add(const Imported &imported) {
    auto &open = core_.draft.documents.open;
    auto same = std::ranges::find(open, imported.id, [](const auto &shown) { return shown->id; });
    auto at = static_cast<size_t>(same - open.begin());
    if (same != open.end())
        open.erase(same); // the same text again, perhaps from another place
    insert(imported, at);
    show(imported.id);
    count(imported.id);
    if (!imported.full->path.empty())
        on_file_(imported.full->path);
    if (on_opened)
        on_opened();
    if (on_kept)
        on_kept();
}

void DocumentsPart::insert(const Imported &imported, size_t at) {
    auto &open = core_.draft.documents.open;
    full_[imported.id] = imported.full;
    open.insert(open.begin() + static_cast<ptrdiff_t>(std::min(at, open.size())), imported.shown);
}

void DocumentsPart::show(uint64_t id) {
    core_.draft.documents.current = id;
    keepOpen();
    if (on_changed)
        on_changed();
}

void DocumentsPart::handle(const command::ShowDocument &shown) {
    if (core_.draft.documents.find(shown.document))
        show(shown.document);
}

DocumentsPart::Imported DocumentsPart::take(uint64_t id, size_t &at) {
    ui::Documents &documents = core_.draft.documents;
    auto found =
        std::ranges::find(documents.open, id, [](const auto &document) { return document->id; });
    at = static_cast<size_t>(found - documents.open.begin());
    Imported taken(full_[id], std::make_shared<ui::Document>(**found));
    documents.open.erase(found);
    full_.erase(id);
    if (documents.marked == id)
        handle(command::MarkDocument{});
    if (documents.current == id)
        documents.current = documents.open.empty()
                                ? 0
                                : documents.open[std::min(at, documents.open.size() - 1)]->id;
    return taken;
}

void DocumentsPart::drop(uint64_t id) {
    if (!core_.draft.documents.find(id))
        return;
    size_t at = 0;
    take(id, at);
    show(core_.draft.documents.current);
}

void DocumentsPart::handle(const command::CloseDocument &close) {
    if (!core_.draft.documents.find(close.document))
        return;
    bool was_current = core_.draft.documents.current == close.document;
    size_t at = 0;
    Imported closed = take(close.document, at);
    show(core_.draft.documents.current);
    core_.undoable("Closed " + closed.shown->title + ".", [this, closed, at, was_current] {
        if (core_.draft.documents.find(closed.id))
            return; // it was opened again
        insert(closed, at);
        show(was_current ? closed.id : core_.draft.documents.current);
        count(closed.id);
    });
}

// ---- pointing at places ------------------------------------------------------------------------

void DocumentsPart::handle(const command::JumpTo &jump) {
    auto document = core_.draft.documents.find(jump.document);
    if (!document) {
        reopen(jump);
        return;
    }
    if (core_.draft.documents.current != jump.document)
        show(jump.document);
    uint64_t count = core_.draft.documents.jump.count + 1;
    core_.draft.documents.jump = {.count = count,
                                  .document = jump.document,
                                  .byte = std::min(jump.byte, document->text->size())};
}

void DocumentsPart::reopen(const command::JumpTo &jump) {
    core_.startNewest("reopen", Lane::aside, "Open the document again", [this, jump](TaskRun &run) {
        auto document = library_.document(jump.document);
        if (!document)
            fail(ErrorKind::file, "it is no longer in the library");
        run.change([this, jump, imported = Imported(jump.document, std::move(*document))] {
            add(imported);
            handle(jump);
            if (waiting_marks_.document == jump.document)
                handle(std::exchange(waiting_marks_, {}));
        });
    });
}

void DocumentsPart::handle(const command::MarkDocument &mark) {
    ui::Documents &documents = core_.draft.documents;
    auto document = documents.find(mark.document);
    waiting_marks_ = document ? command::MarkDocument{} : mark; // it may be opened just now
    if (!document || mark.marks.empty()) {
        documents.marked = 0;
        documents.marks = nullptr;
        return;
    }
    auto marks = std::make_shared<std::vector<ui::Mark>>(mark.marks);
    for (ui::Mark &one : *marks) {
        one.end = std::min(one.end, document->text->size());
        one.start = std::min(one.start, one.end);
    }
    documents.marked = mark.document;
    documents.marks = std::move(marks);
}

// ---- counting ----------------------------------------------------------------------------------

void DocumentsPart::countAll() {
    for (const auto &document : std::vector(core_.draft.documents.open))
        count(document->id);
}

// At once, not in parts: where a text is cut, tokens of several families differ from the whole's.
void DocumentsPart::count(uint64_t id) {
    auto replace = [this](const std::shared_ptr<const ui::Document> &with) {
        for (auto &document : core_.draft.documents.open)
            if (document->id == with->id && document->text == with->text)
                document = with;
    };
    auto document = core_.draft.documents.find(id);
    if (!document)
        return;
    if (document->token_starts) { // of another model
        auto uncounted = std::make_shared<ui::Document>(*document);
        uncounted->token_starts = nullptr;
        for (ui::Section &section : uncounted->outline)
            section.tokens = 0;
        replace(document = uncounted);
    }
    if (!core_.model || !core_.model->tokenizer)
        return;
    core_.startNewest("count " + std::to_string(id), Lane::aside,
                      "Count the tokens of " + document->title,
                      [this, document, model = core_.model, replace](TaskRun &run) {
                          auto placed = model->tokenizer->encodePlaced(
                              *document->text, {.parse_special = false, .add_bos = false});
                          if (run.stop().stop_requested())
                              return;
                          auto counted = std::make_shared<ui::Document>(*document);
                          counted->token_starts = std::make_shared<const std::vector<uint32_t>>(
                              placed.starts.begin(), placed.starts.end());
                          countSections(*counted);
                          keepCounts(*counted, *model);
                          run.change([this, counted, model, replace] {
                              if (core_.model != model)
                                  return;
                              replace(counted);
                              if (on_changed)
                                  on_changed();
                              if (on_kept)
                                  on_kept();
                          });
                      });
}

/// For the library's list. On a task's thread.
void DocumentsPart::keepCounts(const ui::Document &document, const LoadedModel &model) {
    document::TokenCounts counts{
        .tokenizer = tokenizerName(model), .tokens = document.token_starts->size(), .sections = {}};
    for (const ui::Section &section : document.outline)
        counts.sections.push_back(section.tokens);
    library_.setTokenCounts(document.id, counts);
}

std::string tokenizerName(const LoadedModel &model) {
    return std::format("{}, {} tokens", model.facts.title(), model.facts.vocab);
}

// ---- for the other parts -----------------------------------------------------------------------

std::shared_ptr<const Document> DocumentsPart::full(uint64_t id) const {
    auto found = full_.find(id);
    return found == full_.end() ? nullptr : found->second;
}

std::shared_ptr<const Document> DocumentsPart::fullCurrent() const {
    return full(core_.draft.documents.current);
}

std::string DocumentsPart::placeOf(const Document &document, size_t byte) {
    return document::placeOf(document, byte);
}

} // namespace longscope::app
