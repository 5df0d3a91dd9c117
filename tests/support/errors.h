// Expectations on errors.
#pragma once

#include "compute/core/error.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace longscope {

/// The message of the Error(kind) that `act` must throw.
template <class Act> std::string errorOf(ErrorKind kind, Act act) {
    try {
        act();
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
}

inline bool holds(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace longscope
