// The parts of the desk. Each answers some commands and owns what belongs to them; all of them run
// on the desk's thread, and see one another only through what is public here.
#pragma once

#include "app/desk/core.h"
#include "compute/document/document.h"
#include "compute/document/library.h"
#include "compute/engine/generate.h"
#include "compute/model/chat_template.h"
#include "compute/reading/kept_readings.h"
#include "ui/command.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace longscope::app {

namespace command = ui::command;

struct DeskOptions;
class SurveyReader;
using document::Library;

/// Of the model's tokenizer, under which the library keeps counts: "SmolLM2, 49152 tokens".
std::string tokenizerName(const LoadedModel &model);

/// Open documents, kept in the library under their ids: import, exact token counts by section,
/// marks, jumps. documents.cpp
class DocumentsPart {
  public:
    /// Opens what was open last time. `on_file` gets the path of each file that was opened.
    DocumentsPart(Core &core, Library &library, std::string sample_path,
                  std::function<void(const std::string &)> on_file);
    void handle(const command::OpenDocument &open);
    void handle(const command::OpenSample &);
    void handle(const command::PasteDocument &paste);
    void handle(const command::ShowDocument &show);
    void handle(const command::CloseDocument &close); ///< with undo
    void handle(const command::JumpTo &jump);
    void handle(const command::MarkDocument &mark);
    void countAll(); ///< again, with another model's tokenizer

    /// Without undo: it goes for good.
    void drop(uint64_t id);
    /// With its outline; null when it is not open.
    std::shared_ptr<const document::Document> full(uint64_t id) const;
    std::shared_ptr<const document::Document> fullCurrent() const;
    /// "Supply, paragraph 2"
    static std::string placeOf(const document::Document &document, size_t byte);

    /// Another document is current, or its tokens are counted now. For the chat's context bar.
    std::function<void()> on_changed;
    std::function<void()> on_kept;   ///< what the library has has changed
    std::function<void()> on_opened; ///< the user opened one
    /// At once, or when what is being opened now is there (or could not be opened).
    void whenOpened(std::function<void()> then);

  private:
    struct Imported;
    void import(std::string title, std::function<document::Document()> read);
    void add(const Imported &imported);
    void insert(const Imported &imported, size_t at); ///< among the open ones
    void reopen(const command::JumpTo &jump);         ///< of one that was closed
    Imported take(uint64_t id, size_t &at);           ///< out of the open ones
    void keepCounts(const ui::Document &document, const LoadedModel &model);
    void show(uint64_t id);
    void count(uint64_t id);
    void openKept();
    void keepOpen() const; ///< which ones are open, for the next start

    Core &core_;
    Library &library_;
    std::string sample_path_;
    std::function<void(const std::string &)> on_file_;
    std::map<uint64_t, std::shared_ptr<const document::Document>> full_;
    command::MarkDocument waiting_marks_; ///< of a document that is being opened again
    unsigned opening_ = 0;
    std::vector<std::function<void()>> when_opened_;
};

/// The documents of the library, search in all of them, and the readings that are kept beside it.
/// library.cpp
class LibraryPart {
  public:
    /// `kept` may be null: readings are not kept.
    LibraryPart(Core &core, Library &library, DocumentsPart &documents,
                std::shared_ptr<reading::KeptReadings> kept);
    void handle(const command::ListLibrary &);
    void handle(const command::SearchLibrary &search);
    void handle(const command::LetDocumentStay &stay);
    void handle(const command::RemoveDocument &remove);
    void handle(const command::PinReading &pin);
    void handle(const command::RemoveReading &remove);
    void handle(const command::PurgeReadings &);
    void listAgain(); ///< when it was asked for before

  private:
    void list();

    Core &core_;
    Library &library_;
    DocumentsPart &documents_;
    std::shared_ptr<reading::KeptReadings> kept_;
};

/// Loading, unloading, what a file would need; facts of the loaded one. model.cpp
class ModelPart {
  public:
    ModelPart(Core &core, std::function<void()> on_model); ///< called after each load and unload
    void handle(const command::ForecastModel &forecast);
    void handle(const command::LoadModel &load);
    void handle(const command::UnloadModel &);
    void handle(const command::RefreshDevices &);
    /// Loads the wanted or default model unless one is loaded or being loaded: tasks that need one
    /// call it before they start.
    void ensure();

  private:
    void forgetModel();

    Core &core_;
    std::function<void()> on_model_;
    bool loading_ = false;
};

/// What the memory panel shows, after each task of the engine and while it runs. memory.cpp
class MemoryPart {
  public:
    explicit MemoryPart(Core &core);
    void handle(const command::ForecastMemory &forecast);
    /// Takes what the worker's snapshot says of memory into the draft; on the desk's thread. Core
    /// calls it (through the desk) after each change of the worker.
    void sample(const engine::Snapshot &snapshot);
    void forecastAgain(); ///< after a change of model or settings

  private:
    void addMeasured();
    void addSample();
    uint64_t nextWindow() const;
    void startForecast();

    Core &core_;
    std::chrono::steady_clock::time_point began_;
    command::ForecastMemory wanted_;
    std::string measured_of_; ///< model, device and settings of the points
    std::vector<ui::MemoryPoint> measured_;
    std::vector<ui::Memory::Sample> samples_;
};

/// What was read, as text and as pictures. attention.cpp
class AttentionPart {
  public:
    AttentionPart(Core &core, DocumentsPart &documents, ModelPart &model);
    void handle(const command::ReadDocument &);
    void handle(const command::MeasureHeads &);
    void handle(const command::MeasureDecay &);
    void handle(const command::ShowMap &show);
    void handle(const command::ShowStrip &show);
    void handle(const command::TraceWords &trace);
    void handle(const command::MarkHeld &);
    void handle(const command::ExportMap &save);

