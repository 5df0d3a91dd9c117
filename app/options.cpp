#include "app/options.h"

#include "app/options_library.h"
#include "app/options_reading.h"
#include "app/output.h"
#include "app/paths.h"
#include "app/setting_specs.h"
#include "compute/core/error.h"
#include "compute/document/characters.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <map>

namespace longscope::app {
namespace {

constexpr const char *kVersion = "longscope 0.1.0";

/// Which keys count, and where they stand.
void addReadingOptions(CLI::App &app, Options &o) {
    app.add_option(
           "--attention", o.attention,
           "which keys a query sees, as \"window:256@0-3 full@4-29\": full window:W "
           "sinks:S+W a-shape:S+W rolling:S+M dilated:WxD longformer:W+G bigbird:B,W,G,R strided:L "
           "fixed:L,C chunked:C shifted:G blocks:FILE vertical-slash:V,S xattention:T "
           "flexprefill:G topk:K mixed:SPEC#HEADS|SPEC (default full)")
        ->allow_extra_args(false)
        ->type_name("SPEC");
    app.add_option("--rope", o.rope,
                   "positions: model none linear:S ntk:S dynamic-ntk ntk-parts:S yarn:S llama3:S "
                   "longrope self-extend:G,W rerope:W leaky-rerope:W,S (default model)")
        ->allow_extra_args(false)
        ->type_name("SPEC");
    app.add_option("--evict", o.evict, "keys to throw away: h2o:K snapkv:K tova:K quest:K")
        ->type_name("SPEC");
}

void addGeneral(CLI::App &app, Options &o, std::string &kv, std::vector<std::string> &lora) {
    app.add_option("-m,--model", o.model, "a GGUF file (default: the default model)")
        ->type_name("FILE");
    app.add_option("--device", o.device, "Vulkan device, see `longscope devices`")
        ->type_name("N|NAME");
    app.add_option("-c,--context", o.context_tokens, "window in tokens, 0 = what is needed")
        ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 40))
        ->type_name("N");
    app.add_option("--kv", kv, "cache type, or K,V: f32 f16 bf16 q8_0 q4_0 (default f16)")
        ->type_name("T[,T]");
    addReadingOptions(app, o);
    app.add_option("--lora", lora, "a LoRA adapter in GGUF, several are added (scale: default 1)")
        ->allow_extra_args(false)
        ->type_name("FILE[:SCALE]");
    app.add_option("--device-weights", o.device_weight_bytes,
                   "most of the device's memory for weights (2GB, 300MB); further layers stay in "
                   "host memory (default: what is free)")
        ->transform(CLI::AsSizeValue(true))
        ->type_name("SIZE");
    app.add_option("--kernels", o.kernels, "kernel family")
        ->check(CLI::IsMember({"auto", "lanes", "subgroup"}))
        ->type_name("F");
    app.add_option("--temp", o.temperature, "temperature, 0 = greedy")
        ->check(CLI::Range(0.0, 100.0))
        ->type_name("T");
    app.add_option("--top-k", o.top_k, "keep the K best tokens, 0 = off")->type_name("K");
    app.add_option("--top-p", o.top_p, "keep this much probability, 1 = off")
        ->check(CLI::Range(0.0, 1.0))
        ->type_name("P");
    app.add_option("--min-p", o.min_p, "drop what is less likely than this share of the best")
        ->check(CLI::Range(0.0, 1.0))
        ->type_name("P");
    app.add_option("--repeat-penalty", o.repeat_penalty, "1 = off")
        ->check(CLI::Range(0.01, 100.0))
        ->type_name("R");
    app.add_option("--seed", o.seed, "0 = a random one")->type_name("N");
    app.add_option("-n", o.max_tokens, "most tokens to write")->type_name("N");
    app.add_option("--library", o.library, "folder of the library (default: the data folder)")
        ->type_name("FOLDER");
    app.add_flag("--json", o.json, "one JSON object on standard output instead of text");
    app.add_flag("--quiet", o.quiet, "no progress on standard error");
}

