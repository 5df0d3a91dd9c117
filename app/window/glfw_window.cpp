#define GLFW_INCLUDE_VULKAN
#include <GLFW/glfw3.h>

#include "app/window/glfw_window.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cstdlib>

namespace longscope::window {
namespace {

std::string last_problem; ///< GLFW's own words

[[noreturn]] void noWindow(const char *what) {
    fail(ErrorKind::device,
         "no window can be opened here: {}{}{}; the command line does without one (longscope "
         "--help)",
         what, last_problem.empty() ? "" : ", ", last_problem);
}

/// Without a Wayland session GLFW need not look for one, which its library complains about.
void choosePlatform() {
#if defined(GLFW_PLATFORM) && defined(__linux__) // 3.4
    if (!std::getenv("WAYLAND_DISPLAY") && !std::getenv("WAYLAND_SOCKET"))
        glfwInitHint(GLFW_PLATFORM, GLFW_PLATFORM_X11);
    else
        glfwInitHint(GLFW_PLATFORM, GLFW_ANY_PLATFORM);
#endif
}

void startGlfw() {
    last_problem.clear();
    glfwSetErrorCallback([](int, const char *text) { last_problem = text ? text : ""; });
    choosePlatform();
    if (!glfwInit())
        noWindow("there is no display");
    if (!glfwVulkanSupported()) {
        glfwTerminate();
        noWindow("no Vulkan driver that presents on this display was found");
    }
}

/// True when a part of the title bar that one can grab is on some monitor.
bool shownSomewhere(const WindowPlace &place) {
    constexpr int kGrab = 80;
    int count = 0;
    GLFWmonitor **const monitors = glfwGetMonitors(&count);
    for (int i = 0; i < count; ++i) {
        int x = 0, y = 0, width = 0, height = 0;
        glfwGetMonitorWorkarea(monitors[i], &x, &y, &width, &height);
        if (place.x + place.width >= x + kGrab && place.x + kGrab <= x + width && place.y >= y &&
            place.y + kGrab / 2 <= y + height)
            return true;
    }
    return false;
}

void setHints(const WindowOptions &options) {
    glfwDefaultWindowHints();
    glfwWindowHint(GLFW_CLIENT_API, GLFW_NO_API);
    glfwWindowHint(GLFW_SCALE_TO_MONITOR, options.place ? GLFW_FALSE : GLFW_TRUE);
    glfwWindowHint(GLFW_VISIBLE, GLFW_FALSE); // until it has its place
    glfwWindowHintString(GLFW_X11_CLASS_NAME, "longscope");
    glfwWindowHintString(GLFW_X11_INSTANCE_NAME, "longscope");
#ifdef GLFW_WAYLAND_APP_ID // 3.4
    glfwWindowHintString(GLFW_WAYLAND_APP_ID, "longscope");
#endif
}

/// A window is never larger than the screen that it opens on.
void fitToScreen(int &width, int &height) {
    GLFWmonitor *const monitor = glfwGetPrimaryMonitor();
    int x = 0, y = 0, widest = 0, highest = 0;
    if (monitor)
        glfwGetMonitorWorkarea(monitor, &x, &y, &widest, &highest);
    if (widest > 0 && highest > 0) {
        width = std::min(width, widest);
        height = std::min(height, highest);
    }
}

} // namespace

GlfwWindow::GlfwWindow(const WindowOptions &options,
                       const std::function<void(std::vector<std::string>)> &dropped)
    : dropped_(&dropped) {
    startGlfw();
    setHints(options);
    int width = options.place ? options.place->width : options.width;
    int height = options.place ? options.place->height : options.height;
    fitToScreen(width, height);
    window_ = glfwCreateWindow(std::max(width, 1), std::max(height, 1), options.title.c_str(),
                               nullptr, nullptr);
    if (!window_) {
        glfwTerminate();
        noWindow("the display refused it");
    }
    glfwSetWindowSizeLimits(window_, 480, 320, GLFW_DONT_CARE, GLFW_DONT_CARE);
    if (options.place && shownSomewhere(*options.place))
        glfwSetWindowPos(window_, options.place->x, options.place->y);
    if (options.place && options.place->maximized)
        glfwMaximizeWindow(window_);
    // Before Dear ImGui's callbacks, which call the earlier ones.
    glfwSetWindowUserPointer(window_, this);
    glfwSetDropCallback(window_, [](GLFWwindow *window, int count, const char **paths) {
        const auto &receiver = *ownerOf(window).dropped_;
        if (receiver)
            receiver(std::vector<std::string>(paths, paths + count));
    });
    glfwSetWindowSizeCallback(window_,
                              [](GLFWwindow *window, int, int) { ownerOf(window).readSizes(); });
    glfwSetFramebufferSizeCallback(
        window_, [](GLFWwindow *window, int, int) { ownerOf(window).readSizes(); });
    glfwSetWindowContentScaleCallback(
        window_, [](GLFWwindow *window, float, float) { ownerOf(window).readSizes(); });
    glfwSetWindowRefreshCallback(window_,
                                 [](GLFWwindow *window) { ownerOf(window).changed_ = true; });
    place_ = options.place.value_or(WindowPlace{0, 0, width, height, false});
    glfwShowWindow(window_);
    readSizes();
}

GlfwWindow &GlfwWindow::ownerOf(GLFWwindow *window) {
    return *static_cast<GlfwWindow *>(glfwGetWindowUserPointer(window));
}

GlfwWindow::~GlfwWindow() {
    glfwDestroyWindow(window_);
    glfwTerminate();
    glfwSetErrorCallback(nullptr);
}

UniqueSurface GlfwWindow::makeSurface(VkInstance instance) const {
    VkSurfaceKHR surface = VK_NULL_HANDLE;
    if (glfwCreateWindowSurface(instance, window_, nullptr, &surface) != VK_SUCCESS)
        noWindow("its surface could not be made");
    return UniqueSurface(surface, {instance});
}

void GlfwWindow::readSizes() {
    float scale = 1, scale_y = 1;
    int width = 0, height = 0, framebuffer_width = 0, framebuffer_height = 0;
    glfwGetWindowContentScale(window_, &scale, &scale_y);
    glfwGetWindowSize(window_, &width, &height);
    glfwGetFramebufferSize(window_, &framebuffer_width, &framebuffer_height);
    framebuffer_ = {static_cast<uint32_t>(std::max(framebuffer_width, 0)),
                    static_cast<uint32_t>(std::max(framebuffer_height, 0))};
    if (width > 0 && framebuffer_width > 0)
        scale *= static_cast<float>(width) / static_cast<float>(framebuffer_width);
    display_scale_ = std::clamp(scale, 0.5F, 4.0F);
    changed_ = true;
}

bool GlfwWindow::closing() const {
    return glfwWindowShouldClose(window_);
}
void GlfwWindow::keepOpen() {
    glfwSetWindowShouldClose(window_, GLFW_FALSE);
}

void GlfwWindow::notePlace() {
    place_.maximized = glfwGetWindowAttrib(window_, GLFW_MAXIMIZED) != 0;
    if (place_.maximized || glfwGetWindowAttrib(window_, GLFW_ICONIFIED))
        return;
    glfwGetWindowPos(window_, &place_.x, &place_.y); // Wayland does not tell: 0, 0
    glfwGetWindowSize(window_, &place_.width, &place_.height);
}

std::vector<const char *> GlfwWindow::vulkanExtensions() {
    uint32_t count = 0;
    const char **const names = glfwGetRequiredInstanceExtensions(&count);
    return {names, names + count};
}

} // namespace longscope::window
