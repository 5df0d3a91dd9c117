#include "app/token_file.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <nlohmann/json.hpp>

#include <limits>

namespace longscope::app {

std::vector<model::Token> readTokenFile(const std::string &path) {
    using nlohmann::json;
    json array;
    try {
        array = json::parse(readWholeFile(path));
    } catch (const json::parse_error &error) {
        fail(ErrorKind::file, "{} is not a JSON array of token ids: wrong at byte {}", path,
             error.byte);
    }
    if (!array.is_array())
        fail(ErrorKind::file, "{} is not a JSON array of token ids but a JSON {}", path,
             array.type_name());
    std::vector<model::Token> tokens;
    for (const json &element : array) {
        bool whole = element.is_number_integer();
        int64_t value = whole ? element.get<int64_t>() : -1;
        if (!whole || value < 0 || value > std::numeric_limits<model::Token>::max())
            fail(ErrorKind::file, "{} holds {} at place {}, which is no token id", path,
                 element.dump(), tokens.size());
        tokens.push_back(static_cast<model::Token>(value));
    }
    return tokens;
}

std::vector<model::Token> someTokens(uint64_t count, uint32_t vocab) {
    std::vector<model::Token> tokens;
    uint32_t state = 1;
    for (uint64_t i = 0; i < count; ++i) {
        state = state * 1664525u + 1013904223u;
        tokens.push_back(static_cast<model::Token>((state >> 8) % vocab));
    }
    return tokens;
}

} // namespace longscope::app