void addWindow(CLI::App &app, Options &o) {
    auto *run =
        app.add_subcommand("run", "the window; without a display a summary in the terminal");
    addFiles(run, o, "documents to open");
    run->add_flag("--portable", o.portable, "keep everything beside the program");
    run->add_flag("--frame-times", o.frame_times, "print them at the end");
    auto *shot = app.add_subcommand("screenshot", "a panel, drawn without a display");
    shot->add_option("PANEL", o.panel,
                     "document chat attention memory cost patterns model settings library, or "
                     "window")
        ->required()
        ->type_name("");
    shot->add_option("FILE", o.files, "documents, the first one is shown (default: the sample)")
        ->type_name("");
    shot->add_option("--question", o.question, "library: asked of all FILEs")->type_name("Q");
    shot->add_option("--labels", o.labels, "library: which of them fits each FILE")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("A,B,...");
    shot->add_option("--out", o.out, "the picture, .png")->required()->type_name("F");
    shot->add_option("--theme", o.theme, "dark, light, high-contrast")
        ->check(CLI::IsMember({"dark", "light", "high-contrast"}))
        ->type_name("T");
    shot->add_option("--scale", o.scale, "pixels of a unit (default 1)")
        ->check(CLI::Range(0.5, 4.0))
        ->type_name("S");
}

void addText(CLI::App &app, Options &o) {
    auto *tokenize = app.add_subcommand("tokenize", "the ids of each file as a JSON array");
    addFiles(tokenize, o, "text files")->required();
    tokenize->add_flag("--no-special", o.no_special, "special tokens in the text are plain text");
    auto *detokenize = app.add_subcommand("detokenize", "the text of a JSON array of ids");
    addFiles(detokenize, o, "a JSON array")->required()->expected(1);
    auto *chat_template = app.add_subcommand("template", "the model's chat template over messages");
    addFiles(chat_template, o, R"({"messages": [...], "tools": [...]})")->required()->expected(1);
    chat_template->add_flag("--add-generation-prompt", o.add_generation_prompt,
                            "end where the assistant begins");
}

void addAttention(CLI::App &app, Options &o) {
    auto *attention = app.add_subcommand("attention", "where the heads look, in figures or a map");
    addFiles(attention, o, "a text (- is standard input)")->required()->expected(1);
    auto *out = attention->add_option("--out", o.out, "a map of one layer: .npy, .csv, .png");
    auto *layer = attention->add_option("--layer", o.layer, "of the map");
    out->needs(layer)->type_name("F");
    layer->needs(out)->type_name("L");
    attention->add_option("--head", o.heads, "of the map, the mean of several (default: all)")
        ->delimiter(',')
        ->needs(out)
        ->type_name("H,…");
    attention->add_option("--queries", o.queries, "of the map, in tokens (default: all)")
        ->needs(out)
        ->type_name("A:B");
    attention->add_option("--keys", o.keys, "of the map, in tokens (default: all)")
        ->needs(out)
        ->type_name("A:B");
    attention->add_option("--size", o.size, "most cells of a side of the map (default 512)")
        ->check(CLI::Range(1u, 1024u))
        ->needs(out)
        ->type_name("N");
    attention->add_option("--pool", o.pool, "what a cell shows: sum, mean, max")
        ->check(CLI::IsMember({"sum", "mean", "max"}))
        ->needs(out)
        ->type_name("P");
    attention->add_option("--recall", o.recall, "how much of full attention a pattern would see")
        ->excludes(out)
        ->type_name("SPEC");
}

void addMeasuring(CLI::App &app, Options &o) {
    auto *logits = app.add_subcommand("logits", "logits of every token, raw float32");
    addFiles(logits, o, "a JSON array of ids")->required()->expected(1);
    logits->add_option("--out", o.out, "float32 file [tokens, vocab]")->required()->type_name("F");
    auto *perplexity = app.add_subcommand("perplexity", "how well the model predicts a text");
    addFiles(perplexity, o, "a text")->required()->expected(1);
    perplexity->add_option("--chunks", o.chunks, "at most so many windows")->type_name("N");
    perplexity->add_flag("--compare", o.compare, "with full attention, for one setting, too");
    perplexity->add_flag("--by-position", o.by_position, "also at each position of the window");
    auto *bench = app.add_subcommand("bench", "speed of reading and writing");
    bench->add_option("-p", o.prompt_tokens, "prompt tokens (default 512)")
        ->delimiter(',')
        ->type_name("N,…");
    bench->add_option("-n", o.generated_tokens, "generated tokens (default 128)")
        ->delimiter(',')
        ->type_name("N,…");
    bench->add_option("-d", o.depths, "tokens before them (default 0,4096)")
        ->delimiter(',')
        ->type_name("N,…");
    bench->add_option("--repeat", o.repeat, "runs of each, after one warm-up")
        ->check(CLI::Range(1u, 1000u))
        ->type_name("N");
    bench->add_option("--format", o.format, "md, json, csv")
        ->check(CLI::IsMember({"md", "json", "csv"}))
        ->type_name("F");
    bench->add_flag("--profile", o.profile, "time of each kernel on the device");
    auto *evaluate = app.add_subcommand("evaluate", "how good summaries are, over marked texts");
    evaluate->add_option("FOLDER", o.files, "texts, each with NAME.points beside it")
        ->required()
        ->expected(1)
        ->type_name("");
    evaluate->add_option("--strategy", o.strategy, "auto (all), extract (what needs no model)")
        ->check(CLI::IsMember({"auto", "extract"}))
        ->type_name("S");
    evaluate->add_option("--words", o.words, "length of the model's summaries")
        ->check(CLI::Range(1u, 100000u))
        ->type_name("N");
    evaluate->add_option("--repeat", o.runs, "runs of recipes that sample, seeds 1 to N")
        ->check(CLI::Range(1u, 1000u))
        ->type_name("N");
    addAttention(app, o);
    auto *plan = app.add_subcommand("plan", "memory and work of a window, before anything is read");
    plan->add_flag("--measure", o.measure, "allocate, read random tokens, and compare");
    auto *inspect = app.add_subcommand("inspect", "metadata, tensors and sizes of a model file");
    addFiles(inspect, o, "a GGUF file (default: --model)")->expected(0, 1);
    app.add_subcommand("devices", "what Vulkan devices there are");
    app.add_subcommand("selftest", "every kernel against its CPU twin on this machine");
}

