// Measured costs, self-test, kernel times. The measuring itself: sweep.cpp and self_test.cpp.
#include "app/desk/cost_layers.h"
#include "app/desk/parts.h"
#include "app/desk/self_test.h"
#include "app/desk/sweep.h"
#include "compute/core/error.h"
#include "compute/engine/probe.h"

#include <algorithm>

namespace longscope::app {

MeasurementsPart::MeasurementsPart(Core &core, ModelPart &model) : core_(core), model_(model) {}

void MeasurementsPart::modelChanged() {
    ui::Cost &cost = core_.draft.cost;
    std::string model = core_.model ? core_.model->facts.path : "";
    std::string device = core_.model ? core_.model->device.name : "";
    if (!core_.model) {
        cost.kinds.clear(); // no curves; what was measured may yet be of the next one
        cost.chunk_tokens = 0;
        return;
    }
    if (device != device_)
        cost.flops_per_second = cost.bytes_per_second = 0;
    if (model != path_ || device != device_) {
        cost.dots.clear();
        cost.linear_flops_per_second = cost.pair_seconds = 0;
        core_.draft.machine.profile = nullptr;
    }
    path_ = model;
    device_ = device;
    describeCosts(core_.model->plan, cost);
}

/// The same pattern and length again takes the place of the dot before.
void MeasurementsPart::addDot(const ui::CostDot &dot) {
    ui::Cost &cost = core_.draft.cost;
    std::erase_if(cost.dots, [&](const ui::CostDot &other) {
        return other.attention == dot.attention && other.tokens == dot.tokens;
    });
    cost.dots.push_back(dot);
    Speeds speeds = fitSpeeds(cost.dots, cost.token_flops, cost.pairFlops());
    cost.linear_flops_per_second = speeds.linear_flops_per_second;
    cost.pair_seconds = speeds.pair_seconds;
}

std::string MeasurementsPart::textToRead() const {
    auto document = core_.draft.documents.shown();
    return document ? *document->text : std::string();
}

void MeasurementsPart::handle(const command::Sweep &wanted) {
    SweepWanted given{.attention = wanted.attention,
                      .options = {},
                      .tokens = wanted.tokens,
                      .text = textToRead()};
    ui::AttentionSettings settings = core_.draft.patterns.applied;
    for (const std::string &attention : wanted.attention) { // wrong ones are told before the work
        settings.attention = attention;
        settings.evict = "none";
        given.options.push_back(SettingsPart::toOptions(settings));
    }
    bool probed = core_.draft.cost.flops_per_second > 0;
    model_.ensure();
    auto body = [this, given = std::move(given), probed](TaskRun &run) {
        run.inquire("", [&](engine::Engine &engine, engine::Session *, const ProgressSink &progress,
                            std::stop_token stop) {
            if (!probed) {
                engine::Peaks peaks = engine::probePeaks(engine.device());
                run.change([this, peaks] {
                    core_.draft.cost.flops_per_second = peaks.flops_per_second;
                    core_.draft.cost.bytes_per_second = peaks.bytes_per_second;
                });
            }
            auto on_dot = [&](const ui::CostDot &dot) { run.change([this, dot] { addDot(dot); }); };
            sweep(engine, given, on_dot, progress, std::move(stop));
        });
    };
    core_.start(Lane::engine, "Measure readings", std::move(body));
}

void MeasurementsPart::handle(const command::ClearSweep &) {
    core_.draft.cost.dots.clear();
    core_.draft.cost.linear_flops_per_second = core_.draft.cost.pair_seconds = 0;
}

void MeasurementsPart::handle(const command::RunSelfTest &) {
    std::string device = core_.model ? core_.model->device.name : core_.engine.device;
    auto body = [this, device](TaskRun &run) {
        auto publish = [&](const ui::SelfTest &test) {
            auto copy = std::make_shared<const ui::SelfTest>(test);
            run.change([this, copy] { core_.draft.machine.self_test = copy; });
            run.progress({.label = "checking kernels",
                          .unit = "kernels",
                          .done = test.lines.size(),
                          .total = 0});
        };
        runSelfTest(device, publish, run.stop());
    };
    core_.start(Lane::aside, "Test this device", std::move(body), [this] {
        auto shown = core_.draft.machine.self_test;
        if (!shown || !shown->running)
            return; // it came to its end
        auto ended = std::make_shared<ui::SelfTest>(*shown);
        ended->running = false;
        ended->report += "\nstopped\n";
        core_.draft.machine.self_test = ended;
    });
}

void MeasurementsPart::handle(const command::RunProfile &) {
    model_.ensure();
    auto body = [this, options = core_.session, text = textToRead()](TaskRun &run) {
        auto profile = std::make_shared<ui::Profile>();
        run.inquire("profiling", [&](engine::Engine &engine, engine::Session *,
                                     const ProgressSink &progress, std::stop_token stop) {
            *profile = profileKernels(engine, options, text, progress, std::move(stop));
        });
        run.change([this, profile] { core_.draft.machine.profile = profile; });
    };
    core_.start(Lane::engine, "Time the kernels", std::move(body));
}

} // namespace longscope::app
