// A folder of its own for each test of the library.
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <format>
#include <string>
#include <string_view>

namespace longscope::document {

class LibraryFolder : public ::testing::Test {
  protected:
    LibraryFolder()
        : folder_(std::filesystem::temp_directory_path() /
                  std::format("longscope-library-{}-{}", getpid(),
                              ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
        std::filesystem::remove_all(folder_);
    }
    ~LibraryFolder() override { std::filesystem::remove_all(folder_); }
    std::string path() const { return (folder_ / "deeper/library.sqlite").string(); }

    std::filesystem::path folder_;
};

/// Files in the folder of `path` with this in their name.
inline size_t filesBeside(const std::string &path, std::string_view part) {
    size_t count = 0;
    for (const auto &entry :
         std::filesystem::directory_iterator(std::filesystem::path(path).parent_path()))
        count += entry.path().filename().string().find(part) != std::string::npos;
    return count;
}

} // namespace longscope::document
