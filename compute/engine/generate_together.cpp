#include "compute/engine/generate_together.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/branches.h"
#include "compute/engine/text_writer.h"

#include <algorithm>
#include <deque>

namespace longscope::engine {
namespace {

using Prompt = std::span<const Token>;

constexpr uint64_t kLongPrefix = 512; ///< tokens that are not read again for the last bits' sake

/// Tokens with which all prompts begin; each keeps one of its own, whose logits are wanted.
uint64_t commonTokens(std::span<const TogetherRequest> requests) {
    uint64_t common = UINT64_MAX;
    for (const TogetherRequest &request : requests) {
        auto differs = std::ranges::mismatch(request.prompt, requests.front().prompt);
        common = std::min<uint64_t>({common, request.prompt.size() - 1,
                                     static_cast<uint64_t>(differs.in1 - request.prompt.begin())});
    }
    return requests.empty() ? 0 : common;
}

/// What a turn takes of the window beyond the shared tokens.
class Room {
  public:
    explicit Room(uint64_t shared) : shared_(shared) {}
    uint64_t with(const TogetherRequest &request) const {
        bool known = std::ranges::any_of(
            prompts_, [&](Prompt other) { return std::ranges::equal(other, request.prompt); });
        return taken_ + request.options.max_tokens + (known ? 0 : request.prompt.size() - shared_);
    }
    void add(const TogetherRequest &request) {
        taken_ = with(request);
        prompts_.push_back(request.prompt);
    }
    uint64_t taken() const { return taken_; }

  private:
    uint64_t shared_, taken_ = 0;
    std::vector<Prompt> prompts_;
};

/// One reply while it is written.
class Reply {
  public:
    Reply(size_t index, const TogetherRequest &request, const model::Tokenizer &tokenizer,
          Generated &result, const OnTextOf &on_text)
        : result_(result), on_piece_([this, index, &on_text](std::string_view) {
              if (on_text && !enough_)
                  enough_ = !on_text(index, result_.text);
          }),
          writer_(tokenizer, request.prompt, request.options, result, on_piece_) {}
    Reply(const Reply &) = delete;
    Reply &operator=(const Reply &) = delete;

    /// Chooses the next token; false when the reply has ended.
    bool advance(std::span<const float> logits) {
        std::optional<Finish> finish = writer_.next(logits);
        if (enough_ && finish != Finish::stop_string)
            finish = Finish::stopped;
        if (finish)
            writer_.end(*finish);
        return !finish;
    }
    void stop() { writer_.end(Finish::stopped); }

    Token last() const { return writer_.timeline().back(); }
    uint32_t branch = 0;
    void took(double seconds) { result_.decode_seconds += seconds; }

  private:
    Generated &result_;
    bool enough_ = false;
    std::function<void(std::string_view)> on_piece_;
    ReplyWriter writer_;
};

class Together {
  public:
    Together(Session &session, std::span<const TogetherRequest> requests, const OnTextOf &on_text,
             const ProgressSink &progress, std::stop_token stop)
        : session_(session), requests_(requests), on_text_(on_text), progress_(progress),
          stop_(std::move(stop)), results_(requests.size()), shared_(commonTokens(requests)) {
        for (const TogetherRequest &request : requests)
            writing_.total += request.options.max_tokens;
        reading_.total = tokensTogether(requests) - writing_.total;
    }

    std::vector<Generated> run() {
        const bool side_by_side = whyNoBranches(session_).empty();
        for (size_t next = 0; next < requests_.size();) {
            size_t end = next;
            Room room(shared_);
            uint64_t most = session_.contextTokens() - std::min(shared_, session_.contextTokens());
            while (side_by_side && end < requests_.size() && room.with(requests_[end]) <= most &&
                   end - next < Branches::mostRows(session_))
                room.add(requests_[end++]);
            if (end == next) // alone it may end at the window's end
                writeAlone(end++);
            else
                writeTurn(next, end);
            next = end;
        }
        return std::move(results_);
    }

  private:
    void writeAlone(size_t index) {
        if (stop_.stop_requested()) {
            results_[index].finish = Finish::stopped;
            results_[index].prompt.stopped = true;
            return;
        }
        const TogetherRequest &request = requests_[index];
        std::string text;
        std::stop_source own;
        std::stop_callback pass_on(stop_, [&] { own.request_stop(); });
        auto on_piece = [&](std::string_view piece) {
            text += piece;
            if (on_text_ && !on_text_(index, text))
                own.request_stop();
        };
        auto of_all = [this, read = reading_.done, written = writing_.done](const Progress &one) {
            if (one.label == writing_.label)
                writing_.done = written + one.done;
            else
                reading_.done = std::min(read + one.done, reading_.total);
            tell(one.label == writing_.label ? writing_ : reading_);
        };
        results_[index] =
            generate(session_, request.prompt, request.options, on_piece, of_all, own.get_token());
    }