/// "f16", or "f32,f16" for keys and values.
void parseCacheTypes(const std::string &kv, Options &o) {
    auto typeOf = [&](const std::string &name) {
        if (auto type = attention::findCacheType(name))
            return *type;
        throw CLI::ValidationError(
            "--kv", std::format("\"{}\" is not one of {}", name, "f32, f16, bf16, q8_0, q4_0"));
    };
    if (kv.empty())
        return;
    size_t comma = kv.find(',');
    o.k = typeOf(kv.substr(0, comma));
    o.v = comma == std::string::npos ? o.k : typeOf(kv.substr(comma + 1));
    if (o.k == engine::CacheType::q4_0 || o.v == engine::CacheType::q4_0)
        printWarning("a q4_0 cache keeps 4 bits of a number: the quality of the answers suffers "
                     "(q8_0 is hardly worse than f16)");
}

/// FILE or FILE:SCALE; a colon that no number follows belongs to the name.
engine::EngineOptions::Adapter parseAdapter(const std::string &text) {
    size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon + 1 == text.size())
        return {.path = text};
    float scale = 0;
    const char *end = text.data() + text.size();
    auto read = std::from_chars(text.data() + colon + 1, end, scale);
    if (read.ec != std::errc() || read.ptr != end)
        return {.path = text};
    if (!std::isfinite(scale))
        throw CLI::ValidationError("--lora", text + ": the scale must be a finite number");
    return {.path = text.substr(0, colon), .scale = scale};
}

/// Specs are read once before a command begins, so that a wrong one is said at once.
void checkReading(const Options &o) {
    bool compares = o.command == "bench" || o.command == "perplexity" || o.command == "plan";
    for (const auto &[name, settings] :
         {std::pair{"--attention", &o.attention}, std::pair{"--rope", &o.rope}})
        if (settings->size() > 1 && !compares)
            throw CLI::ValidationError(
                name, std::format("given {} times; only bench, perplexity and plan compare "
                                  "settings (one setting for several layers: \"A@0-3 B@4-29\")",
                                  settings->size()));
    for (const std::string &setting : o.attention)
        sessionOptions(o, setting, "");
    for (const std::string &scheme : o.rope)
        sessionOptions(o, "", scheme);
    sessionOptions(o, "", "");
}

std::string commandList(const CLI::App &app) {
    std::string names;
    for (const CLI::App *command : app.get_subcommands([](const CLI::App *) { return true; }))
        names += (names.empty() ? "" : " ") + command->get_name();
    return names;
}

/// One line with the error, one with the right usage.
void explain(const CLI::App &app, const CLI::ParseError &error) {
    auto chosen = app.get_subcommands();
    if (chosen.empty()) {
        std::vector<std::string> unknown = app.remaining();
        std::string first = unknown.empty() ? "" : unknown.front();
        printError(first.empty()
                       ? "a command is missing"
                       : std::format("there is no {} \"{}\"",
                                     first.starts_with("-") ? "option" : "command", first));
        printNote("usage: longscope COMMAND [OPTIONS]   commands: " + commandList(app));
        printNote("       longscope --help");
        return;
    }
    const CLI::App *command = chosen.front();
    std::string usage = "usage: longscope " + command->get_name();
    for (const CLI::Option *option : command->get_options()) {
        if (option->check_name("--help"))
            continue;
        std::string name = option->get_name(); // of a positional its own
        if (!option->get_positional() && !option->get_type_name().empty())
            name += " " + option->get_type_name().substr(0, option->get_type_name().find(':'));
        if (option->get_positional() && option->get_expected_max() > 1)
            name += "…";
        usage += option->get_required() ? " " + name : " [" + name + "]";
    }
    printError(error.what());
    printNote(usage + " [GENERAL OPTIONS]");
    printNote("       longscope " + command->get_name() + " --help");
}

} // namespace

