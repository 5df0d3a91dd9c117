// A dialog that chooses a file to open or a name to save under: folders to walk through, a field for
// a typed path, keyboard reach. What there is in a folder is told by whoever knows files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace longscope::ui {

struct PathEntry {
    std::string name; ///< without the folder
    bool is_folder = false;
    uint64_t bytes = 0;
};
struct FolderListing {
    std::string folder; ///< absolute; where a typed one leads
    std::string parent; ///< "" at the top
    std::vector<PathEntry> entries;
    std::string problem; ///< why it cannot be read; "" = it can
};

class PathChooser {
  public:
    struct Request {
        std::string title;                   ///< "Open a document"
        bool for_saving = false;
        std::string suggested_name;          ///< for saving
        std::vector<std::string> endings;    ///< ".gguf"; empty = all files
        std::function<void(std::string path)> chosen;
    };
    explicit PathChooser(std::function<FolderListing(const std::string &folder)> list)
        : list_(std::move(list)) {}

    void open(Request request); ///< starts in the folder where it ended last
    void draw();                ///< every frame
    bool isOpen() const { return is_open_; }
    const std::string &folder() const { return listing_.folder; }

  private:
    void go(const std::string &folder);
    void drawEntries();
    void drawEntry(const PathEntry &entry);
    bool isShown(const PathEntry &entry) const;
    std::string pathOf(const std::string &name) const;
    void choose(const std::string &path);

    std::function<FolderListing(const std::string &)> list_;
    Request request_;
    FolderListing listing_;
    std::string typed_;    ///< name or path
    std::string replaces_; ///< saving over this file was not confirmed yet
    bool is_open_ = false, wants_open_ = false, all_files_ = false, show_hidden_ = false;
};

} // namespace longscope::ui
