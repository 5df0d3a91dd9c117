#include "compute/reading/evaluate.h"

#include "compute/document/sentences.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <unordered_set>

namespace longscope::reading {
namespace {

constexpr size_t kParts = 5;
constexpr size_t kGram = 4; // words

/// Where each of the equal parts (by words of the prose) ends.
std::vector<size_t> endsOfParts(const document::Document &document) {
    std::vector<document::Sentence> sentences = document::splitSentences(document);
    std::vector<size_t> words;
    size_t total = 0, before = 0;
    for (const document::Sentence &sentence : sentences) {
        words.push_back(plainWords(document.span(sentence.start, sentence.end)).size());
        total += words.back();
    }
    std::vector<size_t> ends(kParts, document.text.size());
    for (size_t i = 0, part = 0; i < sentences.size(); ++i) {
        before += words[i];
        while (part + 1 < kParts && before * kParts >= total * (part + 1))
            ends[part++] = sentences[i].end;
    }
    return ends;
}

} // namespace

Evaluator::Evaluator(const document::Document &document, const KeyPoints &points)
    : finder_(document), points_(points), part_ends_(endsOfParts(document)) {}

bool Evaluator::partOf(std::string_view sentence, size_t &part) const {
    std::vector<Source> sources = finder_.find(sentence, 1);
    if (sources.empty())
        return false;
    auto end = std::ranges::upper_bound(part_ends_, sources[0].start);
    part = std::min(static_cast<size_t>(end - part_ends_.begin()), kParts - 1);
    return true;
}

Measures Evaluator::measure(std::span<const std::string> sentences) const {
    Measures measures;
    std::vector<bool> hit(kParts, false);
    for (const std::string &sentence : sentences) {
        size_t part = 0;
        bool sourced = partOf(sentence, part);
        bool loose = finder_.support().check(sentence).supported;
        measures.sourced += sourced;
        measures.loose += loose;
        measures.strict += loose && finder_.support().isStrict(sentence);
        if (loose && sourced)
            hit[part] = true;
    }
    double count = static_cast<double>(std::max<size_t>(sentences.size(), 1));
    measures.loose /= count;
    measures.strict /= count;
    measures.sourced /= count;
    measures.repeated = repeatedShare(sentences);
    measures.parts = static_cast<double>(std::ranges::count(hit, true)) / kParts;
    measures.key_points =
        static_cast<double>(points_.foundIn(sentences)) / static_cast<double>(points_.size());
    measures.sentences = static_cast<double>(sentences.size());
    return measures;
}

double repeatedShare(std::span<const std::string> sentences) {
    std::vector<std::string> words;
    for (const std::string &sentence : sentences)
        std::ranges::move(plainWords(sentence), std::back_inserter(words));
    if (words.size() < kGram)
        return 0;
    std::unordered_set<std::string> seen;
    size_t repeated = 0, grams = words.size() - kGram + 1;
    for (size_t i = 0; i < grams; ++i) {
        std::string gram;
        for (size_t w = i; w < i + kGram; ++w)
            gram += words[w] + ' ';
        repeated += !seen.insert(std::move(gram)).second;
    }
    return static_cast<double>(repeated) / static_cast<double>(grams);
}

Measures meanOf(std::span<const Measures> all) {
    Measures mean;
    for (double Measures::*figure :
         {&Measures::loose, &Measures::strict, &Measures::sourced, &Measures::repeated,
          &Measures::parts, &Measures::key_points, &Measures::sentences, &Measures::seconds}) {
        for (const Measures &one : all)
            mean.*figure += one.*figure;
        mean.*figure /= static_cast<double>(std::max<size_t>(all.size(), 1));
    }
    return mean;
}

} // namespace longscope::reading