Parsed parseOptions(int argc, const char *const *argv) {
    Parsed parsed;
    Options &o = parsed.options;
    std::string kv;
    std::vector<std::string> lora;
    CLI::App app("Reads long texts with language models on any Vulkan device.", "longscope");
    app.set_version_flag("--version", kVersion);
    app.fallthrough();
    app.require_subcommand(1);
    addGeneral(app, o, kv, lora);
    addWindow(app, o);
    addReading(app, o);
    addLibrary(app, o);
    addText(app, o);
    addMeasuring(app, o);
    for (CLI::App *command : app.get_subcommands([](CLI::App *) { return true; }))
        command->footer("General options (--model, --device, --json, ...): longscope --help");
    try {
        app.parse(argc, argv);
        parseCacheTypes(kv, o);
        for (const std::string &text : lora)
            o.adapters.push_back(parseAdapter(text));
        for (std::string &label : o.labels)
            label = std::string(document::trimmed(label));
        o.command = app.get_subcommands().front()->get_name();
        checkReading(o);
        checkLibrary(o);
        checkTasks(o);
        if (o.json)
            o.format = "json";
    } catch (const CLI::Success &help) {
        printOut(dynamic_cast<const CLI::CallForVersion *>(&help) ? std::string(kVersion) + "\n"
                                                                  : app.help());
        parsed.status = 0;
    } catch (const CLI::ParseError &error) {
        explain(app, error);
        parsed.status = 2;
    }
    return parsed;
}

std::string modelPath(const Options &options) {
    if (!options.model.empty())
        return options.model;
    std::string path = defaultModelPath();
    if (!std::filesystem::exists(path))
        fail(ErrorKind::file,
             "the default model is not at {}: run `bash app/run.sh` once while on line to fetch "
             "it, or give --model FILE",
             path);
    return path;
}

std::string settingsText(const Options &o) {
    std::string text;
    for (const engine::EngineOptions::Adapter &adapter : o.adapters)
        text += std::format(" lora {} {}", adapter.path, adapter.scale);
    for (const std::string &spec : o.attention)
        text += " attention " + spec;
    for (const std::string &spec : o.rope)
        text += " rope " + spec;
    if (!o.evict.empty())
        text += " evict " + o.evict;
    if (o.k != engine::CacheType::f16 || o.v != engine::CacheType::f16)
        text += std::format(" kv {} {}", static_cast<int>(o.k), static_cast<int>(o.v));
    return text;
}

engine::SamplingOptions sampling(const Options &o, engine::SamplingOptions s) {
    s.temperature = o.temperature.value_or(s.temperature);
    s.top_k = o.top_k.value_or(s.top_k);
    s.top_p = o.top_p.value_or(s.top_p);
    s.min_p = o.min_p.value_or(s.min_p);
    s.repeat_penalty = o.repeat_penalty.value_or(s.repeat_penalty);
    s.seed = o.seed.value_or(s.seed);
    return s;
}

engine::SessionOptions sessionOptions(const Options &options) {
    return sessionOptions(options, options.attention.empty() ? "" : options.attention.front(),
                          options.rope.empty() ? "" : options.rope.front());
}

engine::SessionOptions sessionOptions(const Options &options, const std::string &attention,
                                      const std::string &rope) {
    engine::SessionOptions session;
    session.context_tokens = options.context_tokens;
    session.k = options.k;
    session.v = options.v;
    applySpecs(session, attention, rope, options.evict);
    return session;
}

void warnOutOfReach(const model::Config &config, const engine::SessionOptions &session) {
    std::string problem = engine::outOfReach(config, session);
    if (!problem.empty() && session.rope) // without a scheme the session refuses
        printWarning(problem);
}

engine::EngineOptions engineOptions(const Options &options) {
    engine::EngineOptions engine;
    engine.model_path = modelPath(options);
    engine.device = options.device;
    engine.kernels = options.kernels;
    engine.adapters = options.adapters;
    engine.device_weight_bytes = options.device_weight_bytes;
    return engine;
}

} // namespace longscope::app
