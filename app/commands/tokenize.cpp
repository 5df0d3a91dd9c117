// `longscope tokenize`, `detokenize` and `template`: text floor only, no Vulkan device is touched.
#include "app/commands/commands.h"
#include "app/json_output.h"
#include "app/token_file.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/model/chat_template.h"
#include "compute/model/tokenizer.h"

namespace longscope::app {
namespace {

using nlohmann::json;

struct TextModel {
    model::Gguf file;
    model::Tokenizer tokenizer;

    explicit TextModel(const Options &options)
        : file(model::Gguf::open(modelPath(options))), tokenizer(file) {
        if (!tokenizer.warning().empty())
            printWarning(tokenizer.warning());
    }
};

/// The text alone, to the byte, or as JSON.
void printText(const Options &options, const std::string &text) {
    if (options.json)
        printJson({{"text", text}});
    else
        printOut(text);
}

/// The tokenizer's own BOS is no part of the text; one that the text spelled out stays.
std::span<const model::Token> withoutAddedBos(const model::Tokenizer &tokenizer,
                                              std::span<const model::Token> ids) {
    bool added = tokenizer.addsBos() && !ids.empty() && ids.front() == tokenizer.bos();
    return added ? ids.subspan(1) : ids;
}

} // namespace

int runTokenize(const Options &options, std::stop_token) {
    TextModel model(options);
    json files = json::array();
    for (const std::string &path : options.files) {
        model::TokenizeOptions how{.parse_special = !options.no_special, .add_bos = true};
        json ids = model.tokenizer.encode(readWholeFile(path), how);
        if (options.json)
            files.push_back({{"file", path}, {"tokens", std::move(ids)}});
        else
            printOut(ids.dump() + "\n");
    }
    if (options.json)
        printJson({{"files", files}});
    return 0;
}

int runDetokenize(const Options &options, std::stop_token) {
    std::vector<model::Token> ids = readTokenFile(options.files.front());
    TextModel model(options);
    for (model::Token id : ids)
        if (static_cast<uint32_t>(id) >= model.tokenizer.vocab())
            fail(ErrorKind::file, "{} holds the token {}, the vocabulary has {}",
                 options.files.front(), id, model.tokenizer.vocab());
    std::string text = model.tokenizer.decode(withoutAddedBos(model.tokenizer, ids));
    printText(options, text);
    return 0;
}

int runTemplate(const Options &options, std::stop_token) {
    std::string messages = readWholeFile(options.files.front());
    TextModel model(options);
    model::ChatTemplate chat_template(model.file, model.tokenizer);
    try {
        printText(options, chat_template.renderJson(messages, options.add_generation_prompt));
    } catch (const Error &error) {
        ErrorKind kind = error.kind() == ErrorKind::usage ? ErrorKind::file : error.kind();
        throw Error(kind, options.files.front() + ": " + error.what());
    }
    return 0;
}

} // namespace longscope::app
