// What a fuzz target defines. standalone.cpp drives it with any compiler; libFuzzer finds the entry
// by its own name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// Must not crash, whatever the bytes; returns 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// Good inputs, from which bad ones are made; not empty.
std::vector<std::vector<uint8_t>> seedCorpus();
