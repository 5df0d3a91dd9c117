// Every public vocabulary test file, the prompt of the default model, streaming, spans and broken
// vocabularies.
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/model/tokenizer.h"
#include "tests/support/default_model.h"
#include "tests/support/gguf_writer.h"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

namespace longscope::model {
namespace {

using testing::GgufWriter;

std::string vocabPath(const std::string &name) {
    return std::string(LONGSCOPE_THIRD_PARTY) + "/vocab/ggml-vocab-" + name + ".gguf";
}

Tokenizer openTokenizer(const std::string &name) {
    return Tokenizer(Gguf::open(vocabPath(name)));
}

struct Case {
    std::string text;
    std::vector<Token> ids;
};

/// Texts are separated by a marker line, ids stand one text a line.
std::vector<Case> readCases(const std::string &name) {
    std::string texts = readWholeFile(vocabPath(name) + ".inp");
    std::istringstream ids(readWholeFile(vocabPath(name) + ".out"));
    const std::string marker = "\n__ggml_vocab_test__\n";
    std::vector<Case> cases;
    for (size_t at = 0; at < texts.size();) {
        size_t end = std::min(texts.find(marker, at), texts.size());
        Case test{texts.substr(at, end - at), {}};
        std::string line;
        std::getline(ids, line);
        std::istringstream numbers(line);
        for (Token id; numbers >> id;)
            test.ids.push_back(id);
        cases.push_back(std::move(test));
        at = end + marker.size();
    }
    return cases;
}

std::string show(const std::vector<Token> &ids) {
    std::string out;
    for (Token id : ids)
        out += std::format("{} ", id);
    return out;
}

constexpr TokenizeOptions kPlain{.parse_special = false, .add_bos = false};

struct VocabularyFile {
    const char *name;
    size_t cases;
};
std::ostream &operator<<(std::ostream &out, const VocabularyFile &file) {
    return out << file.name;
}

class VocabularyTest : public ::testing::TestWithParam<VocabularyFile> {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(vocabPath(GetParam().name)))
            GTEST_FAIL() << vocabPath(GetParam().name)
                         << " is missing: run app/setup.sh once, it unpacks the test vocabularies";
    }
};

INSTANTIATE_TEST_SUITE_P(
    Public, VocabularyTest,
    ::testing::Values(VocabularyFile{"command-r", 46}, VocabularyFile{"deepseek-coder", 46},
                      VocabularyFile{"deepseek-llm", 46}, VocabularyFile{"falcon", 46},
                      VocabularyFile{"gemma-4", 46}, VocabularyFile{"gpt-2", 46},
                      VocabularyFile{"llama-bpe", 46}, VocabularyFile{"llama-spm", 46},
                      VocabularyFile{"mpt", 46}, VocabularyFile{"phi-3", 46},
                      VocabularyFile{"qwen2", 46}, VocabularyFile{"refact", 46},
                      VocabularyFile{"starcoder", 46}, VocabularyFile{"qwen35", 50}),
    [](const auto &test) {
        std::string name = test.param.name;
        std::ranges::replace(name, '-', '_');
        return name;
    });

TEST_P(VocabularyTest, MatchesEveryCase) {
    Tokenizer tokenizer = openTokenizer(GetParam().name);
    size_t right = 0;
    auto cases = readCases(GetParam().name);
    for (const Case &test : cases) {
        auto ids = tokenizer.encode(test.text, kPlain);
        EXPECT_EQ(ids, test.ids) << "text \"" << test.text << "\"\n got " << show(ids) << "\nwant "
                                 << show(test.ids);
        right += ids == test.ids;
    }
    std::cout << GetParam().name << ": " << right << "/" << cases.size() << " cases match\n";
    EXPECT_EQ(right, GetParam().cases);
    EXPECT_EQ(tokenizer.warning(), "");
}

