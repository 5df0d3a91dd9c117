// The table of all specs that the form knows, with what each means.
#include "ui/panels/patterns_spec.h"

namespace longscope::ui {
namespace {

constexpr double kMany = 131072;
constexpr const char *kTokens = "%.0f tokens";

SpecNumber tokens(const char *label, double standard, double least = 1) {
    return {.label = label, .least = least, .most = kMany, .standard = standard, .format = kTokens};
}
SpecNumber count(const char *label, double standard, double least, double most,
                 const char *format = "%.0f") {
    return {.label = label, .least = least, .most = most, .standard = standard, .format = format};
}
SpecNumber share(const char *label, double standard) {
    return {.label = label,
            .least = 0.01,
            .most = 1,
            .standard = standard,
            .is_real = true,
            .format = "%.2f"};
}
SpecNumber stretch(double standard = 2) {
    return {.label = "Factor",
            .least = 1,
            .most = 64,
            .standard = standard,
            .is_real = true,
            .format = "%.2f"};
}
SpecNumber real(const char *label, double standard, double least, double most) {
    return {.label = label,
            .least = least,
            .most = most,
            .standard = standard,
            .is_real = true,
            .format = "%.2f"};
}

} // namespace

std::span<const SpecForm> attentionForms() {
    static const std::vector<SpecForm> forms = {
        {.name = "full", .label = "Full", .help = "Every token sees all earlier tokens."},
        {.name = "window",
         .label = "Window",
         .help = "Every token sees only the last ones.",
         .needed = 1,
         .numbers = {tokens("Window", 1024)}},
        {.name = "sinks",
         .label = "Sinks and window (StreamingLLM)",
         .help = "The first tokens and the last ones. What lies between is forgotten, and the "
                 "sinks are told positions as if it had never been there.",
         .separator = '+',
         .needed = 2,
         .numbers = {tokens("Sinks", 4, 0), tokens("Window", 1020)}},
        {.name = "a-shape",
         .label = "First and last tokens (A shape)",
         .help = "The first tokens and the last ones, positions as they are.",
         .separator = '+',
         .needed = 2,
         .numbers = {tokens("First", 64, 0), tokens("Window", 1024)}},
        {.name = "rolling",
         .label = "Rolling window",
         .help = "The first tokens and a window that drops its older half whenever it is full.",
         .separator = '+',
         .needed = 2,
         .numbers = {tokens("First", 4, 0), tokens("Window", 1020)}},
        {.name = "dilated",
         .label = "Window with gaps (dilated)",
         .help = "As many keys as the window says, each some tokens apart.",
         .separator = 'x',
         .needed = 2,
         .numbers = {tokens("Window", 512), count("Apart", 2, 1, 64, "%.0f tokens")}},
        {.name = "strided",
         .label = "Strided (Sparse Transformer)",
         .help = "The last tokens, and before them every token at a multiple of the stride.",
         .needed = 1,
         .numbers = {tokens("Stride", 128),
                     {.label = "Window one token shorter, as in the released code",
                      .least = 0,
                      .most = 1,
                      .standard = 0,
                      .word = "code"}}},
        {.name = "fixed",
         .label = "Fixed blocks (Sparse Transformer)",
         .help = "The own block, and the last tokens of every earlier block.",
         .needed = 2,
         .numbers = {tokens("Block", 128), tokens("Of each block", 8)}},
        {.name = "longformer",
         .label = "Window and global tokens (Longformer)",
         .help = "A window; the first tokens are seen by all.",
         .separator = '+',
         .needed = 2,
         .numbers = {tokens("Window", 1024), tokens("Global", 16, 0)}},
        {.name = "bigbird",
         .label = "Blocks: near, first, random (BigBird)",
         .help = "Whole blocks: the nearest, the first, and some by chance.",
         .needed = 4,
         .numbers = {tokens("Block", 64), count("Near", 3, 1, 64, "%.0f blocks"),
                     count("First", 1, 0, 64, "%.0f blocks"),
                     count("Random", 3, 0, 64, "%.0f blocks"), count("Seed", 0, 0, 999)}},
        {.name = "chunked",
         .label = "Chunks",
         .help = "Only tokens of the own chunk.",
         .needed = 1,
         .numbers = {tokens("Chunk", 1024)}},
        {.name = "shifted",
         .label = "Shifted groups (LongLoRA)",
         .help = "Only the own group; half of the heads have groups shifted by half.",
         .needed = 1,
         .numbers = {tokens("Group", 1024)}},
        {.name = "vertical-slash",
         .label = "Chosen: columns and diagonals (MInference)",
         .help = "Chosen from the text while it is read: the columns and the diagonals with the "
                 "most attention.",
         .needed = 2,
         .numbers = {tokens("Columns", 256), tokens("Diagonals", 512)}},
        {.name = "xattention",
         .label = "Chosen: blocks by antidiagonals (XAttention)",
         .help = "Chosen from the text: the best blocks until they hold this share of the "
                 "attention.",
         .needed = 1,
         .numbers = {share("Share", 0.9), count("Stride", 8, 1, 64), tokens("Block", 128)}},
        {.name = "flexprefill",
         .label = "Chosen: as each head needs (FlexPrefill)",
         .help = "Chosen from the text for each head, until this share of the attention is held.",
         .needed = 1,
         .numbers = {share("Share", 0.9), tokens("At least", 512, 0)}},
        {.name = "topk",
         .label = "Chosen: the best blocks",
         .help = "Chosen from the text: as many blocks as this for each block of queries.",
         .needed = 1,
         .numbers = {count("Blocks", 16, 1, 1024), tokens("Block", 64)}},
        {.name = "mixed",
         .label = "Some heads so, the rest so",
         .help = "Rules by heads: \"window:64#0-3|full\" gives the first four heads a window.",
         .free_text = "Rules"},
        {.name = "blocks",
         .label = "A mask of blocks from a file",
         .help = "A text file: \"block N\", then rows of 0 and 1.",
         .free_text = "File"},
    };
    return forms;
}

std::span<const SpecForm> ropeForms() {
    static const std::vector<SpecForm> forms = {
        {.name = "model",
         .label = "As the model's file says",
         .help = "Positions as the model was trained with."},
        {.name = "none",
         .label = "Without the file's scaling",
         .help = "The file's base alone; for comparison."},
        {.name = "linear",
         .label = "Linear (position interpolation)",
         .help = "All positions are divided by the factor.",
         .needed = 1,
         .numbers = {stretch()}},
        {.name = "ntk",
         .label = "NTK-aware",
         .help = "A larger base: slow pairs are stretched, fast ones hardly.",
         .needed = 1,
         .numbers = {stretch()}},
        {.name = "dynamic-ntk",
         .label = "NTK that grows with the text",
         .help = "The base follows the number of tokens; short texts stay as they were.",
         .numbers = {stretch(1)}},
        {.name = "ntk-parts",
         .label = "NTK by parts",
         .help = "Only pairs that turn slowly are stretched.",
         .needed = 1,
         .numbers = {stretch()}},
        {.name = "yarn",
         .label = "YaRN",
         .help = "By parts, and the attention is made a little sharper.",
         .needed = 1,
         .numbers = {stretch()}},
        {.name = "llama3",
         .label = "Llama 3",
         .help = "By turns within the trained window.",
         .needed = 1,
         .numbers = {stretch(), real("Slow: turns up to", 1, 0.1, 16),
                     real("Fast: turns from", 4, 0.2, 64)}},
        {.name = "longrope",
         .label = "LongRoPE",
         .help = "A divisor for each pair, from the model's file."},
        {.name = "self-extend",
         .label = "Self-extend",
         .help = "Near tokens keep their positions; far ones share positions in groups.",
         .needed = 2,
         .numbers = {count("Group", 4, 1, 64, "%.0f tokens"), tokens("Near", 1024)}},
        {.name = "rerope",
         .label = "ReRoPE",
         .help = "All tokens further than this seem equally far.",
         .needed = 1,
         .numbers = {tokens("Near", 1024)}},
        {.name = "leaky-rerope",
         .label = "Leaky ReRoPE",
         .help = "Beyond the near tokens, distances grow more slowly.",
         .needed = 2,
         .numbers = {tokens("Near", 1024), stretch(8)}},
    };
    return forms;
}

std::span<const SpecForm> evictionForms() {
    static const std::vector<SpecForm> forms = {
        {.name = "none",
         .label = "Nothing is thrown away",
         .help = "The cache keeps every token that the pattern may see."},
        {.name = "snapkv",
         .label = "SnapKV: once, after reading",
         .help = "After the text was read, keeps what its last tokens looked at most.",
         .needed = 1,
         .numbers = {tokens("Keep", 1024), tokens("Watched tokens", 32),
                     count("Smoothing", 5, 1, 63)}},
        {.name = "h2o",
         .label = "H2O: heavy hitters, while reading",
         .help = "Keeps the newest tokens and those that were looked at most so far.",
         .needed = 1,
         .numbers = {tokens("Keep", 1024)}},
        {.name = "tova",
         .label = "TOVA: by the last token, while reading",
         .help = "Keeps what the last token looks at most.",
         .needed = 1,
         .numbers = {tokens("Keep", 1024)}},
        {.name = "quest",
         .label = "Quest: keeps all, reads the best pages",
         .help = "Nothing is thrown away; a written token reads only the pages that may matter.",
         .needed = 1,
         .numbers = {tokens("Read", 1024), count("Page", 16, 1, 256, kTokens)}},
    };
    return forms;
}

} // namespace longscope::ui
