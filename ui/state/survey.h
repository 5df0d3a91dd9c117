// The same question, or the same choice among labels, put to several documents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace longscope::ui {

/// A place of a document that answers, or a section that decided.
struct SurveyPlace {
    size_t start = 0, end = 0; ///< bytes of its text
    std::string place;         ///< "page 12, Supply, paragraph 2"
    std::string text;          ///< first words of a section; "" of an answer, which has them itself
    double share = 0;          ///< of the question's words; probability of the label that won
};

/// What came of one document.
struct SurveyRow {
    enum class State { waiting, done, failed };
    uint64_t document = 0;
    std::string title;
    State state = State::waiting;
    std::string text = {}; ///< the answer; why it failed
    bool found = false;
    bool quoted = true;                     ///< word for word; else written by the model
    std::vector<double> probabilities = {}; ///< of each label, sum 1
    size_t sections = 0; ///< into which it was cut for labels; 1: it was read whole
    /// Of an answer (none: its words were not found), or the closest ones when none was found; of a
    /// label the sections that decided. Best first.
    std::vector<SurveyPlace> places = {};
};

struct Survey {
    uint64_t id = 0;
    std::string question;            ///< "" with labels: what the text is about
    std::vector<std::string> labels; ///< none: the question is answered
    bool by_vectors = false;         ///< places were looked for by vectors, too
    std::vector<SurveyRow> rows;     ///< in the order asked
    std::string note;                ///< how it was answered, a sentence or two
    bool growing = false;
    uint64_t task = 0; ///< that works on it while it grows

    size_t count(SurveyRow::State state) const {
        size_t count = 0;
        for (const SurveyRow &row : rows)
            count += row.state == state ? 1 : 0;
        return count;
    }
};

} // namespace longscope::ui