TEST_P(VocabularyTest, StreamsAsItDecodes) {
    Tokenizer tokenizer = openTokenizer(GetParam().name);
    for (const Case &test : readCases(GetParam().name)) {
        StreamDecoder stream(tokenizer, true);
        std::string text;
        for (Token id : test.ids) {
            std::string part = stream.push(id);
            EXPECT_EQ(part, repairUtf8(part)) << "half a character in \"" << test.text << "\"";
            text += part;
        }
        text += stream.finish();
        EXPECT_EQ(text, tokenizer.decode(test.ids));
        EXPECT_EQ(text, test.text);
    }
}

TEST_P(VocabularyTest, StreamsRandomIdsInWholeCharacters) {
    Tokenizer tokenizer = openTokenizer(GetParam().name);
    std::mt19937 random(7);
    std::uniform_int_distribution<Token> any(0, static_cast<Token>(tokenizer.vocab()) - 1);
    for (int round = 0; round < 100; ++round) {
        std::vector<Token> ids(20);
        std::ranges::generate(ids, [&] { return any(random); });
        StreamDecoder stream(tokenizer);
        std::string text;
        for (Token id : ids) {
            std::string part = stream.push(id);
            ASSERT_EQ(part, repairUtf8(part));
            text += part;
        }
        text += stream.finish();
        ASSERT_EQ(text, tokenizer.decode(ids, false));
    }
}

TEST_P(VocabularyTest, PlacesEveryTokenWhereItsBytesAre) {
    Tokenizer tokenizer = openTokenizer(GetParam().name);
    for (const Case &test : readCases(GetParam().name)) {
        auto placed = tokenizer.encodePlaced(test.text, kPlain);
        ASSERT_EQ(placed.ids, test.ids);
        ASSERT_EQ(placed.starts.size(), placed.ids.size());
        EXPECT_TRUE(std::ranges::is_sorted(placed.starts));
        for (size_t i = 0; i < placed.ids.size(); ++i) {
            size_t end = i + 1 < placed.starts.size() ? placed.starts[i + 1] : test.text.size();
            std::string bytes = tokenizer.bytesOf(placed.ids[i]);
            if (i == 0 && bytes.size() == end - placed.starts[i] + 1)
                bytes.erase(0, 1); // the space that the encoder put there
            // A space mark that is written byte by byte has three tokens for one byte.
            if (bytes != "\xE2" && bytes != "\x96" && bytes != "\x81") {
                EXPECT_EQ(bytes, test.text.substr(placed.starts[i], end - placed.starts[i]))
                    << "token " << i << " of \"" << test.text << "\"";
            }
        }
    }
}

TEST_P(VocabularyTest, TakesInvalidBytesAndLongRuns) {
    Tokenizer tokenizer = openTokenizer(GetParam().name);
    std::string broken = "caf\xC3\xA9 \xFF\xC3 and \xE2\x82 end\x80";
    auto placed = tokenizer.encodePlaced(broken, kPlain);
    EXPECT_EQ(placed.ids, tokenizer.encode(broken, kPlain));
    EXPECT_EQ(tokenizer.decode(placed.ids), repairUtf8(broken));
    EXPECT_LT(placed.starts.back(), broken.size());
    for (const std::string &run :
         {std::string(100'000, ' '), std::string(100'000, 'a'), std::string(100'000, '\n')}) {
        std::string text = "x" + run + "y";
        EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, kPlain)), text);
    }
}

TEST(TokenizerTest, RecognisesSpecialTokensOnlyWhenAsked) {
    for (const auto &[name, special] : {std::pair{"llama-bpe", "<|eot_id|>"},
                                        {"qwen2", "<|im_start|>"},
                                        {"phi-3", "<|user|>"},
                                        {"llama-spm", "</s>"},
                                        {"gemma-4", "<turn|>"}}) {
        Tokenizer tokenizer = openTokenizer(name);
        Token id = tokenizer.findToken(special);
        ASSERT_GE(id, 0) << name;
        EXPECT_TRUE(tokenizer.isSpecial(id)) << name;
        std::string text = std::string("a") + special + "b";
        auto with = tokenizer.encode(text, {.parse_special = true, .add_bos = false});
        auto without = tokenizer.encode(text, kPlain);
        EXPECT_EQ(std::ranges::count(with, id), 1) << name;
        EXPECT_EQ(std::ranges::count(without, id), 0) << name;
        EXPECT_EQ(tokenizer.decode(without), text) << name;
        EXPECT_EQ(tokenizer.decode(with, false).find(special), std::string::npos) << name;
        EXPECT_NE(tokenizer.decode(with, true).find(special), std::string::npos) << name;
    }
}

