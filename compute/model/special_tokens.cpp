#include "compute/model/special_tokens.h"

#include <algorithm>

namespace longscope::model {
namespace {

unsigned byteAt(std::string_view text, size_t at) {
    return static_cast<unsigned char>(text[at]);
}

} // namespace

SpecialTokens::SpecialTokens(const Vocabulary &vocabulary) : vocabulary_(&vocabulary) {
    for (uint32_t id = 0; id < vocabulary.size(); ++id) {
        TokenType type = vocabulary.types[id];
        bool user_defined = type == TokenType::user_defined;
        if (!user_defined && type != TokenType::control && type != TokenType::unknown)
            continue;
        const std::string &text = vocabulary.texts[id];
        Candidate candidate{static_cast<Token>(id), user_defined && !vocabulary.chat_marker[id]};
        if (text.size() == 1) {
            single_[byteAt(text, 0)].push_back(candidate);
        } else {
            auto pair = static_cast<uint16_t>(byteAt(text, 0) << 8 | byteAt(text, 1));
            begins_.set(pair);
            by_pair_[pair].push_back(candidate);
        }
    }
    auto isLonger = [&](const Candidate &a, const Candidate &b) {
        return vocabulary.texts[static_cast<size_t>(a.id)].size() >
               vocabulary.texts[static_cast<size_t>(b.id)].size();
    };
    for (auto &[pair, candidates] : by_pair_)
        std::ranges::stable_sort(candidates, isLonger);
}

const std::vector<SpecialTokens::Candidate> *SpecialTokens::candidatesAt(std::string_view text,
                                                                         size_t at) const {
    if (at + 1 >= text.size())
        return nullptr;
    auto pair = static_cast<uint16_t>(byteAt(text, at) << 8 | byteAt(text, at + 1));
    return begins_.test(pair) ? &by_pair_.find(pair)->second : nullptr;
}

std::vector<SpecialTokens::Fragment> SpecialTokens::split(std::string_view text, bool control,
                                                          std::span<const PlainSpan> plain) const {
    std::vector<Fragment> fragments;
    size_t done = 0;
    size_t span = 0; // the first plain span that ends behind `at`
    auto addText = [&](size_t end) {
        if (end > done)
            fragments.push_back({done, end, -1});
    };
    auto isAllowed = [&](const Candidate &candidate, size_t at, size_t length) {
        if (candidate.everywhere)
            return true;
        bool touches_plain = span < plain.size() && plain[span].start < at + length;
        bool user_defined =
            vocabulary_->types[static_cast<size_t>(candidate.id)] == TokenType::user_defined;
        return (control || user_defined) && !touches_plain;
    };
    auto findAt = [&](const std::vector<Candidate> *candidates, size_t at) -> Token {
        if (candidates)
            for (const Candidate &candidate : *candidates) {
                const auto &special = vocabulary_->texts[static_cast<size_t>(candidate.id)];
                if (text.substr(at).starts_with(special) &&
                    isAllowed(candidate, at, special.size()))
                    return candidate.id;
            }
        return -1;
    };
    for (size_t at = 0; at < text.size();) {
        while (span < plain.size() && plain[span].end <= at)
            ++span;
        Token found = findAt(candidatesAt(text, at), at);
        if (found < 0)
            found = findAt(&single_[byteAt(text, at)], at);
        if (found < 0) {
            ++at;
            continue;
        }
        addText(at);
        size_t end = at + vocabulary_->texts[static_cast<size_t>(found)].size();
        fragments.push_back({at, end, found});
        at = done = stripEnd(text, end, found);
    }
    addText(text.size());
    return fragments;
}

size_t SpecialTokens::stripEnd(std::string_view text, size_t end, Token id) const {
    const std::string &special = vocabulary_->texts[static_cast<size_t>(id)];
    if (!vocabulary_->strips_right || special == "<unk>" || special == "<s>" ||
        special == "<|endoftext|>")
        return end;
    return std::min(text.find_first_not_of(" \t\n\v\f\r", end), text.size());
}

} // namespace longscope::model
