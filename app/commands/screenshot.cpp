// `longscope screenshot`: a panel of the window as a picture, drawn without a display, after the
// real program did what fills that panel. Nothing of the user's is read or changed.
#include "app/commands/commands.h"
#include "app/progress.h"
#include "app/view/window_client.h"
#include "compute/core/error.h"
#include "ui/panels/attention_layers.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <format>

#include <unistd.h>

namespace longscope::app {
namespace {

namespace fs = std::filesystem;
namespace command = ui::command;
using namespace std::chrono_literals;

constexpr int kSettlingFrames = 12;
constexpr int kWidth = 1440, kHeight = 900; ///< of the window
constexpr int kPanelWidth = 960, kPanelHeight = 800;

/// A data folder that goes when the command ends.
class OwnFolder {
  public:
    OwnFolder()
        : path_((fs::temp_directory_path() / std::format("longscope-screenshot-{}", getpid()))
                    .string()) {}
    ~OwnFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const std::string &path() const { return path_; }

  private:
    std::string path_;
};

class Screenshot {
  public:
    Screenshot(const Options &options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), line_(options.quiet), client_(desk()) {
        bool whole = options_.panel == "window";
        if (!whole && !client_.workspace().show(options_.panel, true))
            fail(ErrorKind::usage,
                 "there is no panel \"{}\": document chat attention memory cost patterns model "
                 "settings library, or window",
                 options_.panel);
        client_.setPreferences([&](ui::Preferences &preferences) {
            preferences.theme = options.theme == "light"           ? ui::ThemeChoice::light
                                : options.theme == "high-contrast" ? ui::ThemeChoice::high_contrast
                                                                   : ui::ThemeChoice::dark;
            preferences.was_welcomed = true;
        });
    }

    int run() {
        bool whole = options_.panel == "window";
        window::Offscreen screen({.width = whole ? kWidth : kPanelWidth,
                                  .height = whole ? kHeight : kPanelHeight,
                                  .framebuffer_scale = options_.scale});
        window::FrameClient &frames = client_.frames();
        frames.started();
        drawFrames(screen, kSettlingFrames);
        fill();
        drawFrames(screen, kSettlingFrames); // panels may ask for more when they see something
        finish();
        drawFrames(screen, kSettlingFrames);
        line_.clear();
        window::writePng(options_.out, screen.capture());
        return 0;
    }

  private:
    DeskOptions desk() const {
        DeskOptions wanted = deskOptions(options_);
        wanted.data_folder = folder_.path();
        return wanted;
    }

    void drawFrames(window::Offscreen &screen, int count) {
        for (int i = 0; i < count; ++i) {
            client_.frames().prepare(1);
            screen.frame(client_.frames().draw);
        }
    }

    /// Until nothing is running or waiting any more.
    void finish() {
        client_.desk().push(command::StopTask{}); // in order: what was pushed before has begun
        auto isDone = [](const ui::Snapshot &snapshot) { return snapshot.tasks.empty(); };
        std::this_thread::sleep_for(50ms);
        while (!client_.desk().waitFor(isDone, 200ms)) {
            auto snapshot = client_.desk().snapshot();
            if (!snapshot->tasks.empty() && !snapshot->tasks.front().progress.label.empty())
                line_.show(snapshot->tasks.front().progress);
            if (stop_.stop_requested())
                fail(ErrorKind::stopped, "stopped");
        }
        for (const ui::Notice &notice : client_.desk().snapshot()->notices)
            if (notice.kind == ui::NoticeKind::error)
                fail(ErrorKind::file, "{}", notice.text);
    }

    void push(ui::Command command) {
        client_.desk().push(std::move(command));
        finish();
    }

    void openDocuments() {
        if (options_.files.empty())
            push(command::OpenSample{});
        for (const std::string &file : options_.files)
            push(command::OpenDocument{fs::absolute(file).string()});
        push(command::ShowDocument{client_.desk().snapshot()->documents.open.front()->id});
    }

    void askAll() {
        if (options_.question.empty() && options_.labels.empty())
            return;
        command::StartSurvey survey{
            .documents = {}, .question = options_.question, .labels = options_.labels};
        for (const auto &document : client_.desk().snapshot()->documents.open)
            survey.documents.push_back(document->id);
        push(std::move(survey));
    }

    /// What the panel shows, by the same commands that a user gives.
    void fill() {
        const std::string &panel = options_.panel;
        openDocuments();
        push(command::LoadModel{});
        if (panel == "chat" || panel == "window")
            push(command::Summarize{});
        if (panel == "attention" || panel == "memory" || panel == "library")
            push(command::ReadDocument{});
        if (panel == "library") {
            push(command::ListLibrary{});
            askAll();
        }
        if (panel == "attention") {
            push(command::MeasureHeads{});
            lookAtHead();
        }
        if (panel == "memory")
            push(command::ForecastMemory{});
        if (panel == "cost")
            push(command::Sweep{.attention = {"full", "window:256"},
                                .tokens = {256, 512, 1024, 2048}});
        if (panel == "patterns")
            push(command::ApplySettings{
                {.attention = "bigbird:64,3,1,3", .k = "q8_0", .v = "q8_0"}});
        if (panel == "model")
            push(command::RunProfile{});
    }

    /// One in the middle, or the nearest one; none where no layer attends.
    void lookAtHead() {
        auto snapshot = client_.desk().snapshot();
        auto layer = ui::nearestAttending(*snapshot->model, 5);
        if (!layer)
            return;
        const uint32_t head = std::min(2U, snapshot->model->kinds[*layer].heads - 1);
        push(command::ShowMap{{.layer = *layer, .heads = {head}, .size = 256}}); // a small file
        auto tokens = snapshot->attention.timeline->tokens();
        push(command::ShowStrip{.layer = *layer, .heads = {head}, .query = tokens / 2});
    }

    const Options &options_;
    std::stop_token stop_;
    ProgressLine line_;
    OwnFolder folder_;
    WindowClient client_;
};

} // namespace

int runScreenshot(const Options &options, std::stop_token stop) {
    return Screenshot(options, std::move(stop)).run();
}

} // namespace longscope::app
