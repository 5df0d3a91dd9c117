// Joins the parts: repair of the text, special tokens, one of the two encoders, and the way back.
#include "compute/model/tokenizer.h"

#include "compute/core/error.h"
#include "compute/model/bpe.h"
#include "compute/model/sentencepiece.h"
#include "compute/model/special_tokens.h"
#include "compute/model/utf8.h"
#include "compute/model/vocabulary.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace longscope::model {
namespace {

constexpr size_t kMaxTextBytes = size_t{1} << 30; // positions inside a piece have 32 bits

/// The byte of a token `<0xXX>`.
std::optional<char> findByte(std::string_view text) {
    unsigned byte = 0;
    if (text.size() != 6 || !text.starts_with("<0x") || text.back() != '>' ||
        std::from_chars(&text[3], &text[5], byte, 16).ptr != &text[5])
        return std::nullopt;
    return static_cast<char>(byte);
}

std::string replaceSpaceMarks(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        bool mark = text.substr(at).starts_with(kSpaceMark);
        out += mark ? ' ' : text[at];
        at += mark ? kSpaceMark.size() : 1;
    }
    return out;
}

/// Sorted, joined where they touch, as bytes of the repaired text.
std::vector<PlainSpan> normalizeSpans(std::span<const PlainSpan> spans, const RepairedText &text,
                                      size_t original_bytes) {
    std::vector<PlainSpan> sorted;
    for (PlainSpan span : spans) {
        size_t end = std::min(span.end, original_bytes);
        if (span.start < end)
            sorted.push_back({text.fromOriginal(span.start), text.fromOriginal(end)});
    }
    std::ranges::sort(sorted, {}, &PlainSpan::start);
    std::vector<PlainSpan> out;
    for (PlainSpan span : sorted) {
        if (!out.empty() && span.start <= out.back().end)
            out.back().end = std::max(out.back().end, span.end);
        else
            out.push_back(span);
    }
    return out;
}

} // namespace

struct Tokenizer::Impl {
    explicit Impl(const Gguf &file) : vocabulary(file), specials(vocabulary) {
        if (vocabulary.kind == TokenizerKind::sentencepiece)
            pieces.emplace(vocabulary, file.path());
        else
            bpe.emplace(file, vocabulary);
    }

    Vocabulary vocabulary;
    SpecialTokens specials;
    std::optional<Bpe> bpe; ///< exactly one of the two
    std::optional<SentencePiece> pieces;
    std::string no_warning;

    TokenSink encode(std::string_view text, const TokenizeOptions &options,
                     std::span<const PlainSpan> plain, bool placed) const;
    void encodeFragments(std::string_view text,
                         const std::vector<SpecialTokens::Fragment> &fragments,
                         TokenSink &sink) const;
    std::string bytesOf(Token id, bool show_special) const;
    /// Whether the token is text whose first space was put there by the encoder.
    bool mayDropSpace(Token id) const {
        return vocabulary.kind == TokenizerKind::sentencepiece && vocabulary.add_space_prefix &&
               !vocabulary.isControl(id);
    }
};

TokenSink Tokenizer::Impl::encode(std::string_view text, const TokenizeOptions &options,
                                  std::span<const PlainSpan> plain, bool placed) const {
    if (text.size() > kMaxTextBytes)
        fail(ErrorKind::memory, "the text has {} bytes, at most {} can be tokenized at once",
             text.size(), kMaxTextBytes);
    TokenSink sink;
    sink.placed = placed;
    if (options.add_bos && vocabulary.add_bos && vocabulary.bos >= 0)
        sink.add(vocabulary.bos, 0);
    RepairedText repaired(text);
    auto spans = normalizeSpans(plain, repaired, text.size());
    encodeFragments(repaired.view(), specials.split(repaired.view(), options.parse_special, spans),
                    sink);
    for (size_t &start : sink.starts)
        start = repaired.toOriginal(start);
    return sink;
}

