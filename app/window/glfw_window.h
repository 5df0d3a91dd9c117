// GLFW as objects: the library, the one window, and the answers that Dear ImGui does not need.
#pragma once

#include "app/window/ui_device.h"
#include "app/window/window.h"

struct GLFWwindow;

namespace longscope::window {

class GlfwWindow {
  public:
    /// Throws Error(device) without a display. `dropped` must outlive the window.
    GlfwWindow(const WindowOptions &options,
               const std::function<void(std::vector<std::string>)> &dropped);
    ~GlfwWindow();
    GlfwWindow(const GlfwWindow &) = delete;
    GlfwWindow &operator=(const GlfwWindow &) = delete;

    GLFWwindow *handle() const { return window_; }
    UniqueSurface makeSurface(VkInstance instance) const;
    VkExtent2D framebuffer() const { return framebuffer_; }
    /// What the monitor asks for beyond what the framebuffer already has.
    float displayScale() const { return display_scale_; }
    /// Resized, or uncovered after something had drawn over it; until `drawn`.
    bool changed() const { return changed_; }
    void drawn() { changed_ = false; }
    bool closing() const;
    void keepOpen();
    /// Reads where the window lies, unless it is maximised (then the last place stays).
    void notePlace();
    const WindowPlace &place() const { return place_; }

    static std::vector<const char *> vulkanExtensions();

  private:
    static GlfwWindow &ownerOf(GLFWwindow *window);
    void readSizes();

    GLFWwindow *window_ = nullptr;
    const std::function<void(std::vector<std::string>)> *dropped_;
    // Known from events: each question costs a round trip to the display server.
    VkExtent2D framebuffer_{};
    float display_scale_ = 1;
    bool changed_ = true;
    WindowPlace place_;
};

} // namespace longscope::window
