// The same asked of several documents: a row each, kept, stopped, gone on with, taken back.
#include "tests/desk/chat_fixture.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace longscope::app {
namespace {

using State = ui::SurveyRow::State;

constexpr std::string_view kHeron = "# Birds of the lake\n\nThe grey heron nests in the reeds.\n\n"
                                    "The kingfisher came back in May.\n";
constexpr std::string_view kMill = "# The mill\n\nThe mill grinds rye for the whole valley.\n";
const std::string kHarbour = std::string(LONGSCOPE_TEST_DATA) + "/harbour.md";

class SurveyTest : public ChatTest {
  protected:
    std::vector<uint64_t> openBirdsAndMill() {
        uint64_t birds = openText("birds.md", kHeron), mill = openText("mill.md", kMill);
        return {birds, mill};
    }
    /// About `times` * 1500 tokens of the small model each.
    std::vector<uint64_t> openHarbours(size_t count, size_t times = 1) {
        std::vector<uint64_t> ids;
        for (size_t i = 0; i < count; ++i) {
            std::string text = std::format("# Report {}\n\n", i);
            for (size_t part = 0; part < times; ++part)
                text += ChatTest::read(kHarbour) + "\n\n";
            ids.push_back(openText(std::format("{}.md", i), text));
        }
        return ids;
    }
    static const ui::Survey &newest(const Picture &picture) {
        static const ui::Survey none;
        const auto &surveys = picture->library.surveys;
        EXPECT_FALSE(surveys.empty());
        return surveys.empty() ? none : *surveys.front();
    }
    Picture waitDone() {
        return waitFor([](const ui::Snapshot &now) {
            return !now.library.surveys.empty() && !now.library.surveys.front()->growing &&
                   !now.busy();
        });
    }
    Picture survey(command::StartSurvey start) {
        uint64_t before = idOf(*now());
        push(std::move(start));
        waitFor([before](const ui::Snapshot &now) { return idOf(now) != before; });
        return waitDone();
    }
    static uint64_t idOf(const ui::Snapshot &now) {
        return now.library.surveys.empty() ? 0 : now.library.surveys.front()->id;
    }
    Picture waitNotice(std::string_view part) {
        return waitFor([part](const ui::Snapshot &now) {
            return std::ranges::any_of(
                now.notices, [&](const ui::Notice &notice) { return holds(notice.text, part); });
        });
    }
    static bool holds(const std::string &text, std::string_view part) {
        return text.find(part) != text.npos;
    }
    static double sum(const std::vector<double> &values) {
        return std::accumulate(values.begin(), values.end(), 0.0);
    }
};

TEST_F(SurveyTest, EachDocumentAnswersOrSaysThatItDoesNot) {
    useTinyModel();
    start();
    std::vector<uint64_t> ids = openBirdsAndMill();
    push(command::LetDocumentStay{ids[0], true});
    push(command::CloseDocument{ids[0]}); // it is read all the same
    auto picture = survey({.documents = ids, .question = " Where does the grey heron nest? "});
    ui::Survey table = newest(picture);
    EXPECT_EQ(table.question, "Where does the grey heron nest?");
    EXPECT_TRUE(holds(table.note, "Quoted, because ")) << table.note;
    ASSERT_EQ(table.rows.size(), 2u);
    const ui::SurveyRow &birds = table.rows[0], &mill = table.rows[1];
    EXPECT_EQ(birds.title, "Birds of the lake");
    EXPECT_EQ(birds.state, State::done);
    EXPECT_TRUE(birds.found);
    EXPECT_TRUE(birds.quoted);
    EXPECT_TRUE(holds(birds.text, "The grey heron nests in the reeds.")) << birds.text;
    ASSERT_FALSE(birds.places.empty());
    EXPECT_EQ(birds.places[0].place, "Birds of the lake, paragraph 1");
    EXPECT_EQ(mill.state, State::done);
    EXPECT_FALSE(mill.found);
    EXPECT_TRUE(picture->notices.empty() || picture->notices.back().kind != ui::NoticeKind::error);

    push(command::JumpTo{birds.document, birds.places[0].start}); // the closed one opens there
    picture = waitFor([&](const ui::Snapshot &now) { return now.documents.current == ids[0]; });
    EXPECT_EQ(picture->documents.jump.byte, birds.places[0].start);
    EXPECT_EQ(picture->documents.shown()->text->substr(birds.places[0].start, 14),
              "The grey heron");

    start(); // all of it is kept
    ui::Survey again = newest(now());
    EXPECT_EQ(again.id, table.id);
    EXPECT_FALSE(again.growing);
    ASSERT_EQ(again.rows.size(), 2u);
    EXPECT_EQ(again.rows[0].text, birds.text);
    EXPECT_EQ(again.rows[0].places[0].place, birds.places[0].place);
    EXPECT_FALSE(again.rows[1].found);
    EXPECT_EQ(again.rows[1].state, State::done);
}

TEST_F(SurveyTest, PlacesAreFoundByVectorsToo) {
    useTinyModel();
    start();
    std::vector<uint64_t> ids = openBirdsAndMill();
    auto picture = survey(
        {.documents = ids, .question = "Where does the grey heron nest?", .by_vectors = true});
    EXPECT_TRUE(newest(picture).rows.at(0).found);
    EXPECT_TRUE(holds(newest(picture).note, "by words and by vectors")) << newest(picture).note;
    EXPECT_FALSE(newest(picture).rows.at(1).found);
    EXPECT_FALSE(newest(picture).rows[1].places.empty()); // vectors have a nearest place always
    start();
    EXPECT_TRUE(newest(now()).by_vectors);
}

TEST_F(SurveyTest, WithoutAModelDocumentsAreQuotedAndLabelsAreRefused) {
    useModel((folder_ / "none.gguf").string());
    start();
    std::vector<uint64_t> ids = openBirdsAndMill();
    auto picture = survey({.documents = ids, .question = "What does the mill grind?"});
    EXPECT_TRUE(newest(picture).rows.at(1).found);
    EXPECT_TRUE(holds(newest(picture).rows[1].text, "rye"));
    EXPECT_TRUE(holds(newest(picture).note, "there is no model")) << newest(picture).note;

    picture = survey({.documents = ids, .question = "", .labels = {"birds", "mills"}});
    ASSERT_EQ(picture->library.surveys.size(), 2u);
    EXPECT_TRUE(holds(newest(picture).note, "none is loaded")) << newest(picture).note;
    EXPECT_EQ(newest(picture).count(State::waiting), 2u); // with a model it goes on
    useTinyModel();
    push(command::LoadModel{.path = model_, .device = ""});
    waitFor([](const ui::Snapshot &now) { return now.model != nullptr; });
    push(command::GoOnSurvey{newest(picture).id});
    picture = waitFor([](const ui::Snapshot &now) {
        return now.library.surveys.front()->count(State::done) == 2 && !now.busy();
    });
    EXPECT_FALSE(newest(picture).growing);
}

TEST_F(SurveyTest, LabelsHaveProbabilitiesAndSectionsThatDecided) {
    useTinyModel(1024); // the harbour does not fit, the birds do
    start();
    uint64_t birds = openText("birds.md", kHeron), harbour = openHarbours(1)[0];
    auto picture = survey(
        {.documents = {birds, harbour}, .question = "", .labels = {" cooking ", "sport", "law"}});
    ui::Survey table = newest(picture);
    EXPECT_EQ(table.labels[0], "cooking");
    ASSERT_EQ(table.rows.size(), 2u);
    for (const ui::SurveyRow &row : table.rows) {
        EXPECT_EQ(row.state, State::done) << row.text;
        ASSERT_EQ(row.probabilities.size(), 3u);
        EXPECT_NEAR(sum(row.probabilities), 1, 1e-6);
    }
    EXPECT_EQ(table.rows[0].sections, 1u);
    EXPECT_TRUE(table.rows[0].places.empty());
    EXPECT_GT(table.rows[1].sections, 1u);
    ASSERT_FALSE(table.rows[1].places.empty());
    const std::string &text = *picture->documents.find(harbour)->text;
    double winner = *std::ranges::max_element(table.rows[1].probabilities);
    EXPECT_GT(winner, 1.0 / 3);
    for (const ui::SurveyPlace &place : table.rows[1].places) {
        EXPECT_LT(place.start, place.end);
        EXPECT_LE(place.end, text.size());
        EXPECT_FALSE(place.place.empty());
        EXPECT_FALSE(place.text.empty());
        EXPECT_GT(place.share, 1.0 / 3); // it speaks for the label that won
    }
    // What was read last can be looked at.
    ASSERT_TRUE(picture->attention.timeline);
    EXPECT_TRUE(holds(picture->attention.timeline->text, "The text is about"));
    start();
    EXPECT_EQ(newest(now()).rows[1].probabilities, table.rows[1].probabilities);
    EXPECT_EQ(newest(now()).rows[1].places.size(), table.rows[1].places.size());
}

TEST_F(SurveyTest, WhatWasAnsweredStaysAfterAStopAndTheRestGoesOn) {
    useTinyModel();
    start();
    std::vector<uint64_t> ids = openHarbours(6, 4);
    push(command::StartSurvey{.documents = ids, .question = "", .labels = {"ships", "soup"}});
    auto picture = waitFor([](const ui::Snapshot &now) {
        return !now.library.surveys.empty() && now.library.surveys.front()->count(State::done) > 0;
    });
    EXPECT_TRUE(newest(picture).growing);
    push(command::StopTask{newest(picture).task});
    picture = waitDone();
    size_t done = newest(picture).count(State::done);
    EXPECT_GE(done, 1u);
    EXPECT_LT(done, 6u);
    EXPECT_EQ(newest(picture).count(State::failed), 0u);
    std::vector<double> first = newest(picture).rows[0].probabilities;
    start(); // even by another run of the program
    EXPECT_EQ(newest(now()).count(State::done), done);
    push(command::GoOnSurvey{newest(now()).id});
    picture = waitFor([](const ui::Snapshot &now) {
        return now.library.surveys.front()->count(State::done) == 6 && !now.busy();
    });
    EXPECT_EQ(newest(picture).rows[0].probabilities, first);
    EXPECT_FALSE(newest(picture).growing);
}

TEST_F(SurveyTest, ADocumentThatIsGoneFailsAlone) {
    useModel((folder_ / "none.gguf").string());
    start();
    std::vector<uint64_t> ids = openBirdsAndMill();
    survey({.documents = ids, .question = "", .labels = {"birds", "mills"}}); // both wait
    push(command::RemoveDocument{ids[1]});
    waitNotice("Removed The mill");
    useTinyModel();
    push(command::LoadModel{.path = model_, .device = ""});
    push(command::GoOnSurvey{idOf(*now())});
    auto picture = waitFor([](const ui::Snapshot &now) {
        return now.library.surveys.front()->count(State::waiting) == 0 && !now.busy();
    });
    EXPECT_EQ(newest(picture).rows[0].state, State::done);
    EXPECT_EQ(newest(picture).rows[1].state, State::failed);
    EXPECT_EQ(newest(picture).rows[1].text, "it is no longer in the library");
    EXPECT_EQ(newest(picture).rows[1].title, "The mill");
}

TEST_F(SurveyTest, RemovingIsTakenBack) {
    useTinyModel();
    start();
    auto picture =
        survey({.documents = openBirdsAndMill(), .question = "What does the mill grind?"});
    ui::Survey table = newest(picture);
    push(command::RemoveSurvey{table.id});
    picture = waitFor([](const ui::Snapshot &now) { return now.library.surveys.empty(); });
    push(command::UndoNotice{undoOf(*picture)});
    picture = waitFor([](const ui::Snapshot &now) { return now.library.surveys.size() == 1; });
    EXPECT_EQ(newest(picture).question, table.question);
    EXPECT_EQ(newest(picture).rows[1].text, table.rows[1].text);
    push(command::RemoveSurvey{newest(picture).id});
    waitFor([](const ui::Snapshot &now) { return now.library.surveys.empty(); });
    start();
    EXPECT_TRUE(now()->library.surveys.empty());
}

TEST_F(SurveyTest, WhatCannotBeAskedIsToldAndNothingIsKept) {
    useTinyModel();
    start();
    std::vector<uint64_t> ids = openBirdsAndMill();
    push(command::StartSurvey{.documents = ids, .question = " \n"});
    waitNotice("the question is empty");
    push(command::StartSurvey{.documents = ids, .question = "", .labels = {"a", "a"}});
    waitNotice("given twice");
    push(command::StartSurvey{.documents = ids, .question = "", .labels = {"a"}});
    waitNotice("at least two");
    push(command::StartSurvey{.documents = {}, .question = "Who?"});
    waitNotice("o document is chosen");
    push(command::StartSurvey{.documents = {ids[0] + 1000}, .question = "Who?"});
    waitNotice("of the 1 chosen documents");
    EXPECT_TRUE(now()->library.surveys.empty());
    start();
    EXPECT_TRUE(now()->library.surveys.empty());
}

} // namespace
} // namespace longscope::app
