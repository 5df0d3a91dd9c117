#include "tests/panels/harness/eyes.h"

#include <imgui_internal.h>
#include <imgui_te_internal.h>
#include <imgui_te_utils.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace longscope::tests {
namespace {

using Clock = std::chrono::steady_clock;

/// Finds an item over several frames, as ImGuiTestContext::ItemInfo does within a running test
/// (which would take the real keys and mouse away).
class Search {
  public:
    Search(ImGuiTestEngine &engine, const std::string &window, std::string item)
        : engine_(engine), prefix_(window.empty() ? 0 : ImHashStr(window.c_str())),
          item_(std::move(item)) {}

    /// Once a frame; true when `found` is there.
    bool step() {
        ImGuiTestFindByLabelTask &task = engine_.FindByLabelTask;
        if (id_ == 0 && task.InSuffix != item_.c_str()) {
            begin(task);
            return false;
        }
        if (id_ == 0) {
            id_ = task.OutItemId;
            if (id_ == 0)
                return false;
            task = {};
        }
        const ImGuiTestItemInfo *info = ImGuiTestEngine_FindItemInfo(&engine_, id_, item_.c_str());
        if (!info || info->TimestampMain == 0)
            return false;
        found = Spot{info->RectClipped.Min, info->RectClipped.Max};
        return found->max.x > found->min.x && found->max.y > found->min.y;
    }
    void end() { engine_.FindByLabelTask = {}; }

    std::optional<Spot> found;

  private:
    void begin(ImGuiTestFindByLabelTask &task) {
        task = {};
        task.InPrefixId = prefix_;
        task.InSuffix = item_.c_str();
        const size_t slash = item_.rfind('/');
        task.InSuffixLastItem = item_.c_str() + (slash == item_.npos ? 0 : slash + 1);
        task.InSuffixDepth = 1 + static_cast<int>(std::ranges::count(item_, '/'));
        task.InSuffixLastItemHash = ImHashDecoratedPath(task.InSuffixLastItem, nullptr, 0);
    }

    ImGuiTestEngine &engine_;
    ImGuiID prefix_, id_ = 0;
    std::string item_;
};

} // namespace

Eyes::Eyes(window::FrameClient client)
    : client_(std::move(client)), engine_(ImGuiTestEngine_CreateContext()) {
    ImGuiTestEngineIO &io = ImGuiTestEngine_GetIO(engine_);
    io.ConfigSavedSettings = false;
    io.ConfigCaptureEnabled = false;
}

Eyes::~Eyes() {
    ImGuiTestEngine_DestroyContext(engine_);
}

window::FrameClient Eyes::client() {
    window::FrameClient seen = client_;
    seen.started = [this] {
        ImGuiTestEngine_Start(engine_, ImGui::GetCurrentContext());
        if (client_.started)
            client_.started();
    };
    seen.prepare = [this](float scale) {
        if (std::exchange(drew_, true)) { // of the frame before
            ImGuiTestEngine_PreSwap(engine_);
            ImGuiTestEngine_PostSwap(engine_);
        }
        if (client_.prepare)
            client_.prepare(scale);
    };
    seen.draw = [this] { look(); };
    seen.version = [this] {
        return wanted_frames_ + (client_.version ? client_.version() : uint64_t{0});
    };
    seen.stopping = [this] {
        if (client_.stopping)
            client_.stopping();
        ImGuiTestEngine_Stop(engine_);
    };
    return seen;
}

void Eyes::look() {
    const bool logs = logs_;
    if (logs)
        ImGui::LogToBuffer(0);
    client_.draw();
    if (logs) {
        logged_ = ImGui::GetCurrentContext()->LogBuffer.c_str();
        ImGui::LogFinish();
    }
    const std::lock_guard lock(mutex_);
    if (task_ && task_()) {
        task_ = nullptr;
        answered_.notify_all();
    }
}

bool Eyes::ask(std::function<bool()> task, double seconds) {
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    std::unique_lock lock(mutex_);
    task_ = std::move(task);
    while (task_ && Clock::now() < until) { // a frame comes only when something is new
        ++wanted_frames_;
        window::wakeWindow();
        answered_.wait_for(lock, std::chrono::milliseconds(40));
    }
    return !std::exchange(task_, nullptr);
}

std::optional<Spot> Eyes::find(const std::string &window, const std::string &item, double seconds) {
    Search search(*engine_, window, item);
    ask([&] { return search.step(); }, seconds);
    onFrame([&] { search.end(); });
    return search.found;
}

std::optional<Spot> Eyes::findWindow(const std::string &window) {
    std::optional<Spot> found;
    onFrame([&] {
        if (const ImGuiWindow *one = ImGui::FindWindowByName(window.c_str()); one && one->Active)
            found = Spot{one->Pos, {one->Pos.x + one->Size.x, one->Pos.y + one->Size.y}};
    });
    return found;
}

std::string Eyes::words() {
    std::string words;
    logs_ = true;
    int frames = 0;
    ask(
        [&] {
            words = logged_;
            return ++frames == 2; // the first may have begun before
        },
        10);
    logs_ = false;
    return words;
}

bool Eyes::sees(const std::string &wanted, double seconds) {
    logs_ = true;
    const bool seen = ask([&] { return logged_.find(wanted) != std::string::npos; }, seconds);
    logs_ = false;
    onFrame([&] { logged_.clear(); });
    return seen;
}

void Eyes::onFrame(const std::function<void()> &task) {
    ask(
        [&] {
            task();
            return true;
        },
        10);
}

} // namespace longscope::tests
