// Configs of models that a test makes, and what is said of those that are refused.
#pragma once

#include "compute/model/config.h"
#include "tests/support/errors.h"
#include "tests/support/gguf_writer.h"

namespace longscope::testing {

inline model::Config configOf(const GgufWriter &writer) {
    auto bytes = writer.build();
    return model::readConfig(model::Gguf::parse(bytes, "test.gguf"));
}

inline void expectRefusal(const GgufWriter &writer, std::string_view part) {
    std::string message = errorOf(ErrorKind::model, [&] { configOf(writer); });
    EXPECT_TRUE(holds(message, part)) << message << "\nhas no: " << part;
}

} // namespace longscope::testing
