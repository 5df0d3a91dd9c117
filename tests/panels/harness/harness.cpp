#include "tests/panels/harness/harness.h"

#include <gtest/gtest.h>

#include <imgui_te_coroutine.h>
#include <imgui_te_exporters.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

namespace longscope::tests {
namespace {

using Clock = std::chrono::steady_clock;

void configure(ImGuiTestEngineIO &io) {
    io.ConfigRunSpeed = ImGuiTestRunSpeed_Fast;
    io.ConfigNoThrottle = true;
    io.ConfigFixedDeltaTime = 1.0F / 60;
    io.ConfigSavedSettings = false;
    io.ConfigCaptureEnabled = false;
    io.ConfigVerboseLevel = ImGuiTestVerboseLevel_Warning;
    io.ConfigVerboseLevelOnError = ImGuiTestVerboseLevel_Info;
    // The real engine answers in its own time.
    io.ConfigWatchdogWarning = 300;
    io.ConfigWatchdogKillTest = 500;
}

std::string logOf(ImGuiTest &test) {
    ImGuiTextBuffer text;
    test.Output.Log.ExtractLinesForVerboseLevels(ImGuiTestVerboseLevel_Error,
                                                 ImGuiTestVerboseLevel_Info, &text);
    return text.c_str();
}

} // namespace

Harness::Engine::Engine() : engine(ImGuiTestEngine_CreateContext()) {
    configure(ImGuiTestEngine_GetIO(engine));
}
Harness::Engine::~Engine() {
    ImGuiTestEngine_DestroyContext(engine);
}

Harness::Started::Started(ImGuiTestEngine *its_engine) : engine(its_engine) {
    ImGuiTestEngine_Start(engine, ImGui::GetCurrentContext());
}
Harness::Started::~Started() {
    ImGuiTestEngine_Stop(engine);
}

Harness::Harness(window::FrameClient client, window::OffscreenOptions options)
    : client_(std::move(client)), messages_before_(window::validationMessages().size()),
      offscreen_(options), started_(engine_.engine) {
    if (client_.started)
        client_.started();
}

Harness::~Harness() {
    if (client_.stopping)
        client_.stopping();
    const auto messages = window::validationMessages();
    for (size_t i = messages_before_; i < messages.size(); ++i)
        ADD_FAILURE() << "Vulkan validation: " << messages[i];
}

void Harness::frame() {
    if (client_.prepare)
        client_.prepare(1);
    offscreen_.frame(client_.draw);
    if (const auto task = std::exchange(after_frame_, nullptr))
        task();
    ImGuiTestEngine_PreSwap(engine_.engine);
    ImGuiTestEngine_PostSwap(engine_.engine);
}

void Harness::frames(int count) {
    for (int i = 0; i < count; ++i)
        frame();
}

bool Harness::run(const std::string &name, TestSteps steps) {
    ImGuiTest *const test = IM_REGISTER_TEST(engine_.engine, "panels", name.c_str());
    test->TestFunc = std::move(steps);
    ImGuiTestEngine_QueueTest(engine_.engine, test);
    while (!ImGuiTestEngine_IsTestQueueEmpty(engine_.engine))
        frame();
    const bool passed = test->Output.Status == ImGuiTestStatus_Success;
    if (!passed)
        ADD_FAILURE() << "the steps \"" << name << "\" failed:\n" << logOf(*test);
    // The steps hold references into the caller; they must not be run again.
    ImGuiTestEngine_UnregisterTest(engine_.engine, test);
    return passed;
}

window::Picture Harness::picture(const std::string &window_name) {
    return offscreen_.capture(window_name);
}

window::Picture Harness::picture(ImGuiTestContext *ctx, const std::string &window_name) {
    window::Picture taken;
    bool done = false;
    after_frame_ = [&] {
        taken = offscreen_.capture(window_name);
        done = true;
    };
    while (!done)
        ctx->Yield();
    return taken;
}

bool waitFor(ImGuiTestContext *ctx, const std::function<bool()> &done, double seconds) {
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (!done()) {
        if (Clock::now() > until || ctx->IsError())
            return false;
        ctx->Yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(2)); // leave it to the engine
    }
    return true;
}

void keepPicture(const window::Picture &picture, const std::string &name) {
    if (const char *folder = std::getenv("LONGSCOPE_TEST_PICTURES"))
        window::writePng(std::string(folder) + "/" + name + ".png", picture);
}

} // namespace longscope::tests
