// Any text through each kind of tokenizer, and any text through vocabularies made of random bytes.
// The first byte chooses: below 128 one of the good vocabularies, else a hostile one.
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/model/tokenizer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/gguf_writer.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <format>
#include <string>
#include <string_view>

namespace {

using namespace longscope;
using model::Token;
using testing::GgufWriter;

void require(bool holds, const char *what) {
    if (holds)
        return;
    std::fprintf(stderr, "not true: %s\n", what);
    std::abort();
}

model::Tokenizer makeTokenizer(const GgufWriter &writer) {
    auto bytes = writer.build();
    return model::Tokenizer(model::Gguf::parse(bytes, "fuzz"));
}

GgufWriter makeByteLevel(const std::string &pre) {
    GgufWriter writer = testing::makeTinyLlama();
    writer.set("tokenizer.ggml.pre", pre);
    return writer;
}

/// Special tokens, all bytes, and pieces; SentencePiece gets scores, raw BPE gets merges.
GgufWriter makeSpaced(const std::string &kind) {
    std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", "<|turn|>", "  \n"};
    // User-defined only where no space is put behind it, which would not decode to the text.
    std::vector<int32_t> types = {2, 3, 3, 3, kind == "llama" ? 1 : 4};
    for (unsigned byte = 0; byte < 256; ++byte) {
        tokens.push_back(std::format("<0x{:02X}>", byte));
        types.push_back(6);
    }
    const std::string space = "\xE2\x96\x81";
    for (const std::string &piece :
         {space, std::string("t"), std::string("h"), std::string("e"), std::string("th"),
          std::string("the"), space + "t", space + "the", space + space, std::string("\n"),
          std::string("\n\n"), std::string("\xC3\xA9"), std::string("<"), std::string(">")}) {
        tokens.push_back(piece);
        types.push_back(1);
    }
    std::vector<float> scores;
    for (size_t id = 0; id < tokens.size(); ++id)
        scores.push_back(-static_cast<float>(id));
    GgufWriter writer;
    writer.set("tokenizer.ggml.model", kind).set("tokenizer.ggml.tokens", tokens);
    writer.set("tokenizer.ggml.token_type", types).set("tokenizer.ggml.scores", scores);
    writer.set("tokenizer.ggml.bos_token_id", uint32_t{1});
    writer.set("tokenizer.ggml.eos_token_id", uint32_t{2});
    writer.set("tokenizer.ggml.merges",
               std::vector<std::string>{"t h", "th e", space + " t", space + "t he", "h e",
                                        space + " the", space + " " + space, "\n \n"});
    return writer;
}

void checkIds(const model::Tokenizer &tokenizer, std::string_view text,
              const model::TokenizeOptions &options) {
    auto ids = tokenizer.encode(text, options);
    auto placed = tokenizer.encodePlaced(text, options);
    require(placed.ids == ids, "encodePlaced gives the ids of encode");
    require(placed.starts.size() == ids.size(), "one start a token");
    require(std::ranges::is_sorted(placed.starts), "starts do not decrease");
    require(placed.starts.empty() || placed.starts.back() <= text.size(), "starts are in the text");
    for (Token id : ids)
        require(id >= 0 && id < static_cast<Token>(tokenizer.vocab()), "ids are in the vocabulary");
    for (bool show : {false, true}) {
        model::StreamDecoder stream(tokenizer, show);
        std::string streamed;
        for (Token id : ids) {
            std::string part = stream.push(id);
            require(repairUtf8(part) == part, "streamed parts are whole characters");
            streamed += part;
        }
        streamed += stream.finish();
        require(streamed == tokenizer.decode(ids, show), "streaming equals decoding");
    }
}

/// The text as a vocabulary with space marks gives it back: U+2581 itself is a space there.
std::string expectedText(std::string_view text, bool space_marks) {
    std::string out = repairUtf8(text);
    for (size_t at = 0; space_marks && (at = out.find("\xE2\x96\x81", at)) != std::string::npos;)
        out.replace(at, 3, " ");
    return out;
}

enum class RoundTrip { none, exact, space_marks };

void checkText(const model::Tokenizer &tokenizer, std::string_view text, RoundTrip round_trip) {
    for (bool special : {false, true})
        checkIds(tokenizer, text, {.parse_special = special, .add_bos = special});
    auto plain = tokenizer.encode(text, {.parse_special = false, .add_bos = false});
    model::PlainSpan all{0, text.size()};
    auto spanned = tokenizer.encode(text, {.parse_special = true, .add_bos = false}, {&all, 1});
    require(spanned == plain, "a span over everything is like no special tokens");
    model::PlainSpan half{text.size() / 3, text.size() / 2};
    tokenizer.encode(text, {}, {&half, 1});
    if (round_trip != RoundTrip::none)
        require(tokenizer.decode(plain) == expectedText(text, round_trip == RoundTrip::space_marks),
                "decoding gives the text back");
}

/// Reads small numbers and texts off the input.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    uint8_t number() {
        if (bytes_.empty())
            return 0;
        auto value = static_cast<uint8_t>(bytes_.front());
        bytes_.remove_prefix(1);
        return value;
    }
    std::string text(size_t length) {
        std::string out(bytes_.substr(0, length));
        bytes_.remove_prefix(out.size());
        return out;
    }
    std::string_view rest() const { return bytes_; }

  private:
    std::string_view bytes_;
};

