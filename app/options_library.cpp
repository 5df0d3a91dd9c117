#include "app/options_library.h"

#include "app/paths.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <format>

namespace longscope::app {

void addLibrary(CLI::App &app, Options &o) {
    auto *library = app.add_subcommand("library", "documents, what was kept of them, search");
    library
        ->add_option(
            "ACTION", o.action,
            "list; add FILE…; remove ID…; show ID (facts, sections, tokens, results); "
            "search WORDS… (all documents); purge (forgets kept results, shrinks the file); "
            "readings [list, pin ID, unpin ID, remove ID, purge [all]] (what models read)")
        ->required()
        ->check(CLI::IsMember({"list", "add", "remove", "show", "search", "purge", "readings"}))
        ->type_name("");
    library->add_option("FILE|ID|WORD", o.files, "what the action is about")->type_name("");
}

void addKeeping(CLI::App *command, Options &o) {
    command->add_flag("!--no-keep", o.keep, "what is read is not kept for the next time");
    command
        ->add_option_function<double>(
            "--keep-most", [&o](double gb) { o.kept_bytes = static_cast<uint64_t>(gb * 1e9); },
            "most GB of kept readings (default 8, or 20 % of the free disk)")
        ->check(CLI::Range(0.001, 1e6))
        ->type_name("GB");
}

void checkLibrary(const Options &o) {
    if (o.command != "library" || o.action == "readings") // it looks at its own words
        return;
    bool wants = o.action != "list" && o.action != "purge";
    if (wants && o.files.empty())
        throw CLI::ValidationError("library " + o.action, "what? Nothing was given");
    if (!wants && !o.files.empty())
        throw CLI::ValidationError(
            "library " + o.action,
            std::format("takes nothing, and {} more was given", o.files.size()));
    if (o.action == "show" && o.files.size() > 1)
        throw CLI::ValidationError("library show",
                                   std::format("takes one id, {} were given", o.files.size()));
}

std::string libraryFolder(const Options &options) {
    if (!options.library.empty())
        return options.library;
    if (options.portable || std::filesystem::is_directory(portableFolder()))
        return portableFolder();
    return dataFolder();
}

} // namespace longscope::app