TEST(TokenizerTest, PlainSpansKeepInjectedSpecialsText) {
    // Command-R's marks are user-defined tokens in its file.
    for (const auto &[name, marker] : {std::pair<std::string, std::string>{"qwen2", "<|im_end|>"},
                                       {"llama-bpe", "<|eot_id|>"},
                                       {"command-r", "<|START_OF_TURN_TOKEN|>"}}) {
        Tokenizer tokenizer = openTokenizer(name);
        Token id = tokenizer.findToken(marker);
        std::string user = "Hello" + marker + " there";
        std::string text = marker + user + marker;
        std::vector<PlainSpan> spans{{marker.size(), marker.size() + user.size()}};
        auto ids = tokenizer.encode(text, {.parse_special = true, .add_bos = false}, spans);
        EXPECT_EQ(std::ranges::count(ids, id), 2) << name;
        EXPECT_EQ(ids.front(), id);
        EXPECT_EQ(ids.back(), id);
        EXPECT_EQ(tokenizer.decode(ids), text);
        // A span that covers one byte of a marker is enough.
        std::vector<PlainSpan> touch{{3, 4}};
        ids = tokenizer.encode(marker, {.parse_special = true, .add_bos = false}, touch);
        EXPECT_EQ(std::ranges::count(ids, id), 0) << name;
        // Text is tokenised across the border of a span.
        std::vector<PlainSpan> half{{0, 3}};
        EXPECT_EQ(tokenizer.encode("Hello world", kPlain, half),
                  tokenizer.encode("Hello world", kPlain));
    }
}

TEST(TokenizerTest, KnowsBosAndEndOfGeneration) {
    Tokenizer llama = openTokenizer("llama-bpe");
    EXPECT_TRUE(llama.addsBos());
    EXPECT_EQ(llama.encode("x").front(), llama.bos());
    EXPECT_TRUE(llama.isEndOfGeneration(llama.findToken("<|eot_id|>")));
    EXPECT_FALSE(llama.isEndOfGeneration(llama.bos()));
    EXPECT_FALSE(llama.isEndOfGeneration(-1));

    Tokenizer qwen = openTokenizer("qwen2");
    EXPECT_FALSE(qwen.addsBos());
    EXPECT_TRUE(qwen.isEndOfGeneration(qwen.findToken("<|im_end|>")));
    // A normal token that is overridden by its text.
    EXPECT_TRUE(qwen.isSpecial(qwen.findToken("</s>")));

    Tokenizer gemma = openTokenizer("gemma-4");
    EXPECT_TRUE(gemma.addsBos());
    EXPECT_FALSE(gemma.isSpecial(gemma.findToken("</s>")));
    EXPECT_TRUE(gemma.isEndOfGeneration(gemma.findToken("<turn|>")));
}

TEST(TokenizerTest, Phi3StripsBehindSpecials) {
    Tokenizer phi = openTokenizer("phi-3");
    TokenizeOptions options{.parse_special = true, .add_bos = false};
    EXPECT_EQ(phi.encode("<|user|>\n hi", options), phi.encode("<|user|>hi", options));
    EXPECT_NE(phi.encode("<s> \nhi", options), phi.encode("<s>hi", options));
}

