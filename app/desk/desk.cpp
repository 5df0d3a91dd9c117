#include "app/desk/desk.h"

#include "app/desk/parts.h"
#include "app/kept_readings.h"

#include <filesystem>
#include <variant>

namespace longscope::app {
namespace {

namespace fs = std::filesystem;

std::string libraryPath(const std::string &folder) {
    std::error_code code;
    fs::create_directories(folder, code);
    if (code)
        fail(ErrorKind::file, "the data folder {} cannot be made: {}", folder, code.message());
    return (fs::path(folder) / "library.sqlite").string();
}

} // namespace

struct Desk::Impl {
    explicit Impl(DeskOptions given)
        : options(std::move(given)), library(libraryPath(options.data_folder)),
          kept(keptReadings(options.data_folder)), core(options.on_change, kept),
          preferences(core, library),
          documents(core, library, options.sample_document,
                    [this](const std::string &path) { preferences.addRecentDocument(path); }),
          kept_documents(core, library, documents, kept), model(core, [this] { modelChanged(); }),
          memory(core), attention(core, documents, model), surveys(core, library, model, attention),
          chat(core, library, documents, model, attention),
          settings(core, documents, model, [this] { settingsChanged(); }),
          measurements(core, model) {
        core.engine = options.engine;
        core.session = options.session;
        core.worker().push(engine::Configure{options.session});
        core.draft.patterns.applied = SettingsPart::fromOptions(options.session);
        core.draft.paths = {.data = options.data_folder,
                            .library = library.path(),
                            .model = options.engine.model_path,
                            .config = library.path(),
                            .portable = options.portable};
        if (!library.warning().empty())
            core.notice(ui::NoticeKind::warning, library.warning());
        if (kept)
            kept->onWarning([this](const std::string &text) {
                core.post([this, text] { core.notice(ui::NoticeKind::warning, text); });
            });
        documents.on_kept = [this] { kept_documents.listAgain(); };
        core.on_worker = [this](const engine::Snapshot &snapshot) { memory.sample(snapshot); };
        model.handle(command::RefreshDevices{});
        core.begin();
        core.post([] {}); // the first picture
    }
    ~Impl() { core.shutDown(); }

    void modelChanged() {
        if (core.model)
            preferences.addRecentModel(core.model->facts.path);
        attention.forget();
        documents.countAll();
        settings.modelChanged();
        measurements.modelChanged();
        memory.forecastAgain();
        chat.countContext();
    }
    void settingsChanged() {
        memory.forecastAgain();
        chat.countContext();
    }

    void handle(const command::Stop &) { core.stopAll(); }
    void handle(const command::StopTask &stop) { core.stopTask(stop.task); }
    void handle(const command::DismissNotice &dismiss) { core.dismiss(dismiss.notice); }
    void handle(const command::UndoNotice &undo) { core.undo(undo.notice); }

    /// The first of the parts that answers this kind of command.
    template <class C, class Part, class... Rest>
    void giveTo(const C &command, Part &part, Rest &...rest) {
        if constexpr (requires { part.handle(command); })
            part.handle(command);
        else
            giveTo(command, rest...);
    }
    void run(const ui::Command &any) {
        std::visit(
            [this](const auto &command) {
                giveTo(command, *this, preferences, documents, kept_documents, model, memory,
                       attention, surveys, chat, settings, measurements);
            },
            any);
    }

    DeskOptions options;
    Library library;
    std::shared_ptr<reading::KeptReadings> kept; ///< null: it cannot be
    Core core;
    PreferencesPart preferences;
    DocumentsPart documents;
    LibraryPart kept_documents;
    ModelPart model;
    MemoryPart memory;
    AttentionPart attention;
    SurveysPart surveys;
    ChatPart chat;
    SettingsPart settings;
    MeasurementsPart measurements;
};

Desk::Desk(DeskOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Desk::~Desk() = default;

void Desk::push(ui::Command command) {
    impl_->core.post([impl = impl_.get(), command = std::move(command)] { impl->run(command); });
}

std::shared_ptr<const ui::Snapshot> Desk::snapshot() const {
    return impl_->core.snapshot();
}

std::shared_ptr<const ui::Snapshot>
Desk::waitFor(const std::function<bool(const ui::Snapshot &)> &condition,
              std::chrono::milliseconds most) const {
    return impl_->core.waitFor(condition, most);
}

} // namespace longscope::app
