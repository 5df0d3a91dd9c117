#include "compute/document/vector_index.h"

#include "compute/core/error.h"

#include <hnswlib/hnswlib.h>

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <format>
#include <fstream>

namespace longscope::document {
namespace {

namespace fs = std::filesystem;
using Graph = hnswlib::HierarchicalNSW<float>;

constexpr size_t kLinks = 16;             // M
constexpr size_t kBuildWidth = 200;       // ef_construction
constexpr uint64_t kMagic = 0x315645434C; // "LCEV1", the version in its name
constexpr uint64_t kMostNumbers = uint64_t{1} << 34;

uint64_t hashOf(std::string_view bytes) { // FNV-1a
    uint64_t hash = 0xCBF29CE484222325;
    for (char c : bytes)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    return hash;
}

/// What stands before the numbers and the graph in saved bytes.
struct Head {
    uint64_t magic = kMagic, dim = 0, count = 0, graph_bytes = 0, hash = 0;
};

/// hnswlib reads and writes files only.
class TemporaryFile {
  public:
    TemporaryFile() {
        std::string name = (fs::temp_directory_path() / "longscope-graph-XXXXXX").string();
        int file = mkstemp(name.data());
        if (file < 0)
            fail(ErrorKind::file, "cannot make a temporary file {}: {}", name,
                 std::strerror(errno));
        close(file);
        path_ = name;
    }
    ~TemporaryFile() {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
    TemporaryFile(const TemporaryFile &) = delete;
    TemporaryFile &operator=(const TemporaryFile &) = delete;
    const std::string &path() const { return path_; }

    std::string read() const {
        std::ifstream in(path_, std::ios::binary);
        std::string bytes{std::istreambuf_iterator<char>(in), {}};
        if (!in.good() && !in.eof())
            fail(ErrorKind::file, "cannot read {}", path_);
        return bytes;
    }
    void write(std::string_view bytes) const {
        std::ofstream out(path_, std::ios::binary);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        out.close();
        if (!out)
            fail(ErrorKind::file, "cannot write {} bytes to {}", bytes.size(), path_);
    }

  private:
    std::string path_;
};

void sortAndCut(std::vector<Scored> &scored, size_t most) {
    auto better = [](const Scored &a, const Scored &b) {
        return a.score != b.score ? a.score > b.score : a.index < b.index;
    };
    auto middle = scored.begin() + static_cast<std::ptrdiff_t>(std::min(most, scored.size()));
    std::partial_sort(scored.begin(), middle, scored.end(), better);
    scored.erase(middle, scored.end());
}

} // namespace

void normalize(std::span<float> vector) {
    double length = std::sqrt(dot(vector, vector));
    if (length > 0 && std::isfinite(length))
        for (float &value : vector)
            value = static_cast<float>(value / length);
    else
        std::ranges::fill(vector, 0.0f);
}

double dot(std::span<const float> a, std::span<const float> b) {
    assert(a.size() == b.size());
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i)
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

struct VectorIndex::Impl {
    Impl(size_t columns, size_t vectors) : dim(columns), count(vectors), space(columns) {}

    std::span<const float> row(size_t i) const { return {rows.data() + i * dim, dim}; }

    void build() {
        graph = std::make_unique<Graph>(&space, count, kLinks, kBuildWidth);
        for (size_t i = 0; i < count; ++i)
            graph->addPoint(row(i).data(), i);
    }

    size_t dim, count;
    std::vector<float> rows; ///< [count, dim], of length 1
    hnswlib::InnerProductSpace space;
    std::unique_ptr<Graph> graph; ///< null: exact
};

VectorIndex::VectorIndex(std::span<const float> rows, size_t dim, std::optional<Way> way)
    : impl_(std::make_unique<Impl>(dim, dim ? rows.size() / dim : 0)) {
    assert(dim > 0 && rows.size() % dim == 0);
    impl_->rows.assign(rows.begin(), rows.end());
    for (size_t i = 0; i < impl_->count; ++i)
        normalize(std::span(impl_->rows).subspan(i * dim, dim));
    Way chosen = way.value_or(impl_->count < kExactBelow ? Way::exact : Way::graph);
    if (chosen == Way::graph && impl_->count > 0)
        impl_->build();
}

VectorIndex::VectorIndex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VectorIndex::~VectorIndex() = default;
VectorIndex::VectorIndex(VectorIndex &&) noexcept = default;

size_t VectorIndex::size() const {
    return impl_->count;
}
size_t VectorIndex::dim() const {
    return impl_->dim;
}
VectorIndex::Way VectorIndex::way() const {
    return impl_->graph ? Way::graph : Way::exact;
}

std::vector<Scored> VectorIndex::search(std::span<const float> query, size_t most,
                                        size_t width) const {
    assert(query.size() == impl_->dim);
    std::vector<float> unit(query.begin(), query.end());
    normalize(unit);
    std::vector<Scored> found;
    if (most == 0 || impl_->count == 0)
        return found;
    if (!impl_->graph) {
        for (size_t i = 0; i < impl_->count; ++i)
            found.push_back({i, dot(unit, impl_->row(i))});
    } else {
        impl_->graph->setEf(std::max(width, most));
        auto nearest = impl_->graph->searchKnn(unit.data(), std::min(most, impl_->count));
        for (; !nearest.empty(); nearest.pop())
            found.push_back({nearest.top().second, dot(unit, impl_->row(nearest.top().second))});
    }
    sortAndCut(found, most);
    return found;
}

std::string VectorIndex::save() const {
    std::string_view numbers(reinterpret_cast<const char *>(impl_->rows.data()),
                             impl_->rows.size() * sizeof(float));
    std::string body(numbers);
    Head head{.dim = impl_->dim, .count = impl_->count};
    if (impl_->graph) {
        TemporaryFile file;
        impl_->graph->saveIndex(file.path());
        std::string graph = file.read();
        head.graph_bytes = graph.size();
        body += graph;
    }
    head.hash = hashOf(body);
    return std::string(reinterpret_cast<const char *>(&head), sizeof head) + body;
}

std::optional<VectorIndex> VectorIndex::load(std::string_view bytes) {
    Head head;
    if (bytes.size() < sizeof head)
        return std::nullopt;
    std::memcpy(&head, bytes.data(), sizeof head);
    std::string_view body = bytes.substr(sizeof head);
    if (head.magic != kMagic || head.dim == 0 || head.dim > kMostNumbers ||
        head.count > kMostNumbers / head.dim)
        return std::nullopt;
    uint64_t number_bytes = head.count * head.dim * sizeof(float);
    if (head.graph_bytes > body.size() || body.size() - head.graph_bytes != number_bytes ||
        hashOf(body) != head.hash)
        return std::nullopt;
    auto impl = std::make_unique<Impl>(head.dim, head.count);
    impl->rows.resize(head.count * head.dim);
    std::memcpy(impl->rows.data(), body.data(), number_bytes);
    if (head.graph_bytes > 0) {
        TemporaryFile file;
        file.write(body.substr(number_bytes));
        try {
            impl->graph = std::make_unique<Graph>(&impl->space, file.path());
        } catch (const std::runtime_error &) { // of another version of the library
            return std::nullopt;
        }
        if (impl->graph->cur_element_count != head.count)
            return std::nullopt;
    }
    return VectorIndex(std::move(impl));
}

} // namespace longscope::document
