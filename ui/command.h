// All that panels may ask for. Plain values; whoever answers them (app/desk) changes the snapshot.
#pragma once

#include "ui/state/attention.h"
#include "ui/state/chat.h"
#include "ui/state/document.h"
#include "ui/state/preferences.h"
#include "ui/state/settings.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace longscope::ui::command {

// ---- the program -------------------------------------------------------------------------------
struct Stop {}; ///< what runs, within 200 ms, and drops what waits
struct StopTask {
    uint64_t task = 0; ///< drops one that waits, or stops it when it runs
};
struct DismissNotice {
    uint64_t notice = 0;
};
struct UndoNotice {
    uint64_t notice = 0;
};
struct SetPreferences {
    Preferences preferences;
};

// ---- model and devices -------------------------------------------------------------------------
struct ForecastModel {
    std::string path, device; ///< what loading it would need
};
struct LoadModel {
    std::string path;   ///< "" = the one that is loaded, or the default
    std::string device; ///< "" = the best
};
struct UnloadModel {};
struct RefreshDevices {};
struct RunSelfTest {};
struct RunProfile {}; ///< GPU time by kernel, of a chunk and of a token

// ---- documents ---------------------------------------------------------------------------------
struct OpenDocument {
    std::string path;
};
struct OpenSample {};
struct PasteDocument {
    std::string text;
};
struct ShowDocument {
    uint64_t document = 0;
};
struct CloseDocument {
    uint64_t document = 0;
};
struct JumpTo {
    uint64_t document = 0;
    size_t byte = 0;
};
struct MarkDocument {
    uint64_t document = 0;
    std::vector<Mark> marks; ///< empty = take marks away
};

// ---- library and kept readings -----------------------------------------------------------------
struct ListLibrary {}; ///< again
struct SearchLibrary {
    std::string words; ///< in all documents
};
struct LetDocumentStay {
    uint64_t document = 0;
    bool stays = true; ///< though nothing names it
};
struct RemoveDocument {
    uint64_t document = 0; ///< from the library, with what was made of it; cannot be taken back
};
struct PinReading {
    std::string reading;
    bool pinned = true;
};
struct RemoveReading {
    std::string reading;
};
struct PurgeReadings {}; ///< all that are not pinned

// ---- several documents at once ------------------------------------------------------------------
struct StartSurvey {
    std::vector<uint64_t> documents;      ///< of the library, in this order
    std::string question = {};            ///< "" with labels: what the text is about
    std::vector<std::string> labels = {}; ///< none: the question is answered
    bool by_vectors = false;              ///< as SetByVectors
};
struct GoOnSurvey {
    uint64_t survey = 0; ///< with those documents that have no result
};
struct RemoveSurvey {
    uint64_t survey = 0; ///< with undo
};

// ---- chat --------------------------------------------------------------------------------------
struct NewConversation {};
struct OpenConversation {
    uint64_t conversation = 0;
};
struct RenameConversation {
    uint64_t conversation = 0;
    std::string title;
};
struct DeleteConversation {
    uint64_t conversation = 0;
};
struct FindConversations {
    std::string words; ///< in titles and messages
};
struct SetSystemPrompt {
    std::string text;
};
struct SetSampling {
    Sampling sampling;
};
struct SetWithDocument {
    bool with_document = false;
};
struct SetAskWay {
    AskWay way = AskWay::automatic;
};
struct SetByVectors {
    bool by_vectors = false; ///< passages are found by vectors of the model's states, too
};
struct FindTurns {
    std::string words; ///< in the messages that are shown
};
struct SetCompacted {
    uint64_t message = 0;  ///< that has the short text
    bool in_short = false; ///< false: takes it back, the turns are sent word for word
};
struct CountDraft {
    std::string text; ///< what is typed now
};
struct Send {
    std::string text; ///< as a message of the user; a question when it goes with the document
};
/// Kept as numbers: new ones come last.
enum class Strategy { automatic, whole, extract, map_reduce, refine, tree };
struct Summarize {
    Strategy strategy = Strategy::automatic;
    unsigned words = 120, key_sentences = 8;
};
struct Regenerate {
    uint64_t message = 0; ///< an answer: another one beside it
};
struct EditMessage {
    uint64_t message = 0; ///< of the user: another wording beside it, with a new answer
    std::string text;
};
struct SwitchBranch {
    uint64_t message = 0;
    int step = 1; ///< -1 or 1
};
struct DeleteMessage {
    uint64_t message = 0; ///< and what follows it
};
enum class ExportFormat { markdown, html, json };
struct ExportConversation {
    uint64_t conversation = 0;
    ExportFormat format = ExportFormat::markdown;
    std::string path;
};

