// "Where did that come from": places of the document that the attention of some words went to.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

namespace longscope::ui {

/// The document that the answer's places are in: the message's own, or the one that was read.
uint64_t documentOf(const Snapshot &snapshot, const Message &message);

/// A small box with the strongest places and what they can and cannot say. False when it was
/// closed.
bool drawTrace(const Snapshot &snapshot, const Message &message, const Trace &trace,
               CommandQueue &commands);

/// A link to a place of a document; plain text when the document is not open. True when clicked.
bool placeLink(const char *id, const std::string &place, bool is_open);

} // namespace longscope::ui
