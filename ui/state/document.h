// The open documents as panels see them. Texts are shared, never copied; offsets are bytes in them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace longscope::ui {

struct Section {
    std::string title;
    unsigned level = 1;        ///< 1 = top; 0 = what stands before the first heading
    size_t start = 0, end = 0; ///< up to the next heading of any level
    uint64_t tokens = 0;       ///< of its text; known with `token_starts`
};

struct Document {
    uint64_t id = 0;
    std::string title, path; ///< "" = pasted
    std::shared_ptr<const std::string> text;
    std::vector<Section> outline;
    /// The byte where each token begins, without special ones; null until they are counted (which
    /// needs a model). Its size is the exact number of tokens.
    std::shared_ptr<const std::vector<uint32_t>> token_starts;
    std::vector<std::string> warnings; ///< of the import
};

enum class MarkKind { source, attention, survivor };

/// A stretch of a document that another panel points at.
struct Mark {
    size_t start = 0, end = 0;
    MarkKind kind = MarkKind::source;
    float weight = 1; ///< 0 .. 1, how strong it is drawn
    std::string note; ///< on hover: "12 % of the attention"
};

struct Documents {
    std::vector<std::shared_ptr<const Document>> open;
    uint64_t current = 0; ///< id; 0 = none
    uint64_t marked = 0;  ///< the document that `marks` are of
    std::shared_ptr<const std::vector<Mark>> marks;
    struct Jump {
        uint64_t count = 0, document = 0;
        size_t byte = 0;
    } jump; ///< the text view goes there whenever `count` has changed

    std::shared_ptr<const Document> find(uint64_t id) const {
        for (const auto &document : open)
            if (document->id == id)
                return document;
        return nullptr;
    }
    std::shared_ptr<const Document> shown() const { return find(current); }
};

} // namespace longscope::ui
