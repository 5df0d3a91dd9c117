// A desk over a data folder of its own, as a person uses it: commands in, snapshots out.
#pragma once

#include "app/desk/desk.h"
#include "tests/support/gguf_writer.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

namespace longscope::app {

namespace command = ui::command;
using namespace std::chrono_literals;

class DeskTest : public ::testing::Test {
  protected:
    using Picture = std::shared_ptr<const ui::Snapshot>;

    DeskTest()
        : folder_(std::filesystem::temp_directory_path() /
                  std::format("longscope-desk-{}-{}", getpid(),
                              ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_);
    }
    ~DeskTest() override {
        desk_.reset();
        std::filesystem::remove_all(folder_);
    }

    /// A random model of 2 layers; its text means nothing.
    void useTinyModel(uint32_t context_tokens = 4096) {
        testing::TinyLlamaOptions options;
        options.context_tokens = context_tokens;
        model_ = (folder_ / "tiny.gguf").string();
        testing::makeTinyLlama(options).save(model_);
    }
    void useModel(std::string path) { model_ = std::move(path); }

    void start() {
        desk_.reset();
        const char *validation = std::getenv("LONGSCOPE_VALIDATION");
        DeskOptions options;
        options.engine.model_path = model_;
        options.engine.validation = validation && std::string_view(validation) == "1";
        options.data_folder = (folder_ / "data").string();
        options.sample_document = sample_;
        desk_ = std::make_unique<Desk>(std::move(options));
        desk_->waitFor([](const ui::Snapshot &now) { return now.version > 0; }, 5s);
    }
    void push(ui::Command command) { desk_->push(std::move(command)); }
    Picture waitFor(const std::function<bool(const ui::Snapshot &)> &condition,
                    std::chrono::milliseconds most = 60s) {
        Picture picture = desk_->waitFor(condition, most);
        if (!picture) {
            ADD_FAILURE() << "what was waited for did not come; " << describe(*desk_->snapshot());
            picture = desk_->snapshot();
        }
        return picture;
    }
    Picture waitIdle() {
        push(command::CountDraft{}); // a command of its own, so that earlier ones were answered
        uint64_t before = desk_->snapshot()->version;
        return waitFor([before](const ui::Snapshot &now) {
            return now.version > before && now.tasks.empty();
        });
    }
    Picture now() const { return desk_->snapshot(); }

    static std::string describe(const ui::Snapshot &now) {
        std::string text = std::format("{} messages", now.chat.messages.size());
        for (const ui::TaskView &task : now.tasks)
            text += "; task " + task.title;
        for (const ui::Notice &notice : now.notices)
            text += "; notice " + notice.text;
        return text;
    }
    static uint64_t undoOf(const ui::Snapshot &now) {
        return now.notices.empty() || now.notices.back().undo.empty() ? 0 : now.notices.back().id;
    }
    std::string write(const std::string &name, std::string_view text) {
        std::string path = (folder_ / name).string();
        FILE *file = std::fopen(path.c_str(), "wb");
        std::fwrite(text.data(), 1, text.size(), file);
        std::fclose(file);
        return path;
    }
    /// Opens a text as a file of this name; the document's id.
    uint64_t openText(const std::string &name, std::string_view text) {
        std::string path = write(name, text);
        push(command::OpenDocument{path});
        return waitFor([&](const ui::Snapshot &now) {
                   auto shown = now.documents.shown();
                   return shown && shown->path == path;
               })
            ->documents.current;
    }

    std::filesystem::path folder_;
    std::string model_, sample_ = std::string(LONGSCOPE_TEST_DATA) + "/../../assets/sample.md";
    std::unique_ptr<Desk> desk_;
};

/// A desk with a conversation.
class ChatTest : public DeskTest {
  protected:
    void startTiny(uint64_t reply_tokens = 12) {
        useTinyModel();
        start();
        ui::Sampling sampling{.temperature = 0, .reply_tokens = reply_tokens};
        push(command::SetSampling{sampling});
    }
    /// Sends and waits for the whole answer.
    Picture ask(const std::string &text) {
        size_t before = now()->chat.messages.size();
        push(command::Send{text});
        return waitFor([=](const ui::Snapshot &now) {
            const auto &messages = now.chat.messages;
            return messages.size() == before + 2 && !messages.back()->growing;
        });
    }
    Picture waitGrown(size_t messages) {
        return waitFor([=](const ui::Snapshot &now) {
            return now.chat.messages.size() == messages && !now.chat.messages.back()->growing &&
                   now.tasks.empty();
        });
    }
    static const ui::Message &last(const Picture &picture) {
        return *picture->chat.messages.back();
    }
    static std::string read(const std::string &path) {
        std::ifstream file(path);
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }
};

} // namespace longscope::app
