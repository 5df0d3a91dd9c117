#include "compute/model/bpe.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <algorithm>
#include <bit>

namespace longscope::model {
namespace {

bool isPrintable(unsigned byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

constexpr size_t kFirstMovedByte = 256; // the bytes without a printable form, in order

PreSplitter makeSplitter(const Vocabulary &vocabulary, std::string &warning) {
    if (vocabulary.kind == TokenizerKind::raw_bpe)
        return PreSplitter({R"([^\n]+|[\n]+)"});
    const PreRules *rules = findPreRules(vocabulary.pre);
    if (!rules)
        warning = std::format("the pre-tokenizer \"{}\" is not known: text is split into words by "
                              "the default rules, which may lower the quality",
                              vocabulary.pre);
    else if (!rules->verified)
        warning = std::format("the pre-tokenizer \"{}\" is only approximated", vocabulary.pre);
    return PreSplitter((rules ? rules : findPreRules(""))->regexes);
}

} // namespace

const std::array<std::string, 256> &byteCharacters() {
    static const auto kTable = [] {
        std::array<std::string, 256> table;
        uint32_t next = kFirstMovedByte;
        for (unsigned byte = 0; byte < 256; ++byte)
            appendUtf8(table[byte], isPrintable(byte) ? byte : next++);
        return table;
    }();
    return kTable;
}

std::string bytesOfCharacters(std::string_view text) {
    static const auto kBytes = [] {
        std::unordered_map<std::string_view, char> bytes;
        for (unsigned byte = 0; byte < 256; ++byte)
            bytes[byteCharacters()[byte]] = static_cast<char>(byte);
        return bytes;
    }();
    std::string out;
    for (size_t at = 0; at < text.size();) {
        size_t length = std::max<size_t>(utf8Length(text, at), 1);
        auto found = kBytes.find(text.substr(at, length));
        if (found != kBytes.end())
            out += found->second;
        else
            out += text.substr(at, length);
        at += length;
    }
    return out;
}

Bpe::Bpe(const Gguf &file, const Vocabulary &vocabulary)
    : vocabulary_(&vocabulary), raw_(vocabulary.kind == TokenizerKind::raw_bpe),
      splitter_(makeSplitter(vocabulary, warning_)) {
    if (const PreRules *rules = findPreRules(vocabulary.pre); rules && !raw_)
        ignore_merges_ = rules->ignore_merges;
    const auto *merges = file.findStrings("tokenizer.ggml.merges");
    if (!merges)
        fail(ErrorKind::file, "{} has a BPE tokenizer without merges (tokenizer.ggml.merges)",
             file.path());
    for (unsigned byte = 0; byte < 256; ++byte)
        byte_symbols_[byte] = raw_ ? kNone : internSymbol(byteCharacters()[byte]);
    if (raw_)
        byte_tokens_ = vocabulary.findByteTokens();
    readMerges(*merges, file);
    if (raw_) // the one-byte characters, so that most of a text needs no look-up by string
        for (unsigned byte = 0; byte < 128; ++byte)
            byte_symbols_[byte] =
                findSymbol(byte == ' ' ? kSpaceMark
                                       : std::string_view(std::string(1, static_cast<char>(byte))));
}

void Bpe::readMerges(const std::vector<std::string> &merges, const Gguf &file) {
    merges_.assign(std::bit_ceil(std::max<size_t>(2 * merges.size(), 2)), {});
    std::string whole;
    for (size_t rank = 0; rank < merges.size(); ++rank) {
        std::string_view merge = merges[rank];
        // From byte 1: the left half may itself begin with a space.
        size_t space = merge.find(' ', 1);
        if (merge.empty() || space == std::string_view::npos || space + 1 == merge.size())
            fail(ErrorKind::file, "{}: merge {} of {} is \"{}\", wanted two texts and a space",
                 file.path(), rank, merges.size(), merge);
        std::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
        whole.assign(left).append(right);
        uint64_t pair = uint64_t{internSymbol(left)} << 32 | internSymbol(right);
        size_t slot = (pair * 0x9E3779B97F4A7C15) >> (64 - std::countr_zero(merges_.size()));
        while (merges_[slot].pair != kNoPair && merges_[slot].pair != pair)
            slot = (slot + 1) & (merges_.size() - 1);
        if (merges_[slot].pair == kNoPair) // of two equal merges the first one counts
            merges_[slot] = {pair, static_cast<uint32_t>(rank), internSymbol(whole)};
    }
}

uint32_t Bpe::internSymbol(std::string_view text) {
    if (Token id = vocabulary_->find(text); id >= 0)
        return static_cast<uint32_t>(id);
    auto next = static_cast<uint32_t>(vocabulary_->size() + extra_.size());
    return extra_.try_emplace(std::string(text), next).first->second;
}

uint32_t Bpe::findSymbol(std::string_view text) const {
    if (Token id = vocabulary_->find(text); id >= 0)
        return static_cast<uint32_t>(id);
    auto found = extra_.find(std::string(text));
    return found == extra_.end() ? kNone : found->second;
}

const Bpe::Merge *Bpe::findMerge(uint32_t left_id, uint32_t right_id) const {
    uint64_t pair = uint64_t{left_id} << 32 | right_id;
    size_t slot = (pair * 0x9E3779B97F4A7C15) >> (64 - std::countr_zero(merges_.size()));
    while (merges_[slot].pair != kNoPair) {
        if (merges_[slot].pair == pair)
            return &merges_[slot];
        slot = (slot + 1) & (merges_.size() - 1);
    }
    return nullptr;
}

void Bpe::encode(std::string_view text, size_t start, Scratch &scratch, TokenSink &sink) const {
    splitter_.split(text, scratch.split_, [&](std::string_view piece) {
        size_t piece_start = start + static_cast<size_t>(piece.data() - text.data());
        if (scratch.cache_.replay(piece, piece_start, sink))
            return;
        scratch.parts_.clear();
        encodePiece(piece, scratch);
        scratch.cache_.store(piece, scratch.parts_, piece_start, sink);
    });
}

void Bpe::encodePiece(std::string_view piece, Scratch &scratch) const {
    if (emitWhole(piece, scratch))
        return;
    placeSymbols(piece, scratch);
    mergeSymbols(scratch);
    for (uint32_t i = 0; i != kNone; i = scratch.symbols_[i].right)
        emitSymbol(piece, scratch.symbols_[i], scratch);
}

bool Bpe::emitWhole(std::string_view piece, Scratch &scratch) const {
    Token id = -1;
    if (raw_ && piece.find_first_not_of('\n') == std::string_view::npos) {
        id = vocabulary_->find(piece);
    } else if (ignore_merges_) {
        scratch.encoded_.clear();
        for (char c : piece)
            scratch.encoded_ += byteCharacters()[static_cast<unsigned char>(c)];
        id = vocabulary_->find(scratch.encoded_);
    }
    if (id >= 0)
        scratch.parts_.push_back({id, 0});
    return id >= 0;
}

void Bpe::placeSymbols(std::string_view piece, Scratch &scratch) const {
    auto &symbols = scratch.symbols_;
    symbols.clear();
    for (size_t at = 0; at < piece.size();) {
        size_t length = raw_ ? std::max<size_t>(utf8Length(piece, at), 1) : 1;
        uint32_t id = length == 1 ? byte_symbols_[static_cast<unsigned char>(piece[at])]
                                  : findSymbol(piece.substr(at, length));
        auto index = static_cast<uint32_t>(symbols.size());
        symbols.push_back(
            {id, static_cast<uint32_t>(at), static_cast<uint32_t>(length), index - 1, index + 1});
        at += length;
    }
    symbols.back().right = kNone; // the first one's left is 0 - 1, which is kNone too
}

void Bpe::pushPair(uint32_t left, uint32_t right, Scratch &scratch) const {
    if (left == kNone || right == kNone)
        return;
    uint32_t left_id = scratch.symbols_[left].id, right_id = scratch.symbols_[right].id;
    if (left_id == kNone || right_id == kNone)
        return;
    if (const Merge *merge = findMerge(left_id, right_id)) {
        scratch.heap_.push_back({merge->rank, left, left_id, right_id, merge->merged_id});
        std::push_heap(scratch.heap_.begin(), scratch.heap_.end());
    }
}

void Bpe::mergeSymbols(Scratch &scratch) const {
    auto &symbols = scratch.symbols_;
    auto &heap = scratch.heap_;
    heap.clear();
    for (uint32_t i = 0; i + 1 < symbols.size(); ++i)
        pushPair(i, i + 1, scratch);
    while (!heap.empty()) {
        std::pop_heap(heap.begin(), heap.end());
        auto pair = heap.back();
        heap.pop_back();
        auto &left = symbols[pair.left];
        // An entry is stale when one of its symbols has been merged away or has changed.
        if (left.bytes == 0 || left.id != pair.left_id || left.right == kNone ||
            symbols[left.right].id != pair.right_id)
            continue;
        auto &right = symbols[left.right];
        left.id = pair.merged_id;
        left.bytes += right.bytes;
        right.bytes = 0;
        left.right = right.right;
        if (left.right != kNone)
            symbols[left.right].left = pair.left;
        pushPair(left.left, pair.left, scratch);
        pushPair(pair.left, left.right, scratch);
    }
}

// A symbol that is no token goes out byte by byte; bytes without a token as the unknown token.
void Bpe::emitSymbol(std::string_view piece, const Scratch::Symbol &symbol,
                     Scratch &scratch) const {
    if (symbol.id < vocabulary_->size()) {
        scratch.parts_.push_back({static_cast<Token>(symbol.id), symbol.start});
        return;
    }
    // A space is U+2581 in raw vocabularies: its bytes are those of that character.
    std::string_view text = piece.substr(symbol.start, symbol.bytes);
    auto emitByte = [&](unsigned char byte, size_t offset) {
        Token id = raw_ ? byte_tokens_[byte]
                   : byte_symbols_[byte] < vocabulary_->size()
                       ? static_cast<Token>(byte_symbols_[byte])
                       : -1;
        if (id < 0)
            id = vocabulary_->unk;
        if (id >= 0)
            scratch.parts_.push_back({id, static_cast<uint32_t>(offset)});
    };
    for (size_t i = 0; i < text.size(); ++i) {
        if (raw_ && text[i] == ' ')
            for (char mark : kSpaceMark)
                emitByte(static_cast<unsigned char>(mark), symbol.start + i);
        else
            emitByte(static_cast<unsigned char>(text[i]), symbol.start + i);
    }
}

} // namespace longscope::model
