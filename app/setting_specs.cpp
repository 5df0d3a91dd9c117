#include "app/setting_specs.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <iterator>
#include <sstream>

namespace longscope::app {
namespace {

/// "window:256@0-3 full@4-29" in its parts.
std::vector<std::string> partsOf(const std::string &setting) {
    std::istringstream words(setting);
    return {std::istream_iterator<std::string>(words), {}};
}

/// FILE of "blocks:FILE" or "blocks:FILE@LAYERS", and of the parts of "mixed:blocks:FILE#HEADS|…".
std::vector<std::string> maskFilesOf(std::string part) {
    constexpr std::string_view kStem = "blocks:", kMixed = "mixed:";
    size_t at = part.rfind('@'); // layers, unless the file's name goes on
    if (at != part.npos && part.find_first_not_of("0123456789,-", at + 1) == part.npos)
        part.resize(at);
    if (part.starts_with(kStem))
        return {part.substr(kStem.size())};
    std::vector<std::string> files;
    if (!part.starts_with(kMixed))
        return files;
    std::istringstream mixed(part.substr(kMixed.size()));
    for (std::string one; std::getline(mixed, one, '|');)
        if (one.starts_with(kStem))
            files.push_back(one.substr(kStem.size(), one.find('#') - kStem.size()));
    return files;
}

/// The mask that a setting names, if it does.
std::shared_ptr<const attention::BlockMask> readMask(const std::vector<std::string> &parts) {
    std::string path;
    for (const std::string &part : parts)
        for (const std::string &named : maskFilesOf(part)) {
            if (!path.empty() && path != named)
                fail(ErrorKind::usage, "--attention names two masks, {} and {}: one is possible",
                     path, named);
            path = named;
        }
    if (path.empty())
        return nullptr;
    return std::make_shared<const attention::BlockMask>(
        attention::parseBlockMask(readWholeFile(path)));
}

} // namespace

void applySpecs(engine::SessionOptions &session, const std::string &attention,
                const std::string &rope, const std::string &evict) {
    if (std::vector<std::string> parts = partsOf(attention); !parts.empty())
        session.patterns = attention::LayerPatterns(parts, readMask(parts));
    if (!rope.empty())
        session.rope = attention::parseRope(rope);
    if (!evict.empty())
        session.eviction = attention::parseEviction(evict);
}

} // namespace longscope::app
