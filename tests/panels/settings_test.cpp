// The panel of the program's own settings.
#include "tests/panels/lab_stage.h"

#include "ui/panels/settings.h"

#include <gtest/gtest.h>

namespace longscope::tests {
namespace {

using namespace ui;
using Stage = LabStage<SettingsPanel>;

Preferences last(const Stage &stage) {
    auto all = stage.all<command::SetPreferences>();
    return all.empty() ? Preferences{} : all.back().preferences;
}

TEST(SettingsPanel, ChangesTheLookAtOnce) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("look", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Settings");
        ctx->Yield(2);
        ctx->ItemClick("Light");
        EXPECT_EQ(last(stage).theme, ThemeChoice::light);
        ctx->ItemClick("High contrast");
        EXPECT_EQ(last(stage).theme, ThemeChoice::high_contrast);
        EXPECT_FALSE(isThere(ctx, "Follow the system"));
        stage.panel.system_theme_known = true;
        ctx->Yield(2);
        ctx->ItemClick("Follow the system");
        EXPECT_EQ(last(stage).theme, ThemeChoice::system);
        ctx->ItemClick("Size of everything/+");
        EXPECT_NEAR(last(stage).scale, 1.1F, 1e-5F);
        EXPECT_EQ(last(stage).recent_models, stage.snapshot.preferences.recent_models)
            << "the rest stays";
        stage.snapshot.preferences.scale = 3;
        ctx->ItemClick("Size of everything/+");
        EXPECT_LE(last(stage).scale, 3.0F);
        ctx->ItemClick("Size of everything/Usual");
        EXPECT_EQ(last(stage).scale, 1.0F);
        ctx->ItemClick("Size of text/-");
        EXPECT_EQ(last(stage).font_size, 14.0F);
        ctx->ItemClick("Show where tokens begin in documents");
        EXPECT_TRUE(last(stage).token_marks);
    });
}

TEST(SettingsPanel, CopiesPathsAndListsShortcuts) {
    Stage stage;
    stage.panel.shortcuts = {{"Open a document", "Ctrl+O"}, {"Send", "Ctrl+Enter"}};
    Harness harness(stage.client());
    harness.run("paths", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Settings");
        ctx->Yield(2);
        ctx->ItemClick("**/Model/Copy");
        EXPECT_STREQ(ImGui::GetClipboardText(), "/models");
        ctx->ItemOpen("Shortcuts");
        ctx->ItemInputValue("##shortcut", "send");
        ctx->ItemOpen("Libraries and their licences");
        ctx->Yield(2);
        keepPicture(harness.picture(ctx, "Settings"), "settings");
    });
}

} // namespace
} // namespace longscope::tests