void checkHostile(Reader reader) {
    const char *kinds[] = {"gpt2", "llama", "gemma4"};
    const char *pres[] = {"default", "llama-bpe", "deepseek-llm", "nothing", "tekken"};
    GgufWriter writer;
    writer.set("tokenizer.ggml.model", std::string(kinds[reader.number() % 3]));
    writer.set("tokenizer.ggml.pre", std::string(pres[reader.number() % 5]));
    std::vector<std::string> tokens, merges;
    std::vector<int32_t> types;
    std::vector<float> scores;
    for (size_t count = reader.number() % 64; tokens.size() < count;) {
        tokens.push_back(reader.text(reader.number() % 8));
        types.push_back(reader.number() % 8);
        // Every bit pattern, not a number and infinities included.
        scores.push_back(std::bit_cast<float>(uint32_t{reader.number()} << 24 | reader.number()));
    }
    if (reader.number() % 2)
        for (unsigned byte = 0; byte < 256; ++byte) {
            tokens.push_back(std::format("<0x{:02X}>", byte));
            types.push_back(6);
            scores.push_back(0);
        }
    for (size_t count = reader.number() % 64; merges.size() < count;)
        merges.push_back(reader.text(reader.number() % 4) + " " + reader.text(reader.number() % 4));
    writer.set("tokenizer.ggml.tokens", tokens).set("tokenizer.ggml.token_type", types);
    writer.set("tokenizer.ggml.scores", scores).set("tokenizer.ggml.merges", merges);
    writer.set("tokenizer.ggml.unknown_token_id", uint32_t{reader.number()});
    writer.set("tokenizer.ggml.bos_token_id", uint32_t{reader.number()});
    writer.set("tokenizer.ggml.add_space_prefix", reader.number() % 2 == 0);
    if (reader.number() % 4 == 0)
        writer.set("general.name", std::string("Phi-3"));
    try {
        checkText(makeTokenizer(writer), reader.rest(), RoundTrip::none);
    } catch (const Error &) {
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    static const model::Tokenizer kGood[] = {
        makeTokenizer(makeByteLevel("qwen2")), makeTokenizer(makeByteLevel("deepseek-llm")),
        makeTokenizer(makeByteLevel("gpt-4o")), makeTokenizer(makeSpaced("llama")),
        makeTokenizer(makeSpaced("gemma4"))};
    std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
    size_t which = data[0] % std::size(kGood);
    if (data[0] < 128)
        checkText(kGood[which], text, which < 3 ? RoundTrip::exact : RoundTrip::space_marks);
    else
        checkHostile(Reader(text));
    return 0;
}

std::vector<std::vector<uint8_t>> seedCorpus() {
    std::vector<std::vector<uint8_t>> corpus;
    for (const std::string &text :
         {std::string(
              "the theme, the\n\n  \n 12345 caf\xC3\xA9 \xE4\xBD\xA0\xE5\xA5\xBD</s><|im_end|>"),
          std::string("<s> <|turn|>\xE2\x96\x81the\xFF\xC3 It's  HTTPServer\t\r\n")})
        for (uint8_t which = 0; which < 5; ++which) {
            corpus.push_back({which});
            corpus.back().insert(corpus.back().end(), text.begin(), text.end());
        }
    // A hostile vocabulary of three tokens and two merges, and a text.
    for (uint8_t kind = 0; kind < 3; ++kind) {
        const uint8_t numbers[] = {200, kind, 1, 3,   1,   'a', 1, 0, 0, 1, 'b', 1,
                                   1,   0,    2, 'a', 'b', 1,   2, 0, 1, 2, 1,   'a',
                                   1,   'b',  1, 'b', 1,   'a', 0, 1, 0, 1};
        corpus.emplace_back(std::begin(numbers), std::end(numbers));
        for (char c : std::string("abba aab"))
            corpus.back().push_back(static_cast<uint8_t>(c));
    }
    return corpus;
}