    void writeTurn(size_t first, size_t end) {
        ReadResult shared = holdShared(Prompt(requests_[first].prompt).first(shared_));
        Branches branches(session_);
        std::deque<Reply> replies; // which do not move
        std::vector<Reply *> writing;
        std::vector<std::pair<Prompt, int>> stems;
        bool stopped = shared.stopped;
        for (size_t i = first; i < end; ++i) {
            Generated &result = results_[i];
            result.prompt = i == first ? shared : ReadResult{.reused = shared_};
            int stem = stopped ? -1 : stemOf(branches, stems, i);
            stopped = stem < 0;
            result.prompt.stopped = stopped;
            result.finish = stopped ? Finish::stopped : Finish::length;
            if (stopped)
                continue;
            Reply &reply = replies.emplace_back(i, requests_[i], session_.engine().tokenizer(),
                                                result, on_text_);
            reply.branch = branches.fork(stem);
            if (reply.advance(branches.stemLogits(stem)))
                writing.push_back(&reply);
        }
        writeAll(branches, std::move(writing));
    }

    /// Makes the session hold the shared tokens, of which no logits are wanted. What it holds of
    /// other prompts is read from the beginning: tokens that are read alone, or as part of more,
    /// go through other kernels, and a run that was killed and goes on would differ in the last
    /// bits from one that was not.
    ReadResult holdShared(Prompt shared) {
        if (std::ranges::equal(session_.tokens(), shared))
            return {.reused = shared.size()};
        auto differs = std::ranges::mismatch(session_.tokens(), shared);
        auto held = static_cast<uint64_t>(differs.in2 - shared.begin());
        session_.truncate(held < kLongPrefix ? 0 : held);
        if (session_.tokens().size() == shared.size())
            return {.reused = shared.size()};
        ReadResult result = session_.read(shared, {}, stop_);
        tellReading(result.read);
        return result;
    }

    /// The stem of a request's prompt, read when it is the first with it; -1 after a stop.
    int stemOf(Branches &branches, std::vector<std::pair<Prompt, int>> &stems, size_t index) {
        Prompt own = Prompt(requests_[index].prompt).subspan(shared_);
        ReadResult &read = results_[index].prompt;
        for (const auto &[tokens, stem] : stems)
            if (std::ranges::equal(tokens, own)) {
                read.reused += own.size();
                return stem;
            }
        auto start = Clock::now();
        int stem = branches.readStem(own, stop_);
        read.seconds += secondsSince(start);
        if (stem >= 0) {
            read.read += own.size();
            stems.emplace_back(own, stem);
            tellReading(own.size());
        }
        return stem;
    }

    void writeAll(Branches &branches, std::vector<Reply *> live) {
        while (!live.empty()) {
            std::vector<Branches::Next> next;
            for (Reply *reply : live)
                next.push_back({reply->branch, reply->last()});
            auto start = Clock::now();
            if (stop_.stop_requested() || !branches.step(next, stop_)) {
                for (Reply *reply : live)
                    reply->stop();
                return;
            }
            std::vector<Reply *> still;
            for (size_t i = 0; i < live.size(); ++i)
                if (live[i]->advance(branches.logits(i)))
                    still.push_back(live[i]);
            double seconds = secondsSince(start) / static_cast<double>(live.size());
            for (Reply *reply : live)
                reply->took(seconds);
            writing_.done += live.size();
            tell(writing_);
            live = std::move(still);
        }
    }

    /// What is known already is not told, and stays missing from the total.
    void tellReading(uint64_t tokens) {
        reading_.done = std::min(reading_.done + tokens, reading_.total);
        tell(reading_);
    }
    void tell(Progress &progress) {
        progress.seconds = secondsSince(start_);
        if (progress_)
            progress_(progress);
    }

    Session &session_;
    std::span<const TogetherRequest> requests_;
    const OnTextOf &on_text_;
    const ProgressSink &progress_;
    std::stop_token stop_;
    std::vector<Generated> results_;
    uint64_t shared_;
    Clock::time_point start_ = Clock::now();
    Progress reading_{.label = "reading", .unit = "tokens"},
        writing_{.label = "writing", .unit = "tokens"};
};

} // namespace

uint64_t tokensTogether(std::span<const TogetherRequest> requests) {
    uint64_t shared = commonTokens(requests);
    Room room(shared);
    for (const TogetherRequest &request : requests)
        room.add(request);
    return shared + room.taken();
}

std::vector<Generated> generateTogether(Session &session, std::span<const TogetherRequest> requests,
                                        const OnTextOf &on_text, const ProgressSink &progress,
                                        std::stop_token stop) {
    for (const TogetherRequest &request : requests) {
        if (request.prompt.empty())
            fail(ErrorKind::usage, "there is nothing to read: 0 tokens");
        if (request.prompt.size() > session.contextTokens())
            fail(ErrorKind::usage, "the text needs {} tokens, the window has {}",
                 request.prompt.size(), session.contextTokens());
    }
    return Together(session, requests, on_text, progress, std::move(stop)).run();
}

} // namespace longscope::engine
