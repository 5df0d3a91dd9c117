// The command line as data: what every command may be told, and what each command is told in
// particular. Parsing is here; the commands themselves know nothing of it.
#pragma once

#include "compute/engine/sampler.h"
#include "compute/engine/session.h"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::app {

struct Options {
    std::string command;
    // any command
    std::string model; ///< "" = the default model
    std::string device, kernels = "auto";
    std::vector<engine::EngineOptions::Adapter> adapters; ///< --lora
    uint64_t context_tokens = 0;                          ///< 0 = what the text needs
    uint64_t device_weight_bytes = 0;                     ///< 0 = what is free
    engine::CacheType k = engine::CacheType::f16, v = engine::CacheType::f16;
    /// Each one a whole setting for all layers ("window:256@0-3 full@4-29"); bench and perplexity
    /// compare several, other commands take one. Empty: full, and the positions of the file.
    std::vector<std::string> attention, rope;
    std::string evict;
    std::optional<float> temperature, top_p, min_p, repeat_penalty; ///< where given
    std::optional<uint32_t> top_k;
    std::optional<uint64_t> seed;
    std::optional<uint64_t> max_tokens; ///< -n
    bool json = false, quiet = false;
    std::string library; ///< folder of the library, "" = the data folder
    // some commands
    std::vector<std::string> files;
    std::string text;                   ///< complete
    std::string action;                 ///< library: list, add, remove, show, search, …
    std::string system;                 ///< chat
    std::string strategy = "auto";      ///< summarize; ask; classify
    unsigned words = 120;               ///< summarize; --length sets it, too
    std::string style;                  ///< summarize: prose, bullets; "" = a line each
    std::string language, instruction;  ///< summarize, rewrite; compose: the latter
    std::vector<std::string> labels;    ///< classify, screenshot
    std::string question;               ///< classify, screenshot; "" = what the text is about
    std::string terms;                  ///< rewrite: a file
    unsigned all_words = 800;           ///< compose
    unsigned key_sentences = 0;         ///< summarize; 0 = one for every 15 words
    std::vector<std::string> questions; ///< ask
    bool write = false;                 ///< ask: the model's own words, whatever its size
    bool vectors = false;               ///< ask
    std::string embed_model;            ///< ask: "" = the model itself
    unsigned places = 5;                ///< ask
    bool no_special = false;            ///< tokenize
    bool add_generation_prompt = false; ///< template
    std::string out;                    ///< logits, rewrite, compose
    uint64_t chunks = 0;                ///< perplexity; 0 = all
    bool by_position = false;           ///< perplexity
    bool compare = false;               ///< perplexity: one setting, too, with full attention
    std::vector<uint64_t> prompt_tokens{512}, generated_tokens{128}, depths{0, 4096}; ///< bench
    unsigned repeat = 5;                                                              ///< bench
    unsigned runs = 1;                                                                ///< evaluate
    std::string format = "md";   ///< bench: md, json, csv
    bool profile = false;        ///< bench
    bool measure = false;        ///< plan: allocate and run, too
    uint32_t layer = 0;          ///< attention
    std::vector<uint32_t> heads; ///< attention; empty: all, their mean
    std::string queries, keys;   ///< attention: "A:B", "" = all
    uint32_t size = 512;         ///< attention: most cells of a side
    std::string pool = "sum";    ///< attention: sum, mean, max
    std::string recall;          ///< attention: a pattern, "" = none
    std::string session;         ///< a file that keeps what was read, "" = none
    bool keep = true;            ///< what is read is kept in the data folder
    uint64_t kept_bytes = 0;     ///< that may be kept there; 0 = as usual
    bool portable = false;       ///< run: the data folder is beside the program
    bool frame_times = false;    ///< run: print them at the end
    std::string panel;           ///< screenshot
    std::string theme = "dark";  ///< screenshot
    float scale = 1;             ///< screenshot: pixels of a unit
};

/// What the user chose that changes what a model replies to a prompt, sampling aside; "" = nothing.
std::string settingsText(const Options &options);

/// What the arguments say, or the exit status when they were answered already (help, version, and
/// wrong usage, which is told on standard error together with the right one).
struct Parsed {
    Options options;
    std::optional<int> status;
};
Parsed parseOptions(int argc, const char *const *argv);

/// The model file, the default one when none was given. Throws Error(file) when it is not there.
std::string modelPath(const Options &options);
/// Where the library and what belongs to it lie: --library, beside the program when it is portable,
/// else the data folder.
std::string libraryFolder(const Options &options);
/// `defaults` with what the options say.
engine::SamplingOptions sampling(const Options &options, engine::SamplingOptions defaults = {});
engine::SessionOptions sessionOptions(const Options &options);
/// The same with one of several settings; "" = as the program does without one.
engine::SessionOptions sessionOptions(const Options &options, const std::string &attention,
                                      const std::string &rope);
/// Warns when a scheme of positions was chosen that does not reach over the window.
void warnOutOfReach(const model::Config &config, const engine::SessionOptions &session);
engine::EngineOptions engineOptions(const Options &options);

} // namespace longscope::app
