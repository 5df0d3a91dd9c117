#include "app/options_reading.h"

#include "app/options_library.h"

#include <CLI/CLI.hpp>

#include <map>

namespace longscope::app {
namespace {

void addAsking(CLI::App &app, Options &o) {
    auto *ask = app.add_subcommand("ask", "an answer with its places; several files: a table");
    addFiles(ask, o, "documents (- is standard input)")->required();
    ask->add_option("-q,--question", o.questions, "what is asked, may be given several times")
        ->required()
        ->allow_extra_args(false)
        ->type_name("Q");
    ask->add_option("--strategy", o.strategy,
                    "auto, whole (all is read), retrieve (the passages found)")
        ->check(CLI::IsMember({"auto", "whole", "retrieve"}))
        ->type_name("S");
    ask->add_flag("--write", o.write, "in the model's own words, also below a billion parameters");
    ask->add_flag("--vectors", o.vectors, "find passages by the model's vectors, too");
    ask->add_option("--embed-model", o.embed_model, "a GGUF file that makes the vectors")
        ->type_name("FILE");
    addKeeping(ask, o);
    ask->add_option("--places", o.places, "how many passages are read and shown (default 5)")
        ->check(CLI::Range(1u, 100u))
        ->type_name("N");
}

/// Other work on documents than summaries.
void addTasks(CLI::App &app, Options &o) {
    auto *classify = app.add_subcommand("classify", "which of several labels fits a document");
    addFiles(classify, o, "documents (- is standard input)")->required();
    classify->add_option("--labels", o.labels, "two or more, as \"sport,cooking,law\"")
        ->delimiter(',')
        ->required()
        ->type_name("A,B,…");
    classify
        ->add_option("--question", o.question,
                     "what is asked about the text (default: what it is about)")
        ->type_name("Q");
    classify->add_option("--strategy", o.strategy, "auto (whole when it fits), whole, sections")
        ->check(CLI::IsMember({"auto", "whole", "sections"}))
        ->type_name("S");
    addKeeping(classify, o);
    auto *rewrite = app.add_subcommand("rewrite", "a text translated or rewritten part by part");
    addFiles(rewrite, o, "a document (- is standard input)")->required()->expected(1);
    rewrite->add_option("--instruction", o.instruction, "what to do, as \"Use short sentences.\"")
        ->type_name("TEXT");
    rewrite->add_option("--language", o.language, "translate into this language")->type_name("L");
    rewrite->add_option("--terms", o.terms, "lines \"source = target\" that the result keeps to")
        ->type_name("FILE");
    rewrite->add_option("--out", o.out, "the result (default: standard output)")->type_name("F");
    auto *compose = app.add_subcommand("compose", "a text written from an outline");
    addFiles(compose, o, "Markdown headings with notes, or lines")->required()->expected(1);
    compose->add_option("--words", o.all_words, "of the whole text (default 800)")
        ->check(CLI::Range(1u, 1000000u))
        ->type_name("N");
    compose->add_option("--instruction", o.instruction, "for every section")->type_name("TEXT");
    compose->add_option("--out", o.out, "the result (default: standard output)")->type_name("F");
}

} // namespace

CLI::Option *addFiles(CLI::App *command, Options &o, const char *what) {
    return command->add_option("FILE", o.files, what)->type_name("");
}

void addSession(CLI::App *command, Options &o) {
    command
        ->add_option("--session", o.session,
                     "goes on from this file when it exists, and writes it at the end")
        ->type_name("FILE");
}

void addReading(CLI::App &app, Options &o) {
    auto *summarize = app.add_subcommand("summarize", "a summary with its sources");
    addFiles(summarize, o,
             "documents or folders: text, Markdown, HTML, PDF, DOCX, ODT, EPUB, RTF, subtitles, "
             "code; - is standard input")
        ->required();
    summarize
        ->add_option("--strategy", o.strategy,
                     "auto, whole (one call), map-reduce, refine, tree (by outline), extract "
                     "(quotes, no model)")
        ->check(CLI::IsMember({"auto", "whole", "map-reduce", "refine", "tree", "extract"}))
        ->type_name("S");
    auto *words = summarize->add_option("--words", o.words, "length of the summary")
                      ->check(CLI::Range(1u, 100000u))
                      ->type_name("N");
    summarize->add_option("--length", o.words, "short (60 words), medium (120), long (300)")
        ->transform(CLI::Transformer(
            std::map<std::string, unsigned>{{"short", 60}, {"medium", 120}, {"long", 300}}))
        ->excludes(words)
        ->type_name("L");
    summarize->add_option("--style", o.style, "prose, bullets (default: each sentence in a line)")
        ->check(CLI::IsMember({"prose", "bullets"}))
        ->type_name("S");
    summarize
        ->add_option("--language", o.language, "that the model writes in (default: the text's)")
        ->type_name("L");
    summarize->add_option("--instruction", o.instruction, "what else the model shall heed")
        ->type_name("TEXT");
    summarize
        ->add_option("--sentences", o.key_sentences, "how many key sentences (default: words / 15)")
        ->check(CLI::Range(1u, 1000u))
        ->type_name("N");
    addKeeping(summarize, o);
    addTasks(app, o);
    addAsking(app, o);
    auto *chat = app.add_subcommand("chat", "a conversation in the terminal");
    chat->add_option("--system", o.system, "system message")->type_name("S");
    addFiles(chat, o, "documents to talk about");
    addSession(chat, o);
    addKeeping(chat, o);
    auto *complete = app.add_subcommand("complete", "plain continuation, no chat template");
    complete->add_option("TEXT", o.text, "the beginning (- is standard input)")
        ->required()
        ->type_name("");
    addSession(complete, o);
}

void checkTasks(const Options &o) {
    if (o.command == "rewrite" && o.instruction.empty() && o.language.empty())
        throw CLI::ValidationError("rewrite", "--instruction or --language says what to do");
    if (o.command == "classify" && o.labels.size() < 2)
        throw CLI::ValidationError("--labels", "two or more, with commas between them");
}

} // namespace longscope::app
