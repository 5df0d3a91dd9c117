// Makes pages of strangers safe and quick to parse: gumbo takes quadratic time, and a stack frame
// an element when it frees the tree, if tags are nested without end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace longscope::document {

/// The same page with every tag closed in order and at most `most_depth` open at once; tags beyond
/// that are left out, their text is not. `<a/>` of XHTML, which HTML takes for an open tag, becomes
/// `<a></a>`. Scripts, styles, comments, declarations and the page's <title> go.
std::string balanceTags(std::string_view html, size_t most_depth = 200);

} // namespace longscope::document
