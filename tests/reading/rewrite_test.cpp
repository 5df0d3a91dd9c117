// Rewriting and composing with a model that answers as told: structure, terms, numbers, steps that
// are kept, stops.
#include "compute/reading/compose.h"
#include "compute/reading/glossary.h"
#include "compute/reading/kept_steps.h"
#include "compute/reading/rewrite.h"
#include "tests/support/errors.h"
#include "tests/support/scripted_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <format>

namespace longscope::reading {
namespace {

using document::Document;
using testing::ScriptedModel;
using Strings = std::vector<std::string>;

/// The text of a prompt, between "Text:" and the task.
std::string textIn(const std::string &prompt) {
    size_t start = prompt.find("Text:\n") + 6;
    return prompt.substr(start, prompt.rfind("\n\n") - start);
}

Outline outlineOf(std::string_view text) {
    return readOutline(text, "o.md");
}

Document harbour() {
    return document::importText("# The Harbour\n\nThe pier of Vestrand is 120 years old. It was "
                                "repaired by Anna Solheim in 2019.\n\nThe pier costs 2.4 million. "
                                "Only the town pays, and Anna Solheim agrees.\n\n"
                                "```\nint pier = 3;\n```\n\n## Boats\n\nEleven boats lie at the "
                                "pier in 2020.\n",
                                "harbour.md", true);
}

TEST(Glossary, ReadsTermsAndSaysWhichLineIsNone) {
    std::vector<Term> terms =
        readTerms("# my terms\n\npier = jetée\n  a = b = c \r\nboat=bateau", "t.txt");
    ASSERT_EQ(terms.size(), 3u);
    EXPECT_EQ(terms[0].target, "jetée");
    EXPECT_EQ(terms[1].target, "b = c");
    EXPECT_EQ(terms[2].source, "boat");
    for (const char *bad : {"a = b\nno mark", "a = b\n= c", "a = b\nc ="})
        EXPECT_TRUE(holds(errorOf(ErrorKind::file, [&] { readTerms(bad, "t.txt"); }), "line 2"));
}

TEST(Glossary, FindsNamesAndTermsWithEndings) {
    EXPECT_EQ(findNames(harbour()), (Strings{"Anna Solheim"}));
    EXPECT_TRUE(hasTerm("Die Jetées sind alt.", "jetée"));
    EXPECT_TRUE(hasTerm("das Haus des Hafens", "Hafen"));
    EXPECT_TRUE(hasTerm("the north  pier", "North Pier"));
    EXPECT_FALSE(hasTerm("the northern lights and a pier", "north pier"));
    EXPECT_FALSE(hasTerm("a happiness", "pin"));
    EXPECT_FALSE(hasTerm("", "pier"));
    std::string german;
    for (int i = 0; i < 20; ++i)
        german += "Wir sehen das Haus und den Hund im Garten. ";
    EXPECT_TRUE(findNames(document::importText(german, "a.txt", false)).empty());
}

TEST(Glossary, ComparesNumbersWhateverTheirMarks) {
    NumberChanges none = compareNumbers("48,200 people, 2.4 crowns, eleven boats in 2020",
                                        "48.200 Menschen, 2,4 Kronen, 11 Boote, 2020");
    EXPECT_TRUE(none.missing.empty() && none.added.empty());
    EXPECT_TRUE(compareNumbers("11 boats", "eleven boats").missing.empty());
    NumberChanges changed = compareNumbers("412 tonnes in 1974", "421 tonnes");
    EXPECT_EQ(changed.missing, (Strings{"1974", "412"}));
    EXPECT_EQ(changed.added, Strings{"421"});
}

TEST(Rewrite, KeepsStructureAndShowsEachPartOnce) {
    ScriptedModel model([](const std::string &prompt) { return textIn(prompt) + " So."; });
    document::ResultsInMemory store;
    Document d = harbour();
    Rewriting result = rewriteDocument(
        model, d, {.instruction = "Write simply.", .part_tokens = 25}, store, {}, {}, {});
    EXPECT_FALSE(result.stopped);
    std::string text = result.text();
    EXPECT_TRUE(text.starts_with("# The Harbour\n\nThe pier of Vestrand is 120"));
    EXPECT_TRUE(text.contains("\n\nint pier = 3;\n\n## Boats\n\nEleven boats"));
    Strings texts;
    for (const std::string &prompt : model.prompts)
        texts.push_back(textIn(prompt));
    ASSERT_EQ(texts.size(), 3u); // two paragraphs are too long for one part
    std::string all;
    for (const std::string &part : texts)
        all += part;
    for (const document::Sentence &sentence : document::splitSentences(d))
        EXPECT_TRUE(all.contains(d.span(sentence.start, sentence.end)));
    EXPECT_TRUE(model.prompts[1].contains("ends with: \"The pier of Vestrand"));
    EXPECT_TRUE(model.prompts[1].contains("in 2019. So.\""));
    EXPECT_TRUE(model.prompts[0].contains("Keep these names: Anna Solheim."));
    EXPECT_FALSE(model.prompts[2].contains("Keep these names"));
    for (const RewrittenPart &part : result.parts)
        EXPECT_EQ(part.problems(), 0u) << part.text;
}

TEST(Rewrite, TranslatesHeadingsAndTellsWhatIsMissing) {
    ScriptedModel model([](const std::string &prompt) -> std::string {
        if (prompt.contains("this heading"))
            return textIn(prompt) == "Boats" ? "Bateaux" : "Le port";
        if (prompt.contains("Eleven"))
            return "Il y a 12 bateaux.";
        return "La jetée de Vestrand a 120 ans, Anna Solheim 2019; 2,4 millions.";
    });
    document::ResultsInMemory store;
    RewriteOptions options{.language = "French", .terms = {{"pier", "jetée"}, {"crane", "grue"}}};
    Rewriting result = rewriteDocument(model, harbour(), options, store, {}, {}, {});
    EXPECT_TRUE(result.text().starts_with("# Le port\n\nLa jetée"));
    EXPECT_TRUE(result.text().contains("## Bateaux"));
    EXPECT_TRUE(model.prompts[1].contains("Use these terms: pier = jetée."));
    const RewrittenPart &good = result.parts[1], &bad = result.parts.back();
    EXPECT_EQ(good.problems(), 0u);
    EXPECT_EQ(bad.missing_terms, Strings{"pier = jetée"});
    EXPECT_EQ(bad.missing_numbers, Strings{"2020"});
    EXPECT_EQ(bad.added_numbers, Strings{"12"});
    EXPECT_EQ(result.calls, 5u); // the bad one twice
}

TEST(Rewrite, StopsAndGoesOn) {
    std::string text = "# All\n\n";
    for (int i = 0; i < 6; ++i)
        text += std::format("## Part {}\n\nSome words of part {} stand here.\n\n", i, i);
    Document d = document::importText(text, "a.md", true);
    auto echo = [](const std::string &prompt) { return textIn(prompt); };
    document::ResultsInMemory store, other;
    std::stop_source stop;
    ScriptedModel model(echo), whole(echo);
    model.before_call = [&] {
        if (model.prompts.size() == 4)
            stop.request_stop();
    };
    RewriteOptions options{.instruction = "Do it."};
    Rewriting first = rewriteDocument(model, d, options, store, {}, {}, stop.get_token());
    EXPECT_TRUE(first.stopped);
    EXPECT_EQ(first.calls, 3u);
    model.before_call = {};
    Rewriting second = rewriteDocument(model, d, options, store, {}, {}, {});
    EXPECT_EQ(second.kept_calls, 3u);
    EXPECT_EQ(second.calls, 3u);
    EXPECT_EQ(second.text(), rewriteDocument(whole, d, options, other, {}, {}, {}).text());
    // A changed part is done again, and the one after it, whose context it is.
    size_t at = text.find("words of part 2");
    text.replace(at, 5, "lines");
    Rewriting third = rewriteDocument(model, document::importText(text, "a.md", true), options,
                                      store, {}, {}, {});
    EXPECT_EQ(third.calls, 2u);
    EXPECT_EQ(third.kept_calls, 4u);
}

TEST(Rewrite, LoopsAreCutAndTold) {
    ScriptedModel model([](const std::string &) {
        std::string text = "This is well said.";
        for (int i = 0; i < 20; ++i)
            text += " The cost of the pier of the town is as high as it ever was before.";
        return text;
    });
    document::ResultsInMemory store;
    Document d = document::importText("The pier is old and costs a lot of money for the town, "
                                      "which has no money to pay for all the repairs of it.",
                                      "a.txt", false);
    Rewriting result = rewriteDocument(model, d, {.instruction = "Do it."}, store, {}, {}, {});
    EXPECT_TRUE(result.parts[0].cut);
    EXPECT_LT(result.text().size(), 300u);
    EXPECT_TRUE(result.text().ends_with(".\n"));
}

TEST(Rewrite, CutsASentenceThatIsTooLongBetweenWords) {
    ScriptedModel model([](const std::string &prompt) { return textIn(prompt); });
    document::ResultsInMemory store;
    std::string long_one = "Here";
    for (int i = 0; i < 700; ++i)
        long_one += std::format(" word{}", i);
    Document d = document::importText("# One\n\nA short one is first. " + long_one +
                                          ".\n\n# Two\n\nA short one is last.\n",
                                      "a.md", true);
    model.window_tokens = 600;
    Rewriting result = rewriteDocument(model, d, {.instruction = "Do it."}, store, {}, {}, {});
    EXPECT_GE(result.insideSentences(), 5u);
    EXPECT_LT(result.insideSentences(), result.parts.size() - 2);
    EXPECT_FALSE(result.parts.back().inside_sentence);
    std::string all;
    for (const RewrittenPart &part : result.parts) {
        EXPECT_EQ(part.text, d.span(part.start, part.end)) << "each in full, as the model said it";
        if (part.inside_sentence && part.end < d.text.size()) {
            EXPECT_TRUE(d.text[part.end] == ' ' || d.text[part.end] == '\n');
        }
        all += (all.empty() ? "" : " ") + part.text;
    }
    for (int i = 0; i < 700; ++i)
        EXPECT_TRUE(all.contains(std::format(" word{}{}", i, i < 699 ? " " : ".")));
}

/// As the outline of a PDF has them: the title is a picture, or stands on another page.
TEST(Rewrite, KeepsTitlesThatHaveNoLineAndDoesNotJoinAcrossThem) {
    auto echo = [](const std::string &prompt) {
        return prompt.contains("this heading") ? "Un titre" : textIn(prompt);
    };
    ScriptedModel model(echo);
    document::ResultsInMemory store;
    Document d = document::importText("The first text is here.\n\nThe second text is here.\n\n"
                                      "The third text is here.",
                                      "a.txt", false);
    ASSERT_EQ(d.paragraphs.size(), 3u);
    d.headings = {{"Part", 1, d.paragraphs[1].start}, {"Within", 2, d.paragraphs[1].start}};
    d.paragraphs[1].heading = d.paragraphs[2].heading = 2;
    Rewriting result = rewriteDocument(model, d, {.instruction = "Do it."}, store, {}, {}, {});
    EXPECT_EQ(result.text(), "The first text is here.\n\n# Part\n\n## Within\n\n"
                             "The second text is here.\n\nThe third text is here.\n");
    EXPECT_EQ(model.prompts.size(), 2u);
    result = rewriteDocument(model, d, {.language = "French"}, store, {}, {}, {});
    EXPECT_TRUE(result.text().contains("\n\n# Un titre\n\n## Un titre\n\nThe second"));
    // One that is longer than a part stays as it is.
    d.headings[0].title.assign(9000, 'x');
    for (size_t at = 5; at < 9000; at += 6)
        d.headings[0].title[at] = ' ';
    result = rewriteDocument(model, d, {.language = "French"}, store, {}, {}, {});
    EXPECT_TRUE(result.text().contains("# xxxxx xxxxx"));
}

TEST(Rewrite, RefusesWithNumbers) {
    ScriptedModel model([](const std::string &) { return std::string("x"); });
    document::ResultsInMemory store;
    errorOf(ErrorKind::usage, [&] { rewriteDocument(model, harbour(), {}, store, {}, {}, {}); });
    model.window_tokens = 300;
    std::string error = errorOf(ErrorKind::usage, [&] {
        rewriteDocument(model, harbour(), {.instruction = "Do it."}, store, {}, {}, {});
    });
    EXPECT_TRUE(holds(error, "window of 300 tokens is too small")) << error;
}

// ---- composing ---------------------------------------------------------------------------------

TEST(Outline, ReadsHeadingsWithNotesOrLines) {
    Outline outline = outlineOf("For sailors.\n# Boats\n## Old ones\n- of wood\n- of iron\n"
                                "## New ones\n");
    EXPECT_EQ(outline.about, "For sailors.");
    ASSERT_EQ(outline.items.size(), 3u);
    EXPECT_FALSE(outline.items[0].written);
    EXPECT_EQ(outline.items[1].notes, "of wood\nof iron");
    EXPECT_TRUE(outline.items[1].written && outline.items[2].written);
    Outline lines = outlineOf("Boats\n  - Old ones\n  - New ones\n1. Ships\n");
    ASSERT_EQ(lines.items.size(), 4u);
    EXPECT_FALSE(lines.items[0].written);
    EXPECT_EQ(lines.items[2].level, 2u);
    EXPECT_EQ(lines.items[3].title, "Ships");
    EXPECT_EQ(lines.items[3].level, 1u);
    errorOf(ErrorKind::file, [] { outlineOf(" \n\n"); });
    EXPECT_TRUE(holds(errorOf(ErrorKind::file, [] { outlineOf(""); }), "o.md"));
    EXPECT_EQ(outlineOf("#no heading").items[0].title, "#no heading");
}

TEST(Compose, WritesEachSectionWithWhatWasBefore) {
    int calls = 0;
    ScriptedModel model([&](const std::string &) {
        ++calls;
        return std::format("Everybody in the town of Vestrand knows the old story number {}. "
                           "Here is what happened in the year {} at the pier. "
                           "Nobody ever repaired anything that was broken in those days.",
                           calls, 1900 + calls);
    });
    document::ResultsInMemory store;
    Outline outline = outlineOf("# Town\n## One\nboats\n## Two\n## Three\n");
    Composition result =
        compose(model, outline, {.words = 120, .instruction = "Be brief."}, store, {}, {}, {});
    ASSERT_EQ(model.prompts.size(), 3u);
    EXPECT_TRUE(model.prompts[0].contains("  - One (this section)\n  - Two"));
    EXPECT_TRUE(model.prompts[0].contains("about 40 words. It shall say: boats. Be brief."));
    EXPECT_FALSE(model.prompts[0].contains("Written before"));
    EXPECT_TRUE(model.prompts[1].contains("Written before, in short: "));
    EXPECT_TRUE(model.prompts[1].contains("ends with: "));
    std::string text = result.text();
    EXPECT_TRUE(text.starts_with("# Town\n\n## One\n\nEverybody"));
    // What was said in the first section is not said again.
    EXPECT_EQ(text.find("Nobody ever"), text.rfind("Nobody ever"));
    EXPECT_EQ(text.find("Everybody"), text.rfind("Everybody")); // but for a number
    EXPECT_EQ(result.sections[2].repetitions, 2u);
    EXPECT_TRUE(text.contains("1903"));
    // Again: everything is kept.
    Composition again =
        compose(model, outline, {.words = 120, .instruction = "Be brief."}, store, {}, {}, {});
    EXPECT_EQ(again.calls, 0u);
    EXPECT_EQ(again.kept_calls, 3u);
    EXPECT_EQ(again.text(), text);
}

TEST(Compose, StopsKeepWholeSectionsAndSmallWindowsAreRefused) {
    std::stop_source stop;
    ScriptedModel model([&](const std::string &) {
        return std::string("A first sentence stands here now. And a second one does, too.");
    });
    document::ResultsInMemory store;
    Outline outline = outlineOf("One\nTwo\nThree");
    model.before_call = [&] {
        if (model.prompts.size() == 2)
            stop.request_stop();
    };
    Composition result = compose(model, outline, {.words = 90}, store, {}, {}, stop.get_token());
    EXPECT_TRUE(result.stopped);
    EXPECT_EQ(result.sections.size(), 1u);
    model.window_tokens = 100;
    std::string error = errorOf(ErrorKind::usage,
                                [&] { compose(model, outline, {.words = 90}, store, {}, {}, {}); });
    EXPECT_TRUE(holds(error, "the window has 100")) << error;
}

TEST(Compose, LargeModelsKeepARunningSummary) {
    ScriptedModel model([](const std::string &prompt) {
        return prompt.contains("what the text says")
                   ? std::string("A short text of it all.")
                   : "Section " + std::to_string(prompt.size()) + " says something of its own.";
    });
    model.parameters = 7'000'000'000;
    document::ResultsInMemory store;
    compose(model, outlineOf("One\nTwo"), {.words = 80}, store, {}, {}, {});
    ASSERT_EQ(model.prompts.size(), 4u);
    EXPECT_TRUE(model.prompts[2].contains("in short: A short text of it all."));
}

} // namespace
} // namespace longscope::reading