void Tokenizer::Impl::encodeFragments(std::string_view text,
                                      const std::vector<SpecialTokens::Fragment> &fragments,
                                      TokenSink &sink) const {
    Bpe::Scratch bpe_scratch;
    SentencePiece::Scratch piece_scratch;
    bool after_special = true; // the start counts as one
    for (const auto &fragment : fragments) {
        if (fragment.special >= 0) {
            sink.add(fragment.special, fragment.start);
        } else {
            std::string_view part = text.substr(fragment.start, fragment.end - fragment.start);
            if (bpe)
                bpe->encode(part, fragment.start, bpe_scratch, sink);
            else
                pieces->encode(part, fragment.start, after_special && vocabulary.add_space_prefix,
                               piece_scratch, sink);
        }
        after_special = fragment.special >= 0;
    }
}

std::string Tokenizer::Impl::bytesOf(Token id, bool show_special) const {
    if (id < 0 || id >= static_cast<Token>(vocabulary.size()))
        return {};
    const std::string &text = vocabulary.texts[static_cast<size_t>(id)];
    switch (vocabulary.types[static_cast<size_t>(id)]) {
    case TokenType::byte:
        if (auto byte = findByte(text))
            return {*byte};
        return text;
    case TokenType::unknown:
    case TokenType::control:
        return show_special ? text : std::string();
    case TokenType::user_defined:
        return text;
    case TokenType::unused:
        return {};
    case TokenType::normal:
        break;
    }
    return vocabulary.kind == TokenizerKind::byte_bpe ? bytesOfCharacters(text)
                                                      : replaceSpaceMarks(text);
}

Tokenizer::Tokenizer(const Gguf &file) : impl_(std::make_unique<Impl>(file)) {}
Tokenizer::Tokenizer(Tokenizer &&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<Token> Tokenizer::encode(std::string_view text, const TokenizeOptions &options,
                                     std::span<const PlainSpan> plain) const {
    return impl_->encode(text, options, plain, false).ids;
}

Tokenizer::Placed Tokenizer::encodePlaced(std::string_view text,
                                          const TokenizeOptions &options) const {
    TokenSink sink = impl_->encode(text, options, {}, true);
    return {std::move(sink.ids), std::move(sink.starts)};
}

std::string Tokenizer::decode(std::span<const Token> ids, bool show_special) const {
    StreamDecoder decoder(*this, show_special);
    std::string out;
    for (Token id : ids)
        out += decoder.push(id);
    return out + decoder.finish();
}

std::string Tokenizer::bytesOf(Token id, bool show_special) const {
    return impl_->bytesOf(id, show_special);
}

uint32_t Tokenizer::vocab() const {
    return impl_->vocabulary.size();
}
Token Tokenizer::bos() const {
    return impl_->vocabulary.bos;
}
Token Tokenizer::eos() const {
    return impl_->vocabulary.eos;
}
bool Tokenizer::addsBos() const {
    return impl_->vocabulary.add_bos && impl_->vocabulary.bos >= 0;
}
bool Tokenizer::isSpecial(Token id) const {
    return impl_->vocabulary.isControl(id);
}
Token Tokenizer::findToken(std::string_view text) const {
    return impl_->vocabulary.find(text);
}

bool Tokenizer::isEndOfGeneration(Token id) const {
    return id >= 0 && id < static_cast<Token>(vocab()) &&
           impl_->vocabulary.ends_generation[static_cast<size_t>(id)];
}

const std::string &Tokenizer::warning() const {
    return impl_->bpe ? impl_->bpe->warning() : impl_->no_warning;
}

StreamDecoder::StreamDecoder(const Tokenizer &tokenizer, bool show_special)
    : tokenizer_(&tokenizer), show_special_(show_special) {}

std::string StreamDecoder::push(Token id) {
    std::string bytes = tokenizer_->impl_->bytesOf(id, show_special_);
    if (first_ && tokenizer_->impl_->mayDropSpace(id)) {
        if (bytes.starts_with(' '))
            bytes.erase(0, 1);
        first_ = false;
    }
    held_ += bytes;
    return takeCharacters(held_);
}

std::string StreamDecoder::finish() {
    std::string tail = held_.empty() ? "" : "\xEF\xBF\xBD";
    held_.clear();
    return tail;
}

} // namespace longscope::model
