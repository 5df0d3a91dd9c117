#include "compute/reading/step_key.h"

#include <format>

namespace longscope::reading {
namespace {

constexpr std::string_view kVersion = "1"; ///< another one when sentences are made another way

/// FNV-1a (Fowler, Noll, Vo) from two beginnings.
class Hash {
  public:
    Hash &add(std::string_view text) {
        for (uint64_t &sum : sums_) {
            for (char c : text)
                sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
            sum = (sum ^ text.size()) * 0x100000001b3; // "ab", "c" is not "a", "bc"
        }
        return *this;
    }
    std::string text() const { return std::format("{:016x}{:016x}", sums_[0], sums_[1]); }
    uint64_t number() const { return sums_[0]; }

  private:
    uint64_t sums_[2] = {0xcbf29ce484222325, 0x9e3779b97f4a7c15};
};

} // namespace

std::string stepKey(std::string_view fingerprint, const TextRequest &request, unsigned most_words) {
    const engine::SamplingOptions &s = request.options.sampling;
    Hash hash;
    hash.add(kVersion).add(fingerprint);
    for (const model::Message &message : request.messages)
        hash.add(message.role).add(message.content);
    hash.add(std::format("{} {} {} {} {} {} {}", s.temperature, s.top_k, s.top_p, s.min_p,
                         s.repeat_penalty, s.repeat_window, s.seed));
    hash.add(std::format("{} {} {}", request.options.max_tokens, request.options.show_special,
                         most_words));
    for (const std::string &stop : request.options.stop_strings)
        hash.add(stop);
    return hash.text();
}

uint64_t seedOf(const std::vector<model::Message> &messages, uint64_t seed) {
    Hash hash;
    hash.add(std::to_string(seed));
    for (const model::Message &message : messages)
        hash.add(message.content);
    return hash.number() | 1; // 0 would be a random one
}

} // namespace longscope::reading
