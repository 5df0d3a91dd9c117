// What the attention panel shows: the tokens as text, heads, maps, strips, and where words came
// from. A random model does where only shapes and sums matter.
#include "app/desk/timeline.h"
#include "tests/desk/instruments.h"
#include "tests/support/default_model.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <numeric>

namespace longscope::test {
namespace {

using ui::PartKind;

ui::MapWanted mapOf(uint32_t layer, const std::vector<uint32_t> &heads = {}) {
    ui::MapWanted wanted;
    wanted.layer = layer;
    wanted.heads = heads;
    return wanted;
}

TEST(DeskAttention, AReadDocumentIsATimelineWithPlacesInTheDocument) {
    InstrumentsDesk made;
    std::string text = sentences(12);
    made.paste(text);
    auto snapshot = made.read(); // loads the model first
    ASSERT_TRUE(snapshot->model);
    const ui::Timeline &timeline = *snapshot->attention.timeline;
    EXPECT_EQ(timeline.document, snapshot->documents.current);
    const ui::Timeline::Part *part = app::documentPart(timeline);
    ASSERT_TRUE(part);
    EXPECT_EQ(app::textOf(timeline, *part), text);
    ASSERT_EQ(timeline.document_bytes.size(), part->end - part->first);
    EXPECT_EQ(timeline.document_bytes.front(), 0u);
    uint64_t covered = 0;
    for (const ui::Timeline::Part &one : timeline.parts) {
        EXPECT_EQ(one.first, covered);
        covered = one.end;
    }
    EXPECT_EQ(covered, timeline.tokens());
    size_t at = text.find("Station 7");
    auto tokens = app::tokensOfDocument(timeline, at, at + 9);
    EXPECT_EQ(timeline.document_bytes[tokens.first - part->first], at);
    EXPECT_EQ(snapshot->memory.used_tokens, timeline.tokens());
    EXPECT_GT(snapshot->prompt_tokens_per_second, 0);
}

TEST(DeskAttention, WithoutATextThereIsASentenceInsteadOfAPicture) {
    InstrumentsDesk made;
    made.desk->push(command::ReadDocument{});
    made.desk->push(command::MeasureHeads{});
    made.desk->push(command::ShowMap{});
    made.desk->push(command::ExportMap{made.path("map.png")});
    auto snapshot = made.wait([](const ui::Snapshot &s) { return s.notices.size() >= 4; });
    EXPECT_TRUE(made.hasNotice(*snapshot, "Open a document first"));
    EXPECT_TRUE(made.hasNotice(*snapshot, "Nothing is read now"));
    EXPECT_TRUE(made.hasNotice(*snapshot, "no picture of attention to save"));
    EXPECT_FALSE(snapshot->model); // nothing was loaded for that
}

TEST(DeskAttention, HeadsAreMeasuredOverEverythingKept) {
    InstrumentsDesk made;
    made.paste(sentences(12));
    auto read = made.read();
    made.desk->push(command::MeasureHeads{});
    auto snapshot = made.wait([](const ui::Snapshot &s) { return s.attention.heads && !s.busy(); });
    const ui::HeadTable &table = *snapshot->attention.heads;
    EXPECT_EQ(table.tokens, read->attention.timeline->tokens());
    EXPECT_EQ(table.layers, 2u);
    EXPECT_EQ(table.heads, 4u);
    ASSERT_EQ(table.figures.size(), 8u);
    double most = std::log(static_cast<double>(table.tokens));
    for (const ui::HeadFigures &figures : table.figures) {
        EXPECT_GT(figures.entropy, 0);
        EXPECT_LT(static_cast<double>(figures.entropy), most);
        EXPECT_GT(figures.distance, 0);
        EXPECT_LT(figures.sink_share, 1);
        EXPECT_LE(figures.recent_share, 1.0001f);
    }
}

TEST(DeskAttention, AMapAddsUpToItsQueriesAndZoomsToCellsOfOneToken) {
    InstrumentsDesk made;
    made.paste(sentences(30));
    uint64_t tokens = made.read()->attention.timeline->tokens();
    ASSERT_GT(tokens, 512u);
    ui::MapWanted wanted = mapOf(1, std::vector<uint32_t>(1, 2));
    made.desk->push(command::ShowMap{wanted});
    auto snapshot = made.wait([&](const ui::Snapshot &s) { return s.attention.map && !s.busy(); });
    const ui::Map &map = *snapshot->attention.map;
    EXPECT_EQ(map.wanted, wanted);
    EXPECT_LE(map.rows, 512u);
    EXPECT_EQ(map.query_step, (tokens + 511) / 512);
    EXPECT_EQ(map.end_query, tokens);
    EXPECT_EQ(map.pattern, "full");
    double sum = std::accumulate(map.sum.begin(), map.sum.end(), 0.0);
    EXPECT_NEAR(sum, static_cast<double>(tokens), 1e-3 * static_cast<double>(tokens));

    ui::MapWanted zoomed = wanted;
    zoomed.first_query = 100;
    zoomed.end_query = zoomed.end_key = 140;
    made.desk->push(command::ShowMap{zoomed});
    snapshot = made.wait(
        [&](const ui::Snapshot &s) { return s.attention.map->wanted == zoomed && !s.busy(); });
    EXPECT_EQ(snapshot->attention.map->rows, 40u);
    EXPECT_EQ(snapshot->attention.map->columns, 140u);
    EXPECT_EQ(snapshot->attention.map->key_step, 1u);
    const auto &cells = snapshot->attention.map->sum;
    EXPECT_NEAR(std::accumulate(cells.begin(), cells.begin() + 140, 0.0), 1, 1e-3);
    for (size_t key = 101; key < 140; ++key) // later than query 100
        EXPECT_EQ(cells[key], 0);
}

TEST(DeskAttention, AStripOfALateTokenReachesOverAllKeys) {
    InstrumentsDesk made;
    made.paste(sentences(40));
    uint64_t tokens = made.read()->attention.timeline->tokens();
    ASSERT_GT(tokens, 1024u); // more than a picture has columns
    made.desk->push(command::ShowStrip{.layer = 1, .heads = {}, .query = tokens - 2});
    auto snapshot = made.wait([](const ui::Snapshot &s) { return s.attention.strip && !s.busy(); });
    const auto &strip = *snapshot->attention.strip;
    EXPECT_EQ(strip.query, tokens - 2);
    ASSERT_EQ(strip.shares.size(), tokens);
    EXPECT_NEAR(std::accumulate(strip.shares.begin(), strip.shares.end(), 0.0), 1, 1e-3);
    EXPECT_EQ(strip.shares.back(), 0);
    made.desk->push(command::ShowStrip{.layer = 1, .heads = {}, .query = tokens});
    snapshot = made.wait([](const ui::Snapshot &s) { return !s.notices.empty() && !s.busy(); });
    EXPECT_TRUE(made.hasNotice(*snapshot, "is not among the")) << made.notices(*snapshot);
}

TEST(DeskAttention, WhatAWindowForgotIsLeftOutAndSaid) {
    InstrumentsDesk made;
    made.desk->push(command::ApplySettings{{.attention = "window:64"}});
    made.desk->push(command::LoadModel{}); // does not bring back the settings of before
    made.paste(sentences(60));
    uint64_t tokens = made.read()->attention.timeline->tokens();
    made.desk->push(command::MeasureHeads{});
    auto snapshot = made.wait([](const ui::Snapshot &s) { return s.attention.heads && !s.busy(); });
    uint64_t measured = snapshot->attention.heads->tokens;
    EXPECT_GT(measured, 0u);
    EXPECT_LT(measured, tokens);
    EXPECT_TRUE(made.hasNotice(*snapshot, "were forgotten")) << made.notices(*snapshot);
    made.desk->push(command::ShowMap{});
    snapshot = made.wait([](const ui::Snapshot &s) { return s.attention.map && !s.busy(); });
    EXPECT_EQ(snapshot->attention.map->first_query, tokens - measured);
    EXPECT_EQ(snapshot->attention.map->pattern, "window:64");
    ui::MapWanted early;
    early.first_query = 1;
    early.end_query = 20;
    made.desk->push(command::ShowMap{early});
    snapshot = made.wait(
        [&](const ui::Snapshot &s) { return made.hasNotice(s, "query 1 saw were forgotten"); });
}

TEST(DeskAttention, PicturesThatWereChosenAnewSaySo) {
    InstrumentsDesk made;
    made.desk->push(command::ApplySettings{{.attention = "topk:2,32"}});
    made.desk->push(command::LoadModel{});
    made.paste(sentences(60));
    uint64_t tokens = made.read()->attention.timeline->tokens();
    made.desk->push(command::ShowStrip{.layer = 1, .heads = {}, .query = tokens / 2});
    auto snapshot = made.wait([](const ui::Snapshot &s) { return s.attention.strip && !s.busy(); });
    EXPECT_NE(snapshot->attention.strip->note.find("chosen anew"), std::string::npos);
    EXPECT_FALSE(made.hasNotice(*snapshot, "chosen anew"));
    made.desk->push(command::ShowMap{mapOf(1)});
    snapshot = made.wait([](const ui::Snapshot &s) { return s.attention.map && !s.busy(); });
    EXPECT_TRUE(made.hasNotice(*snapshot, "chosen anew")) << made.notices(*snapshot);
}

TEST(DeskAttention, WhatIsStillHeldIsMarkedInTheDocument) {
    InstrumentsDesk made;
    made.paste(sentences(60));
    made.read();
    made.desk->push(command::MarkHeld{});
    auto snapshot = made.wait([](const ui::Snapshot &s) { return !s.notices.empty(); });
    EXPECT_TRUE(made.hasNotice(*snapshot, "Nothing of the document is forgotten"));
    made.desk->push(command::ApplySettings{{.attention = "sinks:4+64"}});
    made.wait([](const ui::Snapshot &s) { return !s.attention.timeline && !s.busy(); });
    uint64_t tokens = made.read()->attention.timeline->tokens();
    made.desk->push(command::MarkHeld{});
    snapshot = made.wait([](const ui::Snapshot &s) {
        return s.documents.marks && !s.documents.marks->empty() && !s.busy();
    });
    const ui::Timeline &timeline = *snapshot->attention.timeline;
    const auto &marks = *snapshot->documents.marks;
    ASSERT_EQ(marks.size(), 2u); // sinks, and the last 63, which the next token sees
    EXPECT_EQ(marks.front().start, 0u);
    EXPECT_EQ(marks.front().kind, ui::MarkKind::survivor);
    EXPECT_EQ(marks.back().end, snapshot->documents.shown()->text->size());
    EXPECT_EQ(marks.back().start,
              timeline.document_bytes[tokens - 63 -
                                      timeline.parts.front().end *
                                          (timeline.parts.front().kind != ui::PartKind::document)]);
}

TEST(DeskAttention, AMapIsSavedWithWhatItShows) {
    InstrumentsDesk made;
    made.paste(sentences(6));
    made.read();
    made.desk->push(command::ShowMap{mapOf(1, {0, 3})});
    made.wait([](const ui::Snapshot &s) { return s.attention.map && !s.busy(); });
    for (const char *name : {"map.png", "map.npy", "map.csv"}) {
        made.desk->push(command::ExportMap{made.path(name)});
        made.wait(
            [&](const ui::Snapshot &s) { return made.hasNotice(s, std::string(name) + ","); });
        EXPECT_GT(std::filesystem::file_size(made.path(name)), 200u);
        std::ifstream file(made.path(std::string(name) + ".json"));
        auto facts = nlohmann::json::parse(file);
        EXPECT_EQ(facts["layer"], 1);
        EXPECT_EQ(facts["heads"], nlohmann::json::array({0, 3}));
        EXPECT_EQ(facts["pattern"], "full");
    }
    made.desk->push(command::ExportMap{made.path("map.jpg")});
    made.wait([&](const ui::Snapshot &s) { return made.hasNotice(s, "map.jpg"); });
}

TEST(DeskAttention, AnAnswersWordsPointAtTheSentenceTheyWereCopiedFrom) {
    std::string model = testing::findDefaultModel();
    ASSERT_FALSE(model.empty()) << testing::kNoDefaultModel;
    InstrumentsDesk made(model);
    std::string text =
        "The mill stands at the river. It was built in 1874 by Anna Berg. The roof is red and the "
        "door is green. Every spring the wheel is oiled. In winter nobody lives there.";
    made.paste(text);
    made.desk->push(command::SetSampling{{.temperature = 0, .reply_tokens = 24}});
    made.desk->push(command::SetWithDocument{true});
    made.desk->push(command::Send{"Who built the mill? Quote the sentence."});
    auto snapshot = made.wait([](const ui::Snapshot &s) {
        return s.chat.messages.size() == 2 && s.attention.timeline && !s.busy();
    });
    const ui::Message &answer = *snapshot->chat.messages.back();
    const ui::Timeline &timeline = *snapshot->attention.timeline;
    const ui::Timeline::Part *part = app::messagePart(timeline, answer.id);
    ASSERT_TRUE(part) << timeline.text;
    EXPECT_EQ(part->kind, PartKind::assistant);
    EXPECT_TRUE(app::documentPart(timeline));
    EXPECT_EQ(app::documentPart(timeline)->end - app::documentPart(timeline)->first,
              timeline.document_bytes.size());
    size_t name = answer.text.find("Anna Berg");
    ASSERT_NE(name, std::string::npos) << answer.text;
    made.desk->push(command::TraceWords{answer.id, name, name + 9});
    snapshot = made.wait([](const ui::Snapshot &s) { return s.attention.trace && !s.busy(); });
    const ui::Trace &trace = *snapshot->attention.trace;
    EXPECT_EQ(trace.message, answer.id);
    size_t first = timeline.starts[trace.first_query + 1]; // a token is written by the one before
    size_t end = timeline.starts[trace.end_query + 1];
    EXPECT_EQ(timeline.text.substr(first, end - first), " Anna Berg");
    EXPECT_NEAR(trace.document_share + trace.sink_share + trace.other_share, 1, 1e-3f);
    EXPECT_GT(trace.document_share, 0);
    ASSERT_FALSE(trace.spans.empty());
    const ui::Trace::Span &source = trace.spans.front();
    EXPECT_EQ(text.substr(source.start, source.end - source.start),
              "It was built in 1874 by Anna Berg.");
    EXPECT_GT(source.share, 0);
    EXPECT_LT(source.share, 1);
    EXPECT_TRUE(trace.words_found);
    EXPECT_FALSE(trace.confidence.empty());
    ASSERT_TRUE(snapshot->documents.marks);
    EXPECT_EQ(snapshot->documents.marked, snapshot->documents.current);
    EXPECT_EQ(snapshot->documents.marks->front().kind, ui::MarkKind::attention);
}

} // namespace
} // namespace longscope::test