// ---- attention ---------------------------------------------------------------------------------
struct ReadDocument {}; ///< reads the current document, so that its attention can be looked at
struct MeasureHeads {}; ///< and how fast recurrent layers forget
struct MeasureDecay {}; ///< that alone
struct ShowMap {
    MapWanted wanted;
};
struct ShowStrip {
    uint32_t layer = 0;
    std::vector<uint32_t> heads; ///< empty: all
    uint64_t query = 0;
};
struct TraceWords {
    uint64_t message = 0;
    size_t start = 0, end = 0; ///< bytes of its text
};
struct MarkHeld {}; ///< marks what the caches still hold of the document
struct ExportMap {
    std::string path; ///< .png, .npy or .csv
};

// ---- settings of attention, costs, memory ------------------------------------------------------
struct AskPrice {
    AttentionSettings settings;
};
struct ApplySettings {
    AttentionSettings settings;
};
struct Compare {
    AttentionSettings a, b;
    std::string prompt; ///< a question; goes with the current document when there is one
    uint64_t reply_tokens = 64;
};
struct Sweep {
    std::vector<std::string> attention; ///< specs
    std::vector<uint64_t> tokens;       ///< lengths that are read with each
};
struct ClearSweep {};
struct ForecastMemory {
    AttentionSettings settings;
    uint64_t most_tokens = 0; ///< right end of the curve; 0 = twice the trained window
};

} // namespace longscope::ui::command

namespace longscope::ui {

using Command = std::variant<
    command::Stop, command::StopTask, command::DismissNotice, command::UndoNotice,
    command::SetPreferences, command::ForecastModel, command::LoadModel, command::UnloadModel,
    command::RefreshDevices, command::RunSelfTest, command::RunProfile, command::OpenDocument,
    command::OpenSample, command::PasteDocument, command::ShowDocument, command::CloseDocument,
    command::JumpTo, command::MarkDocument, command::NewConversation, command::OpenConversation,
    command::RenameConversation, command::DeleteConversation, command::FindConversations,
    command::SetSystemPrompt, command::SetSampling, command::SetWithDocument, command::SetAskWay,
    command::SetByVectors, command::FindTurns, command::SetCompacted, command::ListLibrary,
    command::SearchLibrary, command::LetDocumentStay, command::RemoveDocument, command::PinReading,
    command::RemoveReading, command::PurgeReadings, command::StartSurvey, command::GoOnSurvey,
    command::RemoveSurvey, command::CountDraft, command::Send, command::Summarize,
    command::Regenerate, command::EditMessage, command::SwitchBranch, command::DeleteMessage,
    command::ExportConversation, command::ReadDocument, command::MeasureHeads,
    command::MeasureDecay, command::ShowMap, command::ShowStrip, command::TraceWords,
    command::MarkHeld, command::ExportMap, command::AskPrice, command::ApplySettings,
    command::Compare, command::Sweep, command::ClearSweep, command::ForecastMemory>;

/// Commands of one frame, in order; applied after it was drawn.
class CommandQueue {
  public:
    void push(Command command) { commands_.push_back(std::move(command)); }
    std::vector<Command> take() { return std::exchange(commands_, {}); }

  private:
    std::vector<Command> commands_;
};

} // namespace longscope::ui
