// A desk on a small random model with a data folder of its own, for the tests of what it measures.
#pragma once

#include "app/desk/desk.h"
#include "compute/core/error.h"
#include "tests/support/gguf_writer.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <string>

namespace longscope::test {

namespace command = ui::command;
using namespace std::chrono_literals;

constexpr auto kPatience = 120s; ///< the software device is shared

class InstrumentsDesk {
  public:
    explicit InstrumentsDesk(std::string model_path = {}, engine::SessionOptions session = {}) {
        static int count = 0;
        folder_ = std::filesystem::temp_directory_path() /
                  std::format("longscope-desk-{}-{}", getpid(), count++);
        std::filesystem::create_directories(folder_);
        if (model_path.empty()) {
            model_path = path("tiny.gguf");
            testing::makeTinyLlama({}).save(model_path);
        }
        app::DeskOptions options;
        options.engine.model_path = model_path;
        const char *validation = std::getenv("LONGSCOPE_VALIDATION");
        options.engine.validation = validation && std::string_view(validation) == "1";
        options.session = std::move(session);
        options.data_folder = path("data");
        desk = std::make_unique<app::Desk>(options);
    }
    ~InstrumentsDesk() {
        desk.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    std::string path(const std::string &name) const { return (folder_ / name).string(); }

    /// Fails the test with the notices when it takes too long.
    template <class Condition> std::shared_ptr<const ui::Snapshot> wait(Condition condition) {
        auto found = desk->waitFor(condition, kPatience);
        if (found)
            return found;
        found = desk->snapshot();
        ADD_FAILURE() << "waited in vain; notices:\n" << notices(*found);
        return found;
    }
    /// All tasks of the engine have ended, after those that were pushed before.
    std::shared_ptr<const ui::Snapshot> idle() {
        desk->push(command::CountDraft{std::format("marker {}", ++markers_)});
        std::string marker = std::format("marker {}", markers_);
        return wait([&](const ui::Snapshot &s) { return s.chat.draft == marker && !s.busy(); });
    }
    void load() {
        desk->push(command::LoadModel{});
        wait([](const ui::Snapshot &s) { return s.model && !s.busy(); });
    }
    std::shared_ptr<const ui::Snapshot> paste(const std::string &text) {
        desk->push(command::PasteDocument{text});
        return wait([&](const ui::Snapshot &s) {
            auto shown = s.documents.shown();
            return shown && *shown->text == text;
        });
    }
    std::shared_ptr<const ui::Snapshot> read() {
        desk->push(command::ReadDocument{});
        return wait([](const ui::Snapshot &s) { return s.attention.timeline && !s.busy(); });
    }

    static std::string notices(const ui::Snapshot &snapshot) {
        std::string text;
        for (const ui::Notice &notice : snapshot.notices)
            text += notice.text + "\n";
        return text;
    }
    static bool hasNotice(const ui::Snapshot &snapshot, const std::string &part) {
        return notices(snapshot).find(part) != std::string::npos;
    }

    std::unique_ptr<app::Desk> desk;

  private:
    std::filesystem::path folder_;
    int markers_ = 0;
};

/// Some text of that many sentences, all different.
inline std::string sentences(int count) {
    std::string text;
    for (int i = 0; i < count; ++i)
        text += std::format("Station {} measured {} litres of rain. ", i, 7 * i + 3);
    text.pop_back();
    return text;
}

} // namespace longscope::test
