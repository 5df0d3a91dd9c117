// The panel of the model and its devices: opening, forecast, contents, devices, checks.
#include "tests/panels/lab_stage.h"

#include "ui/panels/model.h"

#include <gtest/gtest.h>

namespace longscope::tests {
namespace {

using namespace ui;
using Stage = LabStage<ModelPanel>;
constexpr const char *kModel = "//Model/##tabs/Model##tab/Model##tab";

TEST(ModelPanel, OpensAFileByWayOfItsForecast) {
    Stage stage;
    stage.panel.choose_model_file = [](std::function<void(std::string)> chosen) {
        chosen("/models/new.gguf");
    };
    Harness harness(stage.client());
    harness.run("open", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Model");
        ctx->Yield(2);
        ctx->ItemClick("**/Open a GGUF file...");
        ctx->Yield(2);
        auto asked = stage.all<command::ForecastModel>();
        ASSERT_EQ(asked.size(), 1u);
        EXPECT_EQ(asked[0].path, "/models/new.gguf");
        EXPECT_EQ(asked[0].device, "1"); // the one in use
        EXPECT_FALSE(isThere(ctx, "**/Load"));
        stage.snapshot.load_forecast = sample::makeLoadForecast();
        ctx->Yield(2);
        keepPicture(harness.picture(ctx, "Model"), "model_forecast");
        ctx->ItemClick("**/Load");
        auto loads = stage.all<command::LoadModel>();
        ASSERT_EQ(loads.size(), 1u);
        EXPECT_EQ(loads[0].path, stage.snapshot.load_forecast->path);
        ctx->Yield(2);
        EXPECT_FALSE(isThere(ctx, "**/Load")) << "answered";
        // Another forecast, with a problem.
        auto bad = std::make_shared<LoadForecast>(*sample::makeLoadForecast());
        bad->problem = "It needs 20 GB; 6.4 GB are free.";
        stage.snapshot.load_forecast = bad;
        ctx->Yield(2);
        EXPECT_TRUE(isDisabled(ctx, "**/Load"));
        ctx->ItemClick("**/Cancel");
        ctx->Yield(2);
        EXPECT_FALSE(isThere(ctx, "**/Load"));
    });
}

TEST(ModelPanel, RecentModelsAndUnload) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("recent", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Model");
        ctx->Yield(2);
        EXPECT_FALSE(isThere(ctx, "**/Open a GGUF file...")) << "nobody can choose a file";
        choose(ctx, kModel, "##recent", "lighthouse-3b-q4_k_m.gguf");
        ASSERT_EQ(stage.all<command::ForecastModel>().size(), 1u);
        EXPECT_EQ(stage.all<command::ForecastModel>()[0].path,
                  "/home/anna/models/lighthouse-3b-q4_k_m.gguf");
        ctx->ItemClick("**/Unload");
        EXPECT_EQ(stage.all<command::UnloadModel>().size(), 1u);
        stage.snapshot.model = nullptr;
        ctx->Yield(2);
        EXPECT_FALSE(isThere(ctx, "**/Unload"));
    });
}

TEST(ModelPanel, ShowsWhatIsInside) {
    std::vector<TypeSum> types = sumTypes(sample::makeLargerModel()->tensors);
    ASSERT_EQ(types.size(), 2u);
    EXPECT_EQ(types[0].type, "Q8_0");
    EXPECT_EQ(types[0].tensors, 1u + 30 * 7);
    EXPECT_EQ(types[1].bytes, 60u * 2304);
    Stage stage;
    Harness harness(stage.client());
    harness.run("inside", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Model");
        ctx->Yield(2);
        ctx->ItemClick("**/##contents/Tensors");
        ctx->Yield(2);
        ctx->ItemInputValue("**/##tensor", "FFN_up");
        ctx->Yield(2);
        keepPicture(harness.picture(ctx, "Model"), "model_tensors");
        ctx->ItemClick("**/Metadata");
        ctx->Yield(2);
        ctx->ItemInputValue("**/##key", "rope");
        ctx->ItemClick("**/Chat template");
        ctx->Yield(2);
        ctx->ItemClick("**/Copy the template");
        EXPECT_EQ(ImGui::GetClipboardText(), stage.snapshot.model->chat_template);
    });
}

TEST(ModelPanel, ChoosesADevice) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("device", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Model");
        ctx->Yield(2);
        ctx->ItemClick("**/Devices");
        ctx->Yield(2);
        ctx->ItemClick("**/Use"); // only of the first: one is in use, one is refused
        auto loads = stage.all<command::LoadModel>();
        ASSERT_EQ(loads.size(), 1u);
        EXPECT_EQ(loads[0].device, "0");
        EXPECT_EQ(loads[0].path, stage.snapshot.model->path);
        ctx->ItemClick("**/Old Graphics 400");
        ctx->Yield(2);
        keepPicture(harness.picture(ctx, "Model"), "model_devices");
        ctx->ItemClick("**/Look again");
        EXPECT_EQ(stage.all<command::RefreshDevices>().size(), 1u);
    });
}

TEST(ModelPanel, RunsItsChecks) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("checks", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Model");
        ctx->Yield(2);
        ctx->ItemClick("**/Self-test");
        ctx->Yield(2);
        ctx->ItemClick("**/Run the self-test");
        EXPECT_EQ(stage.all<command::RunSelfTest>().size(), 1u);
        ctx->ItemClick("**/Copy the report");
        EXPECT_EQ(ImGui::GetClipboardText(), stage.snapshot.machine.self_test->report);
        auto running = std::make_shared<SelfTest>(*stage.snapshot.machine.self_test);
        running->running = true;
        running->finished = false;
        stage.snapshot.machine.self_test = running;
        ctx->Yield(2);
        EXPECT_TRUE(isDisabled(ctx, "**/Run the self-test"));
        ctx->ItemClick("**/Stop");
        EXPECT_EQ(stage.all<command::Stop>().size(), 1u);
        ctx->ItemClick("**/Kernel times");
        ctx->Yield(2);
        ctx->ItemClick("**/Measure the kernels");
        EXPECT_EQ(stage.all<command::RunProfile>().size(), 1u);
    });
}

} // namespace
} // namespace longscope::tests
