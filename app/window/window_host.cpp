// runWindow: the loop that draws when something changed, and everything that it owns.
#include <GLFW/glfw3.h>

#include "app/window/contexts.h"
#include "app/window/frame_pacing.h"
#include "app/window/glfw_window.h"
#include "app/window/late_releases.h"
#include "app/window/statistics.h"
#include "app/window/swapchain.h"
#include "compute/core/error.h"

#include <imgui.h>
#include <imgui_impl_glfw.h>
#include <imgui_internal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>

namespace longscope::window {
namespace {

using Clock = std::chrono::steady_clock;

double secondsNow() {
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

/// What other threads may touch.
struct Doorbell {
    std::mutex mutex; ///< held while ringing, so that GLFW does not end meanwhile
    bool listening = false;
    std::atomic<bool> rung = false;
    std::atomic<bool> close = false;
};
Doorbell &doorbell() {
    static Doorbell bell;
    return bell;
}

void listen(bool on) {
    const std::lock_guard lock(doorbell().mutex);
    doorbell().listening = on;
    doorbell().rung = false;
    if (on)
        doorbell().close = false;
}

/// Dear ImGui's GLFW backend as an object.
struct GlfwBackend {
    explicit GlfwBackend(GLFWwindow *window) { ImGui_ImplGlfw_InitForVulkan(window, true); }
    ~GlfwBackend() { ImGui_ImplGlfw_Shutdown(); }
    GlfwBackend(const GlfwBackend &) = delete;
    GlfwBackend &operator=(const GlfwBackend &) = delete;
};

/// The device, its surface's format and the images: made together, because only making them shows
/// whether a device that says it presents really does.
struct Screen {
    Screen(VkInstance instance, VkSurfaceKHR surface, const Candidate &chosen,
           VkSurfaceFormatKHR its_format)
        : format(its_format), device(instance, chosen, true), swapchain(device, surface, format) {}
    VkSurfaceFormatKHR format;
    UiDevice device;
    Swapchain swapchain;
};

std::unique_ptr<Screen> makeScreen(VkInstance instance, VkSurfaceKHR surface, VkExtent2D extent,
                                   const std::string &computing_device) {
    std::string problem = "no Vulkan device presents on this display";
    for (const Candidate &one : candidates(instance, surface, computing_device)) {
        const auto format = surfaceFormat(one.physical, surface);
        if (!format)
            continue;
        try {
            auto screen = std::make_unique<Screen>(instance, surface, one, *format);
            screen->swapchain.rebuild(extent);
            return screen;
        } catch (const Error &error) { // the next device may do
            problem = error.what();
        }
    }
    fail(ErrorKind::device,
         "no window can be opened here: {}; the command line does without one (longscope --help)",
         problem);
}

/// A key other than a modifier, or a mouse button, is down.
bool somethingHeld(const ImGuiIO &io) {
    for (const bool down : io.MouseDown)
        if (down)
            return true;
    for (int key = ImGuiKey_NamedKey_BEGIN; key < ImGuiKey_NamedKey_END; ++key) {
        const bool modifier = key >= ImGuiKey_LeftCtrl && key <= ImGuiKey_RightSuper;
        if (!modifier && key < ImGuiKey_GamepadStart &&
            ImGui::IsKeyDown(static_cast<ImGuiKey>(key)))
            return true;
    }
    return false;
}

class WindowHost {
  public:
    WindowHost(const WindowOptions &options, FrameClient &client)
        : options_(options), client_(client), window_(options, client.dropped),
          instance_(makeInstance(GlfwWindow::vulkanExtensions())),
          surface_(window_.makeSurface(instance_.get())),
          screen_(makeScreen(instance_.get(), surface_.get(), window_.framebuffer(),
                             options.computing_device)),
          backend_(window_.handle()), renderer_(screen_->device, screen_->format.format),
          markdown_(systemFonts()) {
        resetFrameStatistics();
        listen(true);
        if (client_.started)
            client_.started();
    }
    ~WindowHost() { listen(false); }
    WindowHost(const WindowHost &) = delete;
    WindowHost &operator=(const WindowHost &) = delete;

    void run() {
        while (!mayEnd()) {
            if (Moment moment = now(); pacing_.wanted(moment))
                frame(moment);
            waitForEvents();
        }
        window_.notePlace();
        if (client_.stopping)
            client_.stopping();
        if (options_.placed)
            options_.placed(window_.place());
    }

  private:
    Moment now() const {
        const ImGuiIO &io = ImGui::GetIO();
        Moment moment;
        moment.now = secondsNow();
        moment.input = window_.changed() || ImGui::GetCurrentContext()->InputEventsQueue.Size > 0;
        moment.held = somethingHeld(io);
        moment.animating = client_.animating && client_.animating();
        moment.text_active = io.WantTextInput;
        moment.slow_news = screen_->device.chosen.software && client_.busy && client_.busy();
        moment.version = client_.version ? client_.version() : 0;
        return moment;
    }

    void waitForEvents() {
        const double seconds = pacing_.waitSeconds(now());
        if (seconds > 0)
            glfwWaitEventsTimeout(seconds);
        else
            glfwPollEvents();
        doorbell().rung = false; // before the version is read
    }

    bool mayEnd() {
        if (doorbell().close)
            return true;
        if (!window_.closing())
            return false;
        if (!client_.may_close || client_.may_close())
            return true;
        window_.keepOpen();
        return false;
    }

    void frame(const Moment &moment) {
        const auto began = Clock::now();
        window_.drawn();
        if (client_.prepare)
            client_.prepare(window_.displayScale());
        ImGui::GetIO().ConfigInputTextCursorBlink = pacing_.caretBlinks(moment.now);
        const auto asking = Clock::now();
        ImGui_ImplGlfw_NewFrame(); // asks the display server about window, mouse and keyboard
        const auto answered = Clock::now();
        renderer_.newFrame();
        late_.takeOut();
        ImGui::NewFrame();
        late_.putBack();
        client_.draw();
        ImGui::Render();
        ImDrawData &drawn = *ImGui::GetDrawData();
        const auto drawn_at = Clock::now();
        const bool shown = screen_->swapchain.acquire(window_.framebuffer());
        const auto acquired = Clock::now();
        if (shown)
            screen_->swapchain.record(renderer_, drawn);
        else
            renderer_.updateTextures(drawn);
        const auto recorded = Clock::now();
        if (shown)
            screen_->swapchain.submit();
        const std::chrono::duration<double, std::milli> display = answered - asking;
        const std::chrono::duration<double, std::milli> rest =
            (drawn_at - began) + (recorded - acquired);
        frameTimes().add((rest - display).count(), display.count());
        pacing_.drawn(secondsNow());
    }

    const WindowOptions &options_;
    FrameClient &client_;
    GlfwWindow window_;
    Instance instance_;
    UniqueSurface surface_;
    std::unique_ptr<Screen> screen_;
    Contexts contexts_;
    GlfwBackend backend_;
    Renderer renderer_;
    Markdown markdown_;
    FramePacing pacing_;
    LateReleases late_;
};

} // namespace

int runWindow(const WindowOptions &options, FrameClient &client) {
    {
        WindowHost host(options, client);
        host.run();
    }
    if (options.print_statistics)
        std::printf("%s\n", describe(frameStatistics()).c_str());
    return 0;
}

void wakeWindow() {
    Doorbell &bell = doorbell();
    if (bell.rung.exchange(true))
        return; // it has not yet looked since the last time
    const std::lock_guard lock(bell.mutex);
    if (bell.listening)
        glfwPostEmptyEvent();
    else
        bell.rung = false;
}

void closeWindow() {
    doorbell().close = true;
    wakeWindow();
}

} // namespace longscope::window
