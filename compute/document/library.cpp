// Opening, damage, values.
#include "compute/document/library_impl.h"
#include "compute/document/library_schema.h"

#include <chrono>
#include <ctime>
#include <filesystem>
#include <format>

namespace longscope::document {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostResults_bytes = 1'000'000'000;
/// Reading all of a large file takes seconds: so it is checked once a day, and a broken page in
/// between is an error when it is met.
constexpr uint64_t kSmall_bytes = 100'000'000, kADay_ms = 86'400'000;
constexpr std::string_view kCheckedKey = "library.checked_ms";

bool wasChecked(Database &database) try {
    Statement find(database, "SELECT CAST(text AS INTEGER) FROM small_texts WHERE name = ?");
    return (find << kCheckedKey).step() && nowMs() - find.number(0) < kADay_ms;
} catch (const SqlError &) { // damaged, perhaps: the check will tell
    return false;
}

/// Renames the file and its log; the new path.
std::string setAside(const std::string &path) {
    std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    char time[32];
    std::strftime(time, sizeof time, "%Y%m%d-%H%M%S", &local);
    std::string aside = std::format("{}.damaged-{}", path, time);
    for (unsigned i = 2; fs::exists(aside); ++i)
        aside = std::format("{}.damaged-{}-{}", path, time, i);
    for (const char *ending : {"", "-wal"}) {
        std::error_code code;
        fs::rename(path + ending, aside + ending, code);
        if (code && *ending == '\0')
            fail(ErrorKind::file, "the library {} is damaged and cannot be renamed: {}", path,
                 code.message());
    }
    fs::remove(path + "-shm");
    return aside;
}

/// 0 when there is none.
uint64_t sizeOf(const std::string &path) {
    std::error_code missing;
    auto size = fs::file_size(path, missing);
    return missing ? 0 : size;
}

void writeValue(Database &database, std::string_view name, std::string_view text) {
    WithoutWaiting relaxed(database);
    Statement write(database, "INSERT INTO small_texts(name, text) VALUES (?, ?) "
                              "ON CONFLICT(name) DO UPDATE SET text = excluded.text");
    (write << name << text).run();
}

} // namespace

uint64_t nowMs() {
    using namespace std::chrono;
    return static_cast<uint64_t>(
        duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

Library::Impl::Impl(const std::string &file) : path(file) {
    std::error_code code;
    if (fs::path folder = fs::path(path).parent_path(); !folder.empty())
        fs::create_directories(folder, code);
    if (code)
        fail(ErrorKind::file, "cannot make the folder of {}: {}", path, code.message());
    try {
        open();
    } catch (const SqlError &error) {
        database.reset();
        if (!error.isDamage())
            throw;
        warning = std::format("The library was damaged, so a new one was begun; the old one is "
                              "kept as {}",
                              setAside(path));
        open();
    }
}

// FULL: a commit is on the disk when it returns, also when the power goes.
void Library::Impl::open() {
    database = std::make_unique<Database>(path);
    checkVersion(*database);
    bool is_large = sizeOf(path) > kSmall_bytes;
    if (!is_large || !wasChecked(*database))
        checkWhole(*database);
    database->useWriteAheadLog();
    database->execute("PRAGMA synchronous = FULL");
    migrate(*database);
    checkShape(*database);
    if (is_large && !wasChecked(*database))
        writeValue(*database, kCheckedKey, std::to_string(nowMs()));
}

Library::Library(const std::string &path) : impl_(std::make_unique<Impl>(path)) {
    if (fileBytes() > kMostResults_bytes)
        try {
            forgetOldResults(kMostResults_bytes);
        } catch (const SqlError &) { // another program writes, or the disk is full: another time
        }
}
Library::~Library() = default;

const std::string &Library::path() const {
    return impl_->path;
}

const std::string &Library::warning() const {
    return impl_->warning;
}

uint64_t Library::fileBytes() const {
    return sizeOf(impl_->path) + sizeOf(impl_->path + "-wal");
}

// ---- values ------------------------------------------------------------------------------------

std::optional<std::string> Library::value(std::string_view name) const {
    std::scoped_lock lock(impl_->mutex);
    Statement find(*impl_->database, "SELECT text FROM small_texts WHERE name = ?");
    find << name;
    return find.step() ? std::optional(find.text(0)) : std::nullopt;
}

void Library::setValue(std::string_view name, std::string_view text) {
    std::scoped_lock lock(impl_->mutex);
    writeValue(*impl_->database, name, text);
}

} // namespace longscope::document