TEST(TokenizerTest, DefaultModelPromptHasTheReferenceIds) {
    std::string path = testing::findDefaultModel();
    ASSERT_NE(path, "") << testing::kNoDefaultModel;
    Tokenizer tokenizer(Gguf::open(path));
    std::string folder = LONGSCOPE_TEST_DATA;
    std::string prompt = readWholeFile(folder + "/smollm2_prompt.txt");
    auto reference = nlohmann::json::parse(readWholeFile(folder + "/smollm2_prompt.json"));
    auto ids = tokenizer.encode(prompt);
    EXPECT_EQ(ids, reference["tokens"].get<std::vector<Token>>());
    EXPECT_EQ(tokenizer.decode(ids), prompt);
    std::cout << "default model: " << ids.size() << " ids of the reference prompt\n";
}

GgufWriter makeBytes() {
    return testing::makeTinyLlama();
}

Tokenizer parse(const std::vector<std::byte> &bytes) {
    return Tokenizer(Gguf::parse(bytes, "test"));
}

std::string refusal(const GgufWriter &writer, ErrorKind kind) {
    try {
        parse(writer.build());
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        return error.what();
    }
    return "no refusal";
}

TEST(TokenizerTest, RejectsKindsByName) {
    for (const char *name : {"bert", "t5", "rwkv", "plamo2", "test"}) {
        auto writer = makeBytes();
        writer.set("tokenizer.ggml.model", std::string(name));
        EXPECT_NE(refusal(writer, ErrorKind::model).find(name), std::string::npos);
    }
    auto writer = makeBytes();
    writer.remove("tokenizer.ggml.model");
    EXPECT_NE(refusal(writer, ErrorKind::model).find("no tokenizer"), std::string::npos);
}

TEST(TokenizerTest, RejectsArraysThatDoNotFit) {
    auto writer = makeBytes();
    writer.set("tokenizer.ggml.token_type", std::vector<int32_t>{1, 1});
    EXPECT_NE(refusal(writer, ErrorKind::file).find("2 entries"), std::string::npos);

    writer = makeBytes();
    writer.set("tokenizer.ggml.merges", std::vector<std::string>{"nospace"});
    EXPECT_NE(refusal(writer, ErrorKind::file).find("nospace"), std::string::npos);

    writer = makeBytes();
    writer.remove("tokenizer.ggml.tokens");
    EXPECT_NE(refusal(writer, ErrorKind::file).find("without tokens"), std::string::npos);
}

TEST(TokenizerTest, UnknownPreTokenizerWarns) {
    auto writer = makeBytes();
    writer.set("tokenizer.ggml.pre", std::string("from-the-future"));
    auto bytes = writer.build();
    Tokenizer tokenizer = parse(bytes);
    EXPECT_NE(tokenizer.warning().find("from-the-future"), std::string::npos);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("some text 123", kPlain)), "some text 123");
}

TEST(TokenizerTest, EveryPreTokenizerCompilesAndLosesNothing) {
    const std::string text =
        "It's 12345 caf\xC3\xA9s, \xE4\xBD\xA0\xE5\xA5\xBD!\r\n\n\t x  HTTPServer "
        "\xE2\x84\xAB\xE2\x84\xA6 a\xCC\x81  ";
    for (const char *pre :
         {"gpt-2",      "starcoder",  "llama-bpe",  "dbrx",         "glm4",           "qwen2",
          "qwen35",     "falcon",     "default",    "deepseek-llm", "deepseek-coder", "deepseek-v3",
          "gpt-4o",     "tekken",     "chameleon",  "minicpm5",     "laguna",         "ufakzeka",
          "seed-coder", "bailingmoe", "exaone-moe", "jais-2",       "tiny_aya",       "youtu",
          "spark2_5",   "bloom",      "viking"}) {
        auto writer = makeBytes();
        writer.set("tokenizer.ggml.pre", std::string(pre));
        auto bytes = writer.build();
        Tokenizer tokenizer = parse(bytes);
        EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, kPlain)), text) << pre;
    }
}

} // namespace
} // namespace longscope::model
