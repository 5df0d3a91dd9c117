// "Cost": what reading n tokens costs under some ways of attending, as curves over n; measured dots
// on them; and a guess by the learner before the measurement.
#pragma once

#include "ui/panel.h"
#include "ui/panels/cost_curves.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace longscope::ui {

class CostPanel : public Panel {
  public:
    const char *name() const override { return "Cost"; }
    void draw(const Snapshot &snapshot, CommandQueue &commands) override;
    double guess() const { return guess_.value; } ///< seconds or pairs; 0 = none was begun

  private:
    enum class Tab { numbers, predict, sweep };
    /// A guess of the learner; locked before the answer is looked up.
    struct Guess {
        double value = 0; ///< 0: not begun
        bool locked = false, asked = false;
        std::string spec; ///< what it is of, once locked
        uint64_t tokens = 0;
        CostOf what = CostOf::time;
    };

    void drawToolbar();
    void drawKinds(const Snapshot &snapshot) const;
    void drawPlot(const Snapshot &snapshot);
    void drawLegend(const std::vector<CostCurve> &curves);
    void setupAxes(const Cost &cost, const std::vector<CostCurve> &curves);
    void drawCurves(const std::vector<CostCurve> &curves);
    void drawDots(const Cost &cost);
    void drawGuessLine();
    void drawChoice(const Snapshot &snapshot);
    void drawNumbers(const Cost &cost);
    void drawPredict(const Snapshot &snapshot, CommandQueue &commands);
    void drawAnswer(const Cost &cost);
    void drawSweep(const Snapshot &snapshot, CommandQueue &commands);
    void drawSweepPlan(const Snapshot &snapshot, CommandQueue &commands);
    void drawMeasured(const Cost &cost);
    bool isGuessing(const Cost &cost) const;
    CostOf guessed() const; ///< time or pairs
    const CostDot *answer(const Cost &cost) const;

    CostCurves curves_;
    CostOf what_ = CostOf::time;
    bool logarithmic_ = true, refit_ = true;
    Tab tab_ = Tab::numbers;
    std::map<std::string, bool> hidden_; ///< curves that are switched off
    uint64_t trained_ = 0;
    uint64_t tokens_ = 4096;
    std::string spec_ = "full", spec_problem_;
    Guess guess_;
    double lowest_ = 1e-3, highest_ = 1; ///< of the y axis, for the first guess
    std::vector<bool> swept_;
    uint64_t longest_ = 0;
    int lengths_ = 4;
};

} // namespace longscope::ui
