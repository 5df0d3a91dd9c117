// Finds stop strings in a text that arrives in pieces, and holds back what may yet become one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace longscope::engine {

class StopStrings {
  public:
    explicit StopStrings(std::vector<std::string> strings);
    /// What is safe to show now. Once a stop string is complete, everything before it was handed
    /// out and `found` is true; nothing more comes.
    std::string push(std::string_view piece);
    /// The rest, when the text ends without a stop string.
    std::string finish();
    bool found() const { return found_; }

  private:
    std::vector<std::string> strings_;
    std::string held_;
    bool found_ = false;
};

} // namespace longscope::engine
