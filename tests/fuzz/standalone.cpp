// A fuzzer's main loop without libFuzzer: changes the seed inputs at random and runs the target.
// Input number i depends on --seed and i alone, so that a crash is repeated with `--input i`.
//
//     fuzz_gguf [--seconds 5] [--seed 1] [--input i] [file ...]
//
// With files: runs each of them once and nothing else.
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <span>
#include <string>

// Sanitizers end a process without a signal; they call this back when they are linked.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Input = std::vector<uint8_t>;
using Random = std::mt19937_64;

std::atomic<uint64_t> current_input{0};

void tellInput() {
    std::fprintf(stderr, "\ncrashed at --input %lu\n", current_input.load());
}

void dieOfSignal(int number) {
    tellInput();
    std::signal(number, SIG_DFL);
    std::raise(number);
}

/// Half of all places are in the first KiB: headers break more than data do.
size_t randomPlace(size_t size, Random &random) {
    size_t range = random() % 2 ? std::min<size_t>(size, 1024) : size;
    return range ? random() % range : 0;
}

void overwrite(Input &input, uint64_t value, size_t width, Random &random) {
    size_t at = randomPlace(input.size(), random);
    std::memcpy(input.data() + at, &value, std::min(width, input.size() - at));
}

/// Numbers at which readers break: limits of types, products that wrap, small counts.
uint64_t interestingNumber(Random &random) {
    constexpr uint64_t kNumbers[] = {0,          1,          2,          3,           4,
                                     5,          8,          9,          31,          32,
                                     33,         255,        256,        65535,       65536,
                                     0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 1ull << 60,
                                     1ull << 61, 1ull << 62, 1ull << 63, ~0ull,       ~0ull - 31};
    uint64_t number = kNumbers[random() % std::size(kNumbers)];
    return random() % 4 ? number : number + random() % 3 - 1;
}

/// A run of bytes: its beginning and a length that is short more often than long.
std::pair<ptrdiff_t, ptrdiff_t> randomRun(const Input &input, Random &random) {
    size_t begin = randomPlace(input.size(), random), left = input.size() - begin;
    size_t length = std::min<size_t>(left, random() % (1ull << (random() % 12)));
    return {static_cast<ptrdiff_t>(begin), static_cast<ptrdiff_t>(begin + length)};
}

void changeOnce(Input &input, const Input &other, Random &random) {
    if (input.empty())
        input.push_back(static_cast<uint8_t>(random()));
    auto [first, last] = randomRun(input, random);
    auto begin = input.begin();
    switch (random() % 9) {
    case 0: // flip a bit
        input[randomPlace(input.size(), random)] ^= static_cast<uint8_t>(1u << random() % 8);
        break;
    case 1:
        overwrite(input, random(), 1, random);
        break;
    case 2:
        overwrite(input, interestingNumber(random), 4, random);
        break;
    case 3:
        overwrite(input, interestingNumber(random), 8, random);
        break;
    case 4:
        input.erase(begin + first, begin + last);
        break;
    case 5: { // repeat a run
        Input run(begin + first, begin + last);
        input.insert(begin + last, run.begin(), run.end());
        break;
    }
    case 6: // noise
        std::generate(begin + first, begin + last, [&] { return static_cast<uint8_t>(random()); });
        break;
    case 7:
        input.resize(randomPlace(input.size(), random));
        break;
    case 8: { // the beginning of this one, the end of another
        auto [from, unused] = randomRun(other, random);
        input.resize(static_cast<size_t>(first));
        input.insert(input.end(), other.begin() + from, other.end());
        break;
    }
    }
}

Input makeInput(const std::vector<Input> &corpus, uint64_t seed, uint64_t number) {
    if (number < corpus.size())
        return corpus[number]; // the seeds themselves, unchanged
    Random random(seed * 0x9E3779B97F4A7C15 + number);
    Input input = corpus[random() % corpus.size()];
    uint64_t changes = 1 + random() % (1ull << (random() % 4));
    for (uint64_t i = 0; i < changes; ++i)
        changeOnce(input, corpus[random() % corpus.size()], random);
    return input;
}

void runInput(const std::vector<Input> &corpus, uint64_t seed, uint64_t number) {
    current_input = number;
    Input input = makeInput(corpus, seed, number);
    LLVMFuzzerTestOneInput(input.data(), input.size());
}

struct Options {
    double seconds = 5;
    uint64_t seed = 1;
    std::optional<uint64_t> input;
    std::vector<std::string> files;
};

void runFor(const Options &options) {
    using Clock = std::chrono::steady_clock;
    const std::vector<Input> corpus = seedCorpus();
    auto begin = Clock::now();
    uint64_t executions = 0;
    double passed = 0;
    while (passed < options.seconds) {
        runInput(corpus, options.seed, executions++);
        passed = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    std::printf("%lu executions, %.0f executions/s, seed %lu\n", executions,
                static_cast<double>(executions) / passed, options.seed);
}

void runFile(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    Input input{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    LLVMFuzzerTestOneInput(input.data(), input.size());
    std::printf("%s: %zu bytes, survived\n", path.c_str(), input.size());
}

Options parseOptions(std::span<char *> arguments) {
    Options options;
    for (size_t i = 0; i < arguments.size(); ++i) {
        std::string argument = arguments[i];
        auto number = [&] {
            if (++i == arguments.size()) {
                std::fprintf(stderr, "%s needs a number\n", argument.c_str());
                std::exit(2);
            }
            return arguments[i];
        };
        if (argument == "--seconds")
            options.seconds = std::atof(number());
        else if (argument == "--seed")
            options.seed = std::strtoull(number(), nullptr, 10);
        else if (argument == "--input")
            options.input = std::strtoull(number(), nullptr, 10);
        else
            options.files.push_back(argument);
    }
    return options;
}

} // namespace

int main(int argc, char **argv) {
    std::signal(SIGABRT, dieOfSignal);
    if (__sanitizer_set_death_callback) { // its own handlers of the others print a report
        __sanitizer_set_death_callback(tellInput);
    } else {
        for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL})
            std::signal(number, dieOfSignal);
    }
    Options options = parseOptions({argv + 1, static_cast<size_t>(argc - 1)});
    for (const std::string &file : options.files)
        runFile(file);
    if (options.input)
        runInput(seedCorpus(), options.seed, *options.input);
    else if (options.files.empty())
        runFor(options);
    return 0;
}
