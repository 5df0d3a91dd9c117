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
            "search WORDS… (all documents); purge (forgets kept results, shrinks the file)")
        ->required()
        ->check(CLI::IsMember({"list", "add", "remove", "show", "search", "purge"}))
        ->type_name("");
    library->add_option("FILE|ID|WORD", o.files, "what the action is about")->type_name("");
}

void checkLibrary(const Options &o) {
    if (o.command != "library")
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
