// Work in a child process that is killed by SIGKILL at random instants, again and again over the
// same files. The child tells what each call has returned from, and the parent sees what it told.
// Fork before anything makes threads: no engine, no device in the parent.
#pragma once

#include "compute/core/clock.h"

#include <gtest/gtest.h>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace longscope {

/// The child's voice: a line for each thing done, said only when the call has returned.
class Teller {
  public:
    explicit Teller(int file) : file_(file) {}
    void operator()(std::string_view line) const {
        std::string whole = std::string(line) + "\n"; // at once: a short write to a pipe is whole
        if (write(file_, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size()))
            _exit(1);
    }

  private:
    int file_;
};

struct KilledWork {
    std::vector<std::string> told; ///< whole lines, in order
    bool ended = false;            ///< the work ended by itself before it was killed
    int status = 0;                ///< its exit status when it ended: 0, or 3 after an exception
};

/// Runs `work` in a child and kills it `after` that time, which begins with the child or, where
/// opening takes long and is not what is tried, with the first line that it tells.
enum class KillFrom { start, first_line };
inline KilledWork killAfter(std::chrono::microseconds after,
                            const std::function<void(const Teller &)> &work,
                            KillFrom from = KillFrom::start) {
    int ends[2];
    if (pipe(ends) != 0)
        throw std::runtime_error("no pipe");
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        try {
            work(Teller(ends[1]));
        } catch (const std::exception &error) {
            Teller tell(ends[1]);
            tell(std::string("error: ") + error.what());
            _exit(3);
        }
        _exit(0);
    }
    close(ends[1]);
    std::string said;
    auto readSome = [&] {
        char bytes[4096];
        ssize_t count = read(ends[0], bytes, sizeof bytes);
        if (count > 0)
            said.append(bytes, static_cast<size_t>(count));
        return count > 0;
    };
    KilledWork result;
    if (from == KillFrom::first_line)
        while (!result.ended && !said.contains('\n'))
            result.ended = !readSome();
    for (auto until = Clock::now() + after; Clock::now() < until && !result.ended;) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
        pollfd waiting{ends[0], POLLIN, 0};
        if (poll(&waiting, 1, static_cast<int>(left.count())) > 0)
            result.ended = !readSome();
    }
    kill(child, SIGKILL);
    while (readSome()) { // what it said before it died
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    for (size_t at = 0, end; (end = said.find('\n', at)) != said.npos; at = end + 1)
        result.told.push_back(said.substr(at, end - at));
    return result;
}

struct KillPlan {
    unsigned rounds = 50;
    std::chrono::milliseconds longest{200}; ///< a round is killed at a random instant before
    /// From when; every fourth round counts from the start in any case.
    KillFrom from = KillFrom::start;
    uint64_t seed = 1;
};

/// Round after round: `work` until it is killed, then `check` with what it told. The files are the
/// caller's, and are not cleared between rounds. An exception in the child fails the test.
inline void surviveKills(const KillPlan &plan,
                         const std::function<void(const Teller &, unsigned round)> &work,
                         const std::function<void(const KilledWork &, unsigned round)> &check) {
    std::mt19937_64 random(plan.seed);
    std::uniform_int_distribution<int64_t> instant(0,
                                                   std::chrono::microseconds(plan.longest).count());
    for (unsigned round = 0; round < plan.rounds; ++round) {
        std::chrono::microseconds after(instant(random));
        KilledWork killed = killAfter(
            after, [&](const Teller &tell) { work(tell, round); },
            round % 4 == 0 ? KillFrom::start : plan.from);
        ASSERT_EQ(killed.status, 0)
            << "round " << round << ": " << (killed.told.empty() ? "" : killed.told.back());
        check(killed, round);
        if (::testing::Test::HasFailure()) {
            ADD_FAILURE() << "round " << round << " was killed after " << after.count() << " us";
            return;
        }
    }
}

} // namespace longscope