    /// What was sent, so that the tokens of the timeline can be told apart.
    struct Sent {
        struct Piece {
            ui::PartKind kind;
            std::string text; ///< as it stands in the rendered prompt
            uint64_t message = 0;
        };
        std::vector<Piece> pieces; ///< in the order of the prompt; the answer last
        uint64_t document = 0;
    };
    /// On the lane's thread, within a task, after it read or wrote: rebuilds the timeline from the
    /// session's tokens and forgets pictures of an earlier one.
    void timelineChanged(TaskRun &run, Sent sent);
    void forget(); ///< nothing is read any more

  private:
    void readShown();
    void measure(bool heads, const char *title);
    bool somethingIsRead(); ///< or says in a notice that it must be

    Core &core_;
    DocumentsPart &documents_;
    ModelPart &model_;
};

/// The same question, or the same labels, put to several documents of the library. surveys.cpp,
/// survey_reader.{h,cpp}, survey_record.{h,cpp}
class SurveysPart {
  public:
    /// Shows those that the library keeps.
    SurveysPart(Core &core, Library &library, ModelPart &model, AttentionPart &attention);
    void handle(const command::StartSurvey &start);
    void handle(const command::GoOnSurvey &go_on);
    void handle(const command::RemoveSurvey &remove); ///< with undo

  private:
    enum class Store { now, soon }; ///< soon: with a later change, or at the end
    void run(uint64_t id);
    void read(TaskRun &run, uint64_t id);
    void readRows(TaskRun &run, const ui::Survey &survey, SurveyReader &reader);
    ui::SurveyRow readRow(const ui::SurveyRow &row, SurveyReader &reader,
                          const ProgressSink &progress, const std::stop_token &stop);
    std::shared_ptr<const ui::Survey> find(uint64_t id) const; ///< null: it was removed
    uint64_t add(ui::Survey survey);                           ///< gives it an id
    void change(uint64_t id, const std::function<void(ui::Survey &)> &edit,
                Store store = Store::now);

    Core &core_;
    Library &library_;
    ModelPart &model_;
    AttentionPart &attention_;
    std::chrono::steady_clock::time_point stored_at_{};
};

/// Conversations: kept in the library, branches, summaries and questions over the document,
/// sampling, the context bar. chat.cpp and conversation.{h,cpp}
class ChatPart {
  public:
    ChatPart(Core &core, Library &library, DocumentsPart &documents, ModelPart &model,
             AttentionPart &attention);
    ~ChatPart();
    void handle(const command::NewConversation &);
    void handle(const command::OpenConversation &open);
    void handle(const command::RenameConversation &rename);
    void handle(const command::DeleteConversation &remove); ///< with undo
    void handle(const command::FindConversations &find);
    void handle(const command::SetSystemPrompt &set);
    void handle(const command::SetSampling &set);
    void handle(const command::SetWithDocument &set);
    void handle(const command::SetAskWay &set);
    void handle(const command::SetByVectors &set);
    void handle(const command::FindTurns &find);
    void handle(const command::SetCompacted &set);
    void handle(const command::CountDraft &count);
    void handle(const command::Send &send);
    void handle(const command::Summarize &summarize);
    void handle(const command::Regenerate &again);
    void handle(const command::EditMessage &edit);
    void handle(const command::SwitchBranch &change);
    void handle(const command::DeleteMessage &remove); ///< with undo
    void handle(const command::ExportConversation &save);
    void countContext(); ///< after a change of document, model or settings

    struct Impl; ///< for the files of the chat alone: chat_impl.h

  private:
    void summarizeShown(const command::Summarize &summarize);
    std::unique_ptr<Impl> impl_;
};

/// How the model attends: prices, applying, comparing. settings.cpp
class SettingsPart {
  public:
    SettingsPart(Core &core, DocumentsPart &documents, ModelPart &model,
                 std::function<void()> on_settings); ///< called after they were applied
    void handle(const command::AskPrice &ask);
    void handle(const command::ApplySettings &apply);
    void handle(const command::Compare &compare);
    void modelChanged(); ///< rope settings, trained window, proposal

    /// As the engine has them. Throws Error(usage) for a spec that is wrong.
    static engine::SessionOptions toOptions(const ui::AttentionSettings &settings);
    static ui::AttentionSettings fromOptions(const engine::SessionOptions &options);

  private:
    void propose();
    uint64_t documentTokens() const; ///< of the one that is shown; 0 = not known
    uint64_t windowFor(const ui::AttentionSettings &settings) const;
    void applied(const engine::SessionOptions &options, const ui::AttentionSettings &settings);
    void endComparison();

    Core &core_;
    DocumentsPart &documents_;
    ModelPart &model_;
    std::function<void()> on_settings_;
};

/// Measured costs, self-test, kernel times. measurements.cpp
class MeasurementsPart {
  public:
    MeasurementsPart(Core &core, ModelPart &model);
    void handle(const command::Sweep &sweep);
    void handle(const command::ClearSweep &);
    void handle(const command::RunSelfTest &);
    void handle(const command::RunProfile &);
    void modelChanged();

  private:
    void addDot(const ui::CostDot &dot);
    std::string textToRead() const; ///< of the open document; "" = any

    Core &core_;
    ModelPart &model_;
    std::string path_, device_; ///< of what was measured
};

/// Preferences in the library, written when they change. preferences.cpp
class PreferencesPart {
  public:
    PreferencesPart(Core &core, Library &library);
    void handle(const command::SetPreferences &set);
    void addRecentModel(const std::string &path);
    void addRecentDocument(const std::string &path);

  private:
    void keep();
    Core &core_;
    Library &library_;
};

} // namespace longscope::app
