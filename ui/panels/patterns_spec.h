// The short specs of attention, positions and eviction ("sinks:4+508") as a form: a choice of kinds
// and the numbers of each. The text stays the truth; the form reads it and writes it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::ui {

struct SpecNumber {
    const char *label; ///< what people read: "Window"
    double least = 1, most = 65536, standard = 1;
    bool is_real = false;
    const char *format = "%.0f"; ///< with its unit: "%.0f tokens"
    const char *word = nullptr;  ///< a yes or no: this word stands for yes, nothing for no
};

struct SpecForm {
    std::string_view name;
    const char *label; ///< in the list: "Window of the last tokens"
    const char *help;  ///< one or two sentences
    char separator = ',';
    size_t needed = 0; ///< numbers that must be written; further ones only when not standard
    std::vector<SpecNumber> numbers = {};
    const char *free_text = nullptr; ///< what follows the colon is a text: its label
};

std::span<const SpecForm> attentionForms();
std::span<const SpecForm> ropeForms();
std::span<const SpecForm> evictionForms();

/// Null when the name is not among them.
const SpecForm *findForm(std::span<const SpecForm> forms, std::string_view spec);
/// Of a spec of that form, with standards for what it lacks or what cannot be read.
std::vector<double> numbersOf(const SpecForm &form, std::string_view spec);
std::string makeSpec(const SpecForm &form, std::span<const double> numbers);

/// A list of kinds and the sliders of the chosen one; true when the user changed `spec`.
bool editSpec(const char *label, std::span<const SpecForm> forms, std::string &spec);

/// One rule of an attention setting: "window:256@0-3,8" is {"window:256", "0-3,8"}.
struct LayerRule {
    std::string spec, layers; ///< layers "" = all
};
std::vector<LayerRule> splitRules(std::string_view text);
std::string joinRules(std::span<const LayerRule> rules);

/// What is wrong with these settings, as the parsers say it; "" = nothing. `layers` 0: not known.
std::string checkAttention(const std::string &text, uint32_t layers);
std::string checkRope(const std::string &spec);
std::string checkEviction(const std::string &spec);

} // namespace longscope::ui
