// The contexts that draw: Dear ImGui, ImPlot and the Markdown view, set up the same way for the
// window and without one. Construct Contexts first, then the backends, then Markdown.
#pragma once

#include "app/window/fonts.h"

namespace longscope::window {

/// Dear ImGui with docking and keyboard navigation, ImPlot, fonts, the dark theme. Layout is not
/// written to any file: who draws keeps it as a string.
class Contexts {
  public:
    Contexts();
    ~Contexts();
    Contexts(const Contexts &) = delete;
    Contexts &operator=(const Contexts &) = delete;
};

/// The Markdown view with our fonts. What a model writes must not open files or addresses, so links
/// and images do nothing.
class Markdown {
  public:
    explicit Markdown(const FontFiles &files);
    ~Markdown();
    Markdown(const Markdown &) = delete;
    Markdown &operator=(const Markdown &) = delete;
};

} // namespace longscope::window
