// A folder as one document: which files of it count, in which order, and their outlines joined.
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/formats.h"
#include "compute/document/gitignore.h"

#include <algorithm>
#include <filesystem>
#include <format>
#include <vector>

namespace longscope::document {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 20'000;
constexpr uint64_t kMostBytes = 512'000'000; // of files that are read
constexpr uint64_t kLargestFile = 100'000'000;
constexpr size_t kMostEntries = 1'000'000; // looked at, ignored ones too
constexpr size_t kDeepestFolder = 64;
constexpr size_t kMostWarnings = 20; // of single files; more are counted
constexpr size_t kNamesInWarning = 3;

struct File {
    std::string path; ///< relative, '/' between its parts
    uint64_t bytes = 0;
};

/// Names of files and why they were left out, or a count of them.
struct LeftOut {
    const char *one, *many; ///< "binary file"
    size_t count = 0;
    std::string names = {};

    void add(std::string_view name) {
        if (count++ < kNamesInWarning)
            names += std::format("{}{}", names.empty() ? "" : ", ", repairUtf8(name));
    }
    void tell(std::vector<std::string> &warnings) const {
        if (count > 0)
            warnings.push_back(std::format("{} {} left out: {}{}", count, count == 1 ? one : many,
                                           names, count > kNamesInWarning ? ", ..." : ""));
    }
};

class FolderReader {
  public:
    explicit FolderReader(const std::string &path) : path_(path) {}
    Document read();

  private:
    struct Folder {
        std::string relative; ///< with '/' at its end; "" = the top
        size_t depth = 0;
        size_t ignore_files = 0; ///< of those above it
    };

    std::vector<File> list();
    void listFolder(const Folder &folder, std::vector<Folder> &folders, std::vector<File> &files);
    void takeEntry(const fs::directory_entry &entry, const Folder &folder,
                   std::vector<Folder> &folders, std::vector<File> &files);
    void addFile(const File &file);
    void append(Document &part, const std::string &name);

