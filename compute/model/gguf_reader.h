// Parses the header of one GGUF file from memory: the part of gguf.cpp that meets untrusted bytes.
// Only this room uses it.
//
//   | "GGUF" | version u32 | tensors u64 | keys u64 | keys ... | tensor table ... | pad | data |
//   string: u64 length, bytes. key: string, u32 type, value. tensor: string, u32 dimensions, u64
//   each, u32 type, u64 offset from the start of the data. Little endian (ggml, docs/gguf.md).
#pragma once

#include "compute/model/gguf.h"

namespace longscope::model {

struct GgufHeader {
    uint32_t version = 0;
    std::vector<std::pair<std::string, Value>> metadata;
    std::vector<Tensor> tensors; ///< spans point into the bytes that were parsed
};

/// Throws as Gguf::open; `name` is the path for messages. What is allocated is bounded by a small
/// multiple of the size of `bytes`, whatever counts they claim.
GgufHeader parseGguf(std::span<const std::byte> bytes, std::string_view name);

/// "a string", "an array of 3 numbers": what a message calls a value.
std::string describeValue(const Value &value);
/// A name from a file as a message may show it: valid UTF-8, no control characters, not too long.
std::string printable(std::string_view text);

} // namespace longscope::model
