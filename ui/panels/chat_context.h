// What the next prompt needs of the window, and how far the running task is.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <string>

namespace longscope::ui {

/// "" when the next prompt can be made to fit (or the window is not known yet), else a sentence
/// with both numbers. Old turns can be sent in short, and a document need not be read whole.
std::string misfitText(const ContextUse &use, AskWay way = AskWay::whole);

/// What is done so that it fits; "" when all of it fits as it is.
std::string fittingText(const ContextUse &use, AskWay way);

/// Bar, legend, and the sentence when it does not fit; without a model one line that says so.
void drawContextBar(const Snapshot &snapshot);

/// Title, figures and a thin bar while something runs; else nothing.
void drawProgress(const Snapshot &snapshot, CommandQueue &commands);

} // namespace longscope::ui
