// What reading n tokens costs under some ways of attending, by theory and by measured speeds:
// figures for one n, and curves over n that are made once for a model.
#pragma once

#include "compute/attention/pattern.h"
#include "ui/state/settings.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace longscope::ui {

enum class CostOf { time, flops, bytes, pairs };

/// "linear" stands for linear attention, which this program does not run: its formula alone.
constexpr const char *kLinearAttention = "linear";

struct CostFigures {
    /// Of one head, mean over the heads of all layers that attend; linear: the rows of its state,
    /// for each token.
    double pairs = 0;
    double flops = 0, bytes = 0;
    std::optional<double> seconds; ///< none: no speed is known
};

/// How times are made of the formulas.
enum class SpeedKind { none, peak, measured };
SpeedKind speedKind(const Cost &cost);

/// Null when the spec cannot be read, with what is wrong.
struct WayOfReading {
    std::string spec;
    std::optional<attention::Pattern> pattern; ///< none: linear attention
};
std::optional<WayOfReading> readSpec(const std::string &spec, std::string *problem = nullptr);

CostFigures costOf(const Cost &cost, const WayOfReading &way, uint64_t tokens);
double valueOf(const CostFigures &figures, CostOf what); ///< not a number: unknown

struct CostCurve {
    WayOfReading way;
    std::string label, formula;            ///< formula: on hover
    std::vector<double> tokens, values[4]; ///< by CostOf
};

/// Curves of the ways that the panel shows, made again only when the model or its speeds change.
class CostCurves {
  public:
    /// Of the taught specs, of `own_spec`, and of what was measured.
    const std::vector<CostCurve> &update(const Cost &cost, const std::string &own_spec);

  private:
    void make(const Cost &cost);
    std::vector<CostCurve> curves_;
    struct Facts {
        std::vector<CostLayers> kinds;
        std::array<double, 6> numbers{};
        bool operator==(const Facts &) const = default;
    };
    std::vector<std::string> specs_; ///< that are drawn
    Facts facts_;                    ///< from which
};

/// The specs that a sweep may measure, in the order of the curves.
const std::vector<std::string> &taughtSpecs();

/// "full attention", else the spec.
std::string wayText(const std::string &spec);
std::string valueText(double value, CostOf what);

} // namespace longscope::ui
