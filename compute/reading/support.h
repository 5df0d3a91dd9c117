// Whether the words of a written sentence are in the document. Measures wording, not truth: say
// "words found in the document", never "verified".
#pragma once

#include "compute/document/document.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

struct Support {
    bool supported = false;    ///< a window of 3 sentences has enough words, all numbers and names
    double share = 0;          ///< of the content stems, in the best window
    size_t start = 0, end = 0; ///< bytes of the best source sentence
};

class SupportCheck {
  public:
    explicit SupportCheck(const document::Document &document);
    ~SupportCheck();
    Support check(std::string_view sentence) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::reading
