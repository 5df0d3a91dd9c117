#include "compute/model/utf8.h"

#include "compute/core/text.h"

#include <algorithm>

namespace longscope::model {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr size_t kGrowth = kReplacement.size() - 1; // bytes that one replacement adds

/// Length of the longest prefix of a valid character at `at` (which is no complete one); 0 when
/// the byte can begin none.
size_t prefixLength(std::string_view bytes, size_t at) {
    // Completing the bytes with a continuation byte in each of its three allowed ranges asks
    // utf8Length the question, so that its table is the only one.
    std::string trial;
    size_t best = 0;
    for (size_t length = 1; length <= 3 && at + length <= bytes.size(); ++length)
        for (const char *rest : {"\x80\x80\x80", "\x90\x80\x80", "\xA0\x80\x80"}) {
            trial.assign(bytes.substr(at, length)).append(rest);
            if (utf8Length(trial, 0) > length)
                best = length;
        }
    return best;
}

} // namespace

RepairedText::RepairedText(std::string_view original) : original_(original) {
    for (size_t at = 0; at < original.size();) {
        size_t length = utf8Length(original, at);
        if (length == 0)
            bad_.push_back(at);
        at += std::max<size_t>(length, 1);
    }
    if (!bad_.empty())
        storage_ = repairUtf8(original);
}

size_t RepairedText::toOriginal(size_t at) const {
    // The k-th invalid byte stands in the view at bad_[k] + k * kGrowth.
    size_t low = 0, high = bad_.size();
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bad_[middle] + middle * kGrowth < at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return at;
    size_t last = low - 1;
    return std::max(bad_[last], at - std::min(at, low * kGrowth));
}

size_t RepairedText::fromOriginal(size_t at) const {
    auto before = std::lower_bound(bad_.begin(), bad_.end(), at) - bad_.begin();
    return at + static_cast<size_t>(before) * kGrowth;
}

std::string takeCharacters(std::string &held) {
    std::string out;
    size_t at = 0;
    while (at < held.size()) {
        if (size_t length = utf8Length(held, at)) {
            out.append(held, at, length);
            at += length;
            continue;
        }
        size_t prefix = prefixLength(held, at);
        if (prefix > 0 && at + prefix == held.size())
            break;
        out += kReplacement;
        at += std::max<size_t>(prefix, 1);
    }
    held.erase(0, at);
    return out;
}

} // namespace longscope::model
