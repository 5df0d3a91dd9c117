#include "ui/panels/patterns_spec.h"

#include "compute/attention/choose.h"
#include "compute/attention/pattern.h"
#include "compute/attention/rope.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <format>

namespace longscope::ui {
namespace {

std::string_view behindColon(std::string_view spec) {
    size_t colon = spec.find(':');
    return colon == spec.npos ? std::string_view() : spec.substr(colon + 1);
}

/// The message without the words of the command line: "--rope 'x': ...".
std::string plain(const std::string &message) {
    if (!message.starts_with("--"))
        return message;
    size_t at = message.find(": ");
    size_t quote = message.find_first_of("\"'");
    if (quote == message.npos)
        return message;
    size_t end = message.find(message[quote], quote + 1);
    at = end == message.npos ? message.npos : message.find(' ', end);
    if (at == message.npos)
        return message;
    std::string text = message.substr(at + 1);
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z' && message[at - 1] == ':')
        text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

template <class Check> std::string problemOf(const Check &check) {
    try {
        check();
        return "";
    } catch (const Error &error) {
        return plain(error.what());
    }
}

bool editNumber(const SpecNumber &number, double &value) {
    if (number.word) {
        bool is_set = value != 0;
        bool changed = ImGui::Checkbox(tr(number.label), &is_set);
        value = is_set ? 1 : 0;
        return changed;
    }
    std::string format = number.format;
    if (value == 1 && format.ends_with('s'))
        format.pop_back(); // "1 block"
    ImGui::SetNextItemWidth(-9 * ImGui::GetFontSize());
    constexpr ImGuiSliderFlags kLogarithmic = ImGuiSliderFlags_Logarithmic;
    bool is_wide = number.most > 16 * std::max(number.least, 1.0);
    bool changed = ImGui::SliderScalar(tr(number.label), ImGuiDataType_Double, &value,
                                       &number.least, &number.most, format.c_str(),
                                       is_wide ? kLogarithmic : ImGuiSliderFlags_None);
    if (changed && !number.is_real)
        value = std::max(std::round(value), 0.0);
    return changed;
}

bool editText(const SpecForm &form, std::string &spec) {
    std::string text(behindColon(spec));
    ImGui::SetNextItemWidth(-9 * ImGui::GetFontSize());
    if (!ImGui::InputText(tr(form.free_text), &text))
        return false;
    spec = std::string(form.name) + ":" + text;
    return true;
}

bool chooseForm(const char *label, std::span<const SpecForm> forms, std::string &spec,
                const SpecForm *chosen) {
    bool changed = false;
    ImGui::SetNextItemWidth(-9 * ImGui::GetFontSize());
    if (!ImGui::BeginCombo(label, chosen ? tr(chosen->label) : tr("As written below"),
                           ImGuiComboFlags_HeightLarge))
        return false;
    for (const SpecForm &form : forms) {
        if (ImGui::Selectable(tr(form.label), &form == chosen) && &form != chosen) {
            std::vector<double> numbers = numbersOf(form, "");
            spec = form.name == "mixed" ? "mixed:window:64#0|full" : makeSpec(form, numbers);
            changed = true;
        }
        ImGui::SetItemTooltip("%s", tr(form.help));
    }
    ImGui::EndCombo();
    return changed;
}

} // namespace

const SpecForm *findForm(std::span<const SpecForm> forms, std::string_view spec) {
    auto found = std::ranges::find(forms, spec.substr(0, spec.find(':')), &SpecForm::name);
    return found == forms.end() ? nullptr : &*found;
}

std::vector<double> numbersOf(const SpecForm &form, std::string_view spec) {
    std::vector<double> numbers;
    std::string_view text = behindColon(spec);
    std::vector<std::string_view> parts;
    if (!text.empty())
        parts = split(text, form.separator);
    for (size_t i = 0; i < form.numbers.size(); ++i) {
        double value = form.numbers[i].standard;
        if (i < parts.size() && form.numbers[i].word)
            value = parts[i] == form.numbers[i].word ? 1 : 0;
        else if (i < parts.size())
            std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), value);
        numbers.push_back(value);
    }
    return numbers;
}

std::string makeSpec(const SpecForm &form, std::span<const double> numbers) {
    if (form.free_text)
        return std::string(form.name) + ":";
    size_t count = numbers.size();
    while (count > form.needed && numbers[count - 1] == form.numbers[count - 1].standard)
        --count;
    // llama3 takes its two limits together or not at all.
    if (form.name == "llama3" && count == 2)
        count = 3;
    std::string spec(form.name);
    for (size_t i = 0; i < count; ++i) {
        spec += i == 0 ? ':' : form.separator;
        if (form.numbers[i].word)
            spec += form.numbers[i].word;
        else
            spec += form.numbers[i].is_real ? std::format("{:.4g}", numbers[i])
                                            : std::format("{:.0f}", numbers[i]);
    }
    return spec;
}

bool editSpec(const char *label, std::span<const SpecForm> forms, std::string &spec) {
    const SpecForm *form = findForm(forms, spec);
    bool changed = chooseForm(label, forms, spec, form);
    form = findForm(forms, spec);
    if (!form)
        return changed;
    ImGui::PushID(label);
    if (form->free_text)
        changed |= editText(*form, spec);
    std::vector<double> numbers = numbersOf(*form, spec);
    bool moved = false;
    for (size_t i = 0; i < numbers.size(); ++i)
        moved |= editNumber(form->numbers[i], numbers[i]);
    if (moved)
        spec = makeSpec(*form, numbers);
    ImGui::PopID();
    mutedLine(tr(form->help));
    return changed || moved;
}

std::vector<LayerRule> splitRules(std::string_view text) {
    std::vector<LayerRule> rules;
    for (std::string_view part : split(text, ' ')) {
        if (part.empty())
            continue;
        size_t at = part.rfind('@');
        bool is_path = at != part.npos && part.starts_with("blocks:") &&
                       part.find_first_not_of("0123456789,-", at + 1) != part.npos;
        if (at == part.npos || is_path)
            rules.push_back({std::string(part), ""});
        else
            rules.push_back({std::string(part.substr(0, at)), std::string(part.substr(at + 1))});
    }
    if (rules.empty())
        rules.push_back({"full", ""});
    return rules;
}

std::string joinRules(std::span<const LayerRule> rules) {
    std::string text;
    for (const LayerRule &rule : rules) {
        text += (text.empty() ? "" : " ") + rule.spec;
        if (!rule.layers.empty())
            text += "@" + rule.layers;
    }
    return text;
}

std::string checkAttention(const std::string &text, uint32_t layers) {
    return problemOf([&] {
        std::vector<std::string> specs;
        for (const LayerRule &rule : splitRules(text))
            specs.push_back(joinRules({&rule, 1}));
        // The file of a mask is not read here; whoever answers with a price reads it.
        auto mask = std::make_shared<attention::BlockMask>(attention::BlockMask{1, {{true}}});
        attention::LayerPatterns patterns(specs, mask);
        if (layers > 0)
            patterns.checkLayers(layers);
    });
}

std::string checkRope(const std::string &spec) {
    return problemOf([&] { attention::parseRope(spec); });
}

std::string checkEviction(const std::string &spec) {
    return problemOf([&] { attention::parseEviction(spec); });
}

} // namespace longscope::ui
