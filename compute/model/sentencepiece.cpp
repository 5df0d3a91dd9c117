#include "compute/model/sentencepiece.h"

#include "compute/core/error.h"

#include <algorithm>
#include <bit>
#include <sentencepiece_processor.h>

namespace longscope::model {
namespace {

// Protocol buffers by hand, because Debian ships no sentencepiece_model.pb.h. Field numbers from
// sentencepiece_model.proto.
class ProtoWriter {
  public:
    void integer(unsigned field, int64_t value) {
        varint(uint64_t{field} << 3 | 0);
        varint(static_cast<uint64_t>(value)); // -1 takes ten bytes
    }
    void number(unsigned field, float value) {
        varint(uint64_t{field} << 3 | 5);
        auto bits = std::bit_cast<uint32_t>(value);
        for (int shift = 0; shift < 32; shift += 8)
            bytes.push_back(static_cast<char>(bits >> shift & 0xFF));
    }
    void text(unsigned field, std::string_view value) {
        varint(uint64_t{field} << 3 | 2);
        varint(value.size());
        bytes.append(value);
    }
    std::string bytes;

  private:
    void varint(uint64_t value) {
        for (; value >= 0x80; value >>= 7)
            bytes.push_back(static_cast<char>(value | 0x80));
        bytes.push_back(static_cast<char>(value));
    }
};

/// The type that the library shall see: exactly one piece may be unknown, and byte pieces are
/// allowed only as a complete set.
TokenType libraryType(const Vocabulary &vocabulary, uint32_t id, bool all_bytes) {
    if (static_cast<Token>(id) == vocabulary.unk)
        return TokenType::unknown;
    TokenType type = vocabulary.types[id];
    if (type == TokenType::unknown || (type == TokenType::byte && !all_bytes))
        return TokenType::control;
    return type;
}

bool hasAllBytes(const Vocabulary &vocabulary) {
    auto tokens = vocabulary.findByteTokens();
    return std::ranges::all_of(tokens,
                               [&](Token id) {
                                   return id >= 0 && id != vocabulary.unk &&
                                          vocabulary.types[static_cast<size_t>(id)] ==
                                              TokenType::byte;
                               }) &&
           std::ranges::count(vocabulary.types, TokenType::byte) == 256;
}

std::string makeModel(const Vocabulary &vocabulary) {
    bool all_bytes = hasAllBytes(vocabulary);
    ProtoWriter model;
    for (uint32_t id = 0; id < vocabulary.size(); ++id) {
        ProtoWriter piece;
        piece.text(1, vocabulary.texts[id]);
        piece.number(2, vocabulary.scores[id]);
        piece.integer(3, static_cast<int64_t>(libraryType(vocabulary, id, all_bytes)));
        model.text(1, piece.bytes);
    }
    ProtoWriter trainer;
    trainer.integer(3, 2); // model_type: BPE
    trainer.integer(4, vocabulary.size());
    trainer.integer(35, all_bytes); // byte_fallback
    trainer.integer(40, vocabulary.unk);
    trainer.integer(41, vocabulary.bos);
    trainer.integer(42, vocabulary.eos);
    trainer.integer(43, -1); // pad
    trainer.text(45, vocabulary.texts[static_cast<size_t>(vocabulary.unk)]);
    model.text(2, trainer.bytes);
    ProtoWriter normalizer;
    normalizer.text(1, "identity");
    normalizer.integer(3, 0); // add_dummy_prefix: we put the space ourselves
    normalizer.integer(4, 0); // remove_extra_whitespaces
    normalizer.integer(5, 1); // escape_whitespaces
    model.text(3, normalizer.bytes);
    return model.bytes;
}

/// Whether U+2581 stands in the token behind another character.
bool hasInnerSpace(std::string_view text) {
    size_t at = 0;
    while (text.substr(at).starts_with(kSpaceMark))
        at += kSpaceMark.size();
    return text.find(kSpaceMark, at) != std::string_view::npos;
}

} // namespace

SentencePiece::SentencePiece(const Vocabulary &vocabulary, std::string_view path)
    : processor_(std::make_unique<sentencepiece::SentencePieceProcessor>()) {
    if (vocabulary.unk < 0)
        fail(ErrorKind::file, "{}: the tokenizer has no unknown token", path);
    auto status = processor_->LoadFromSerializedProto(makeModel(vocabulary));
    if (!status.ok())
        fail(ErrorKind::file, "{}: the tokenizer's vocabulary is not usable: {}", path,
             status.error_message());
    for (uint32_t id = 0; id < vocabulary.size(); ++id) {
        TokenType type = vocabulary.types[id];
        bool is_text = type == TokenType::normal || type == TokenType::user_defined ||
                       type == TokenType::unused;
        if (is_text && hasInnerSpace(vocabulary.texts[id]))
            cuts_at_spaces_ = false;
    }
}

SentencePiece::~SentencePiece() = default;

void SentencePiece::encode(std::string_view text, size_t start, bool space_before, Scratch &scratch,
                           TokenSink &sink) const {
    for (size_t at = 0; at < text.size();) {
        size_t end = text.size();
        if (cuts_at_spaces_) {
            size_t letter = text.find_first_not_of(' ', at);
            end = letter == std::string_view::npos ? end : std::min(text.find(' ', letter), end);
        }
        std::string_view piece = text.substr(at, end - at);
        if (at == 0 && space_before) {
            scratch.parts.clear();
            encodeParts(" " + std::string(piece), scratch.parts);
            for (const auto &part : scratch.parts)
                sink.add(part.id, start + std::max(part.offset, 1u) - 1);
        } else if (!scratch.cache.replay(piece, start + at, sink)) {
            scratch.parts.clear();
            encodeParts(piece, scratch.parts);
            scratch.cache.store(piece, scratch.parts, start + at, sink);
        }
        at = end;
    }
}

void SentencePiece::encodeParts(std::string_view text, std::vector<PieceCache::Part> &parts) const {
    sentencepiece::ImmutableSentencePieceText result;
    auto status = processor_->Encode(text, result.mutable_proto());
    if (!status.ok())
        fail(ErrorKind::model, "SentencePiece cannot encode {} bytes: {}", text.size(),
             status.error_message());
    for (const auto &piece : result.pieces()) {
        // The library says of all byte tokens of a character that they begin where it begins;
        // counting on from the token before gives each its own byte. A space has one byte here, and
        // the three of its mark there.
        uint32_t offset = piece.begin();
        bool in_character = !parts.empty() && parts.back().offset >= offset;
        if (in_character && offset < text.size() && text[offset] != ' ' &&
            processor_->IsByte(static_cast<int>(piece.id())))
            offset = parts.back().offset + 1;
        parts.push_back({static_cast<Token>(piece.id()), offset});
    }
}

} // namespace longscope::model
