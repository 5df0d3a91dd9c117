// "Where did that come from": how the attention of some written words is spread over the document.
#pragma once

#include "ui/command.h"
#include "ui/panels/attention_link.h"
#include "ui/snapshot.h"

namespace longscope::ui {

void drawTrace(const Snapshot &snapshot, DocumentLink &link, CommandQueue &commands);

} // namespace longscope::ui