    std::string path_;
    Document document_;
    std::vector<IgnoreFile> ignore_files_; ///< on the way to the folder that is listed
    size_t entries_ = 0, more_warnings_ = 0;
    uint64_t bytes_ = 0;
    std::vector<std::string> warnings_; ///< of single files
    LeftOut unreadable_{"file that cannot be read as text was",
                        "files that cannot be read as text were"};
    LeftOut empty_{"empty file was", "empty files were"};
    LeftOut large_{"file of more than 100 MB was", "files of more than 100 MB were"};
    LeftOut links_{"link was", "links were"};
    LeftOut closed_{"folder that cannot be opened was", "folders that cannot be opened were"};
    LeftOut deep_{"folder more than 64 deep was", "folders more than 64 deep were"};
};

void FolderReader::takeEntry(const fs::directory_entry &entry, const Folder &folder,
                             std::vector<Folder> &folders, std::vector<File> &files) {
    std::error_code code;
    std::string name = entry.path().filename().string(), relative = folder.relative + name;
    if (++entries_ > kMostEntries)
        fail(ErrorKind::file, "{} holds more than {} files and folders", path_, kMostEntries);
    if (name == ".git")
        return;
    fs::file_status status = entry.symlink_status(code);
    if (fs::is_symlink(status)) {
        // What a link names inside the folder is read where it is; nothing outside is.
        if (!isIgnored(ignore_files_, relative, false))
            links_.add(relative);
    } else if (fs::is_directory(status)) {
        if (isIgnored(ignore_files_, relative, true))
            return;
        if (folder.depth + 1 > kDeepestFolder)
            deep_.add(relative);
        else
            folders.push_back({relative + '/', folder.depth + 1, ignore_files_.size()});
    } else if (fs::is_regular_file(status) && !isIgnored(ignore_files_, relative, false)) {
        uint64_t bytes = entry.file_size(code);
        if (code)
            unreadable_.add(relative);
        else if (bytes == 0)
            empty_.add(relative);
        else if (bytes > kLargestFile)
            large_.add(relative);
        else
            files.push_back({relative, bytes});
    }
}

void FolderReader::listFolder(const Folder &folder, std::vector<Folder> &folders,
                              std::vector<File> &files) {
    ignore_files_.erase(ignore_files_.begin() + static_cast<ptrdiff_t>(folder.ignore_files),
                        ignore_files_.end());
    fs::path here = fs::path(path_) / folder.relative;
    std::error_code code;
    fs::path ignore = here / ".gitignore";
    constexpr uint64_t kLargestIgnoreFile = 1'000'000;
    if (fs::is_regular_file(fs::symlink_status(ignore, code)) &&
        fs::file_size(ignore, code) <= kLargestIgnoreFile) {
        try {
            ignore_files_.emplace_back(readWholeFile(ignore.string()), folder.relative);
        } catch (const Error &) {
            unreadable_.add(folder.relative + ".gitignore");
        }
    }
    fs::directory_iterator entry(here, code), end;
    if (code)
        return closed_.add(folder.relative.empty() ? path_ : folder.relative);
    for (; !code && entry != end; entry.increment(code))
        takeEntry(*entry, folder, folders, files);
}

/// In the order of their paths; a folder's files stand together.
std::vector<File> FolderReader::list() {
    std::vector<File> files;
    std::vector<Folder> folders = {{}};
    while (!folders.empty()) {
        Folder folder = std::move(folders.back());
        folders.pop_back();
        listFolder(folder, folders, files);
        if (files.size() > kMostFiles)
            fail(ErrorKind::file, "{} holds more than {} files; choose a folder inside of it",
                 path_, kMostFiles);
    }
    std::ranges::sort(files, {}, &File::path);
    for (const File &file : files)
        bytes_ += file.bytes;
    if (bytes_ > kMostBytes)
        fail(ErrorKind::file, "the {} files of {} are {}, at most {} can be read at once",
             files.size(), path_, formatBytes(bytes_), formatBytes(kMostBytes));
    return files;
}

void FolderReader::append(Document &part, const std::string &name) {
    Document &all = document_;
    if (!all.text.empty())
        all.text += "\n\n";
    size_t start = all.text.size();
    all.text += name;
    addHeading(all, start, all.text.size(), 1);
    if (part.pages.empty() && !all.pages.empty()) // the pages before end here
        all.pages.push_back({start, ""});
    all.text += "\n\n";
    size_t offset = all.text.size(), headings = all.headings.size();
    all.text += part.text;
    for (Heading &heading : part.headings)
        all.headings.push_back(
            {std::move(heading.title), heading.level + 1, heading.start + offset});
    for (Paragraph paragraph : part.paragraphs) {
        paragraph.start += offset;
        paragraph.end += offset;
        paragraph.heading += headings;
        all.paragraphs.push_back(paragraph);
    }
    for (Page &page : part.pages)
        all.pages.push_back({page.start + offset, std::move(page.label)});
    for (const std::string &warning : part.warnings) {
        if (warnings_.size() < kMostWarnings)
            warnings_.push_back(std::format("{}: {}", name, warning));
        else
            ++more_warnings_;
    }
}

void FolderReader::addFile(const File &file) {
    std::string path = (fs::path(path_) / file.path).string();
    try {
        Document part = importBytes(readWholeFile(path), path);
        std::string name = repairUtf8(file.path);
        std::erase_if(name,
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
        append(part, trimmed(name).empty() ? "?" : name);
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::file)
            throw;
        unreadable_.add(file.path);
    }
}

Document FolderReader::read() {
    std::vector<File> files = list();
    for (const File &file : files)
        addFile(file);
    document_.path = path_;
    document_.format = "folder";
    fs::path name = fs::path(path_).lexically_normal();
    document_.title =
        repairUtf8((name.has_filename() ? name : name.parent_path()).filename().string());
    if (document_.title.empty() || document_.title == "." || document_.title == "..")
        document_.title = repairUtf8(fs::weakly_canonical(path_).filename().string());
    for (const LeftOut *left : {&unreadable_, &empty_, &large_, &links_, &closed_, &deep_})
        left->tell(document_.warnings);
    if (document_.headings.empty())
        fail(ErrorKind::file, "{} holds no file that can be read, of {} looked at", path_,
             entries_);
    document_.warnings.insert(document_.warnings.end(), warnings_.begin(), warnings_.end());
    if (more_warnings_ > 0)
        document_.warnings.push_back(
            std::format("{} more warnings of single files", more_warnings_));
    return std::move(document_);
}

} // namespace

Document readFolder(const std::string &path) {
    return FolderReader(path).read();
}

} // namespace longscope::document
