#include "compute/model/vocabulary.h"

#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/model/pretokenizer.h"

#include <algorithm>
#include <array>
#include <format>

namespace longscope::model {
namespace {

// A token with one of these texts is a control token and ends generation, whatever its type says:
// converters forget it often.
constexpr std::string_view kEnds[] = {"<|eot_id|>",
                                      "<|im_end|>",
                                      "<|end|>",
                                      "<|return|>",
                                      "<|call|>",
                                      "<|flush|>",
                                      "<|calls|>",
                                      "<end_of_turn>",
                                      "<|endoftext|>",
                                      "</s>",
                                      "<|eom_id|>",
                                      "<EOT>",
                                      "_<EOT>",
                                      "[EOT]",
                                      "[EOS]",
                                      "<|end_of_text|>",
                                      "<end_of_utterance>",
                                      "<eos>",
                                      "<turn|>",
                                      "<|tool_response>",
                                      "<\xEF\xBD\x9C"
                                      "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
                                      "[e~["};

// Fill-in-middle names: control tokens. The second list (pad, repository, file) also ends
// generation.
constexpr std::string_view kFillInMiddle[] = {"<|fim_prefix|>",
                                              "<fim_prefix>",
                                              "<fim-prefix>",
                                              "<PRE>",
                                              "\xE2\x96\x81<PRE>",
                                              "<|fim_suffix|>",
                                              "<fim_suffix>",
                                              "<fim-suffix>",
                                              "<SUF>",
                                              "\xE2\x96\x81<SUF>",
                                              "<|fim_middle|>",
                                              "<fim_middle>",
                                              "<fim-middle>",
                                              "<MID>",
                                              "\xE2\x96\x81<MID>",
                                              "<|code_prefix|>",
                                              "<|code_suffix|>",
                                              "<|code_middle|>",
                                              "<|prefix|>",
                                              "<|suffix|>",
                                              "<|middle|>",
                                              "<\xEF\xBD\x9C"
                                              "fim\xE2\x96\x81"
                                              "begin\xEF\xBD\x9C>",
                                              "<\xEF\xBD\x9C"
                                              "fim\xE2\x96\x81hole\xEF\xBD\x9C>",
                                              "<\xEF\xBD\x9C"
                                              "fim\xE2\x96\x81"
                                              "end\xEF\xBD\x9C>"};
constexpr std::string_view kFillInMiddleEnds[] = {
    "<|fim_pad|>",   "<fim_pad>",  "<fim-pad>", "<PAD>",      "[PAD]",       "<|fim_repo|>",
    "<|repo_name|>", "<fim-repo>", "<REPO>",    "<reponame>", "<|file_sep|>"};

// gpt-oss: the channels of an answer must be seen, so they are text that is always matched.
constexpr std::string_view kAlwaysShown[] = {"<|channel|>", "<|message|>", "<|start|>",
                                             "<|constrain|>"};

TokenizerKind kindOf(const Gguf &file) {
    std::string name = file.findString("tokenizer.ggml.model").value_or("");
    if (name == "gpt2")
        return TokenizerKind::byte_bpe;
    if (name == "gemma4")
        return TokenizerKind::raw_bpe;
    if (name == "llama")
        return TokenizerKind::sentencepiece;
    if (name.empty() || name == "no_vocab" || name == "none")
        fail(ErrorKind::model, "{} has no tokenizer (tokenizer.ggml.model is {})", file.path(),
             name.empty() ? "missing" : name);
    fail(ErrorKind::model,
         "{} has a tokenizer of the kind \"{}\", which is not supported (supported: gpt2, gemma4, "
         "llama)",
         file.path(), name);
}

TokenType typeOf(int64_t number, size_t id, const Gguf &file) {
    // Some converters write 0 ("undefined") for padding tokens.
    if (number == 0)
        return TokenType::unused;
    if (number < 1 || number > 6)
        fail(ErrorKind::file, "{}: token {} has the type {}, wanted 1 to 6", file.path(), id,
             number);
    return static_cast<TokenType>(number);
}

} // namespace

Vocabulary::Vocabulary(const Gguf &file) : kind(kindOf(file)) {
    pre = file.findString("tokenizer.ggml.pre").value_or("");
    readTokens(file);
    ends_generation.assign(texts.size(), false);
    chat_marker.assign(texts.size(), false);
    readDefaults(file);
    overrideTypes();
    findEnds(file);
}

void Vocabulary::readTokens(const Gguf &file) {
    const auto *tokens = file.findStrings("tokenizer.ggml.tokens");
    if (!tokens || tokens->empty())
        fail(ErrorKind::file, "{} has a tokenizer without tokens (tokenizer.ggml.tokens)",
             file.path());
    texts = *tokens;
    auto checkLength = [&](std::string_view key, size_t length) {
        if (length != texts.size())
            fail(ErrorKind::file, "{}: {} has {} entries for {} tokens", file.path(), key, length,
                 texts.size());
    };
    types.assign(texts.size(), TokenType::normal);
    if (auto numbers = file.findIntegers("tokenizer.ggml.token_type")) {
        checkLength("tokenizer.ggml.token_type", numbers->size());
        for (size_t id = 0; id < texts.size(); ++id)
            types[id] = typeOf((*numbers)[id], id, file);
    }
    if (kind == TokenizerKind::sentencepiece) {
        scores.assign(texts.size(), 0);
        if (auto numbers = file.findNumbers("tokenizer.ggml.scores")) {
            checkLength("tokenizer.ggml.scores", numbers->size());
            std::ranges::transform(*numbers, scores.begin(),
                                   [](double score) { return static_cast<float>(score); });
        }
    }
    ids_.reserve(texts.size());
    for (size_t id = 0; id < texts.size(); ++id) {
        if (texts[id].empty())
            texts[id] = std::format("[EMPTY_{}]", id);
        ids_[texts[id]] = static_cast<Token>(id);
    }
}

void Vocabulary::readDefaults(const Gguf &file) {
    if (kind == TokenizerKind::sentencepiece) {
        bos = 1, eos = 2, unk = 0;
        add_bos = add_space_prefix = true;
    } else if (kind == TokenizerKind::byte_bpe) {
        const PreRules *rules = findPreRules(pre);
        bos = rules && rules->no_bos ? -1 : 11;
        eos = 11;
        add_bos = rules && rules->add_bos;
    } else {
        add_bos = true;
    }
    auto readId = [&](std::string_view key, Token &id) {
        if (id >= static_cast<Token>(texts.size()))
            id = -1;
        // Ids out of range stand in real files (a pad that was never added): the default holds.
        if (const Value *value = file.find(key); value && !std::holds_alternative<Array>(*value)) {
            auto number = file.findNumber(key);
            if (number && *number >= 0 && *number < static_cast<double>(texts.size()))
                id = static_cast<Token>(*number);
        }
    };
    readId("tokenizer.ggml.bos_token_id", bos);
    readId("tokenizer.ggml.eos_token_id", eos);
    readId("tokenizer.ggml.unknown_token_id", unk);
    add_bos = file.findBool("tokenizer.ggml.add_bos_token").value_or(add_bos);
    if (kind == TokenizerKind::raw_bpe)
        add_bos = true; // files of gemma 4 say false by mistake
    if (kind == TokenizerKind::sentencepiece)
        add_space_prefix = file.findBool("tokenizer.ggml.add_space_prefix").value_or(true);

    std::string name = asciiLower(file.findString("general.name").value_or(""));
    strips_right = name.contains("phi-3") || name.contains("phi3");
}

void Vocabulary::overrideTypes() {
    auto set = [&](std::string_view text, TokenType type) {
        if (Token id = find(text); id >= 0)
            types[static_cast<size_t>(id)] = type;
        return find(text);
    };
    bool end_of_s_is_text = find("<|tool_response>") >= 0; // gemma4 spells </s> as plain HTML
    for (std::string_view text : kEnds) {
        if (text == "</s>" && end_of_s_is_text) {
            set(text, TokenType::normal);
            continue;
        }
        if (Token id = set(text, TokenType::control); id >= 0)
            ends_generation[static_cast<size_t>(id)] = true;
    }
    for (std::string_view text : kFillInMiddle)
        set(text, TokenType::control);
    for (std::string_view text : kFillInMiddleEnds)
        if (Token id = set(text, TokenType::control); id >= 0)
            ends_generation[static_cast<size_t>(id)] = true;
    for (std::string_view text : kAlwaysShown)
        set(text, TokenType::user_defined);
    // Command-R's file has the marks of its turns as user-defined too.
    for (size_t id = 0; id < texts.size(); ++id)
        chat_marker[id] = types[id] == TokenType::user_defined && texts[id].starts_with("<|") &&
                          texts[id].ends_with("|>");
}

void Vocabulary::findEnds(const Gguf &file) {
    auto end = [&](Token id) {
        if (id >= 0)
            ends_generation[static_cast<size_t>(id)] = true;
    };
    end(eos);
    for (std::string_view key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
        const Value *value = file.find(key);
        if (!value || std::holds_alternative<Array>(*value))
            continue;
        auto number = file.findNumber(key);
        if (number && *number >= 0 && *number < static_cast<double>(texts.size()))
            end(static_cast<Token>(*number));
    }
    // Where an answer has several parts, <|end|> closes one of them only.
    bool has_parts = (find("<|return|>") >= 0 && find("<|call|>") >= 0) ||
                     (find("<|calls|>") >= 0 && find("<|flush|>") >= 0);
    if (Token id = find("<|end|>"); id >= 0 && has_parts)
        ends_generation[static_cast<size_t>(id)] = false;
}

Token Vocabulary::find(std::string_view text) const {
    auto found = ids_.find(text);
    return found == ids_.end() ? -1 : found->second;
}

bool Vocabulary::isControl(Token id) const {
    if (id < 0 || id >= static_cast<Token>(size()))
        return false;
    TokenType type = types[static_cast<size_t>(id)];
    return type == TokenType::control || type == TokenType::unknown;
}

std::vector<Token> Vocabulary::findByteTokens() const {
    std::vector<Token> tokens(256);
    for (unsigned byte = 0; byte < 256; ++byte)
        tokens[byte] = find(std::format("<0x{:02X}>", byte));
    return tokens;
}

} // namespace longscope::model
