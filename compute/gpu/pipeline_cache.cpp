// The driver's pipeline cache on disk. Drivers trust such files too much, so a checksum of our own
// stands before their bytes, and their head is compared with the device before they see it.
#include "compute/gpu/impl.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <unistd.h>

namespace longscope::gpu {

namespace {

namespace fs = std::filesystem;

constexpr std::array<char, 8> kMagic{'L', 'S', 'P', 'I', 'P', 'E', '0', '1'};
constexpr size_t kHeadBytes = kMagic.size() + 2 * sizeof(uint64_t); // magic, length, checksum
constexpr uintmax_t kLargestFile = 512ULL << 20;

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
uint64_t checksum(std::string_view bytes) {
    uint64_t sum = 0xcbf29ce484222325ULL;
    for (const char byte : bytes)
        sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    return sum;
}

std::string cachePath(const Abilities &abilities) {
    fs::path folder;
    const char *const xdg = std::getenv("XDG_CACHE_HOME");
    const char *const home = std::getenv("HOME");
    if (xdg && fs::path(xdg).is_absolute())
        folder = xdg;
    else if (home && *home)
        folder = fs::path(home) / ".cache";
    else
        return {};
    std::string name = "pipelines-";
    for (const uint8_t byte : abilities.cache_uuid)
        name += std::format("{:02x}", byte);
    return (folder / "longscope" / (name + ".bin")).string();
}

std::string readFile(const std::string &path) {
    std::error_code error;
    const uintmax_t bytes = fs::file_size(path, error);
    if (error || bytes > kLargestFile)
        return {};
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Whole or not at all: written beside its place and renamed, so that two programs may do it.
void writeFile(const std::string &path, const std::string &bytes) {
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    const std::string beside = std::format("{}.{}.tmp", path, getpid());
    std::ofstream out(beside, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (out)
        fs::rename(beside, path, error);
    if (!out || error)
        fs::remove(beside, error);
}

} // namespace

std::string sealCache(std::span<const std::byte> data) {
    const std::string_view bytes(reinterpret_cast<const char *>(data.data()), data.size());
    const std::array<uint64_t, 2> numbers{bytes.size(), checksum(bytes)};
    std::string file(kMagic.data(), kMagic.size());
    file.append(reinterpret_cast<const char *>(numbers.data()), sizeof numbers);
    return file.append(bytes);
}

std::optional<std::string> unsealCache(std::string_view file, const Abilities &abilities) {
    std::array<uint64_t, 2> numbers{};
    if (file.size() < kHeadBytes ||
        !file.starts_with(std::string_view(kMagic.data(), kMagic.size())))
        return std::nullopt;
    std::memcpy(numbers.data(), file.data() + kMagic.size(), sizeof numbers);
    const std::string_view bytes = file.substr(kHeadBytes);
    VkPipelineCacheHeaderVersionOne head{};
    if (bytes.size() != numbers[0] || checksum(bytes) != numbers[1] || bytes.size() < sizeof head)
        return std::nullopt;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.headerSize < sizeof head || head.headerSize > bytes.size() ||
        head.headerVersion != VK_PIPELINE_CACHE_HEADER_VERSION_ONE ||
        head.vendorID != abilities.vendor || head.deviceID != abilities.device ||
        std::memcmp(head.pipelineCacheUUID, abilities.cache_uuid.data(), VK_UUID_SIZE) != 0)
        return std::nullopt;
    return std::string(bytes);
}

void openPipelineCache(Device::Impl &device) {
    PipelineShelf &shelf = device.shelf;
    shelf.path = cachePath(device.abilities);
    const auto kept =
        shelf.path.empty() ? std::nullopt : unsealCache(readFile(shelf.path), device.abilities);
    auto create = chained<VkPipelineCacheCreateInfo>();
    if (kept) {
        create.initialDataSize = kept->size();
        create.pInitialData = kept->data();
        shelf.stored_bytes = kept->size();
    }
    VkPipelineCache cache = VK_NULL_HANDLE;
    VkResult result = vkCreatePipelineCache(device.device.get(), &create, nullptr, &cache);
    if (result != VK_SUCCESS && kept) {
        create.initialDataSize = 0;
        result = vkCreatePipelineCache(device.device.get(), &create, nullptr, &cache);
    }
    check(result, "vkCreatePipelineCache");
    shelf.cache = UniquePipelineCache(cache, {device.device.get()});
}

void storePipelineCache(Device::Impl &device) noexcept try {
    PipelineShelf &shelf = device.shelf;
    const std::lock_guard lock(shelf.mutex);
    if (shelf.path.empty() || !shelf.cache)
        return;
    size_t bytes = 0;
    const VkDevice owner = device.device.get();
    if (vkGetPipelineCacheData(owner, shelf.cache.get(), &bytes, nullptr) != VK_SUCCESS)
        return;
    // Some drivers keep the head alone (llvmpipe has a disk cache of its own).
    if (bytes == shelf.stored_bytes || bytes <= sizeof(VkPipelineCacheHeaderVersionOne))
        return;
    std::vector<std::byte> data(bytes);
    if (vkGetPipelineCacheData(owner, shelf.cache.get(), &bytes, data.data()) != VK_SUCCESS)
        return;
    data.resize(bytes);
    writeFile(shelf.path, sealCache(data));
    shelf.stored_bytes = bytes;
} catch (const std::exception &) { // a lost saving of time, no more
}

} // namespace longscope::gpu
