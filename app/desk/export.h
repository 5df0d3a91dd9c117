// A conversation as a file for other programs: Markdown, HTML (one page, nothing is fetched for
// it), JSON. Pure; knows neither the library nor tasks.
#pragma once

#include "ui/command.h"
#include "ui/state/chat.h"

#include <memory>
#include <string>
#include <vector>

namespace longscope::app {

struct ExportedConversation {
    std::string title, system_prompt;
    std::vector<std::shared_ptr<const ui::Message>> messages; ///< of the branch that is shown
};

std::string exportText(const ExportedConversation &conversation, ui::command::ExportFormat format);

/// The file appears whole or not at all. Throws Error(file) with path and reason.
void exportTo(const std::string &path, const ExportedConversation &conversation,
              ui::command::ExportFormat format);

} // namespace longscope::app
