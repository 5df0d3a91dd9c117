// The nearest of many vectors by cosine: every one compared (exact, the default below 20 000), or a
// graph of neighbours (HNSW, Malkov & Yashunin 2016, through hnswlib: M 16, ef_construction 200).
#pragma once

#include "compute/document/text_index.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

class VectorIndex {
  public:
    enum class Way { exact, graph };
    static constexpr size_t kExactBelow = 20'000; ///< vectors
    static constexpr size_t kWidth = 64;          ///< candidates a search in the graph keeps

    /// `rows` [count, dim], of any length (they are normalized here; zeros stay and are like
    /// nothing). Without `way`: by their number.
    VectorIndex(std::span<const float> rows, size_t dim, std::optional<Way> way = {});
    ~VectorIndex();
    VectorIndex(VectorIndex &&) noexcept;

    /// At most `most`, best first, equals in order; score: cosine. `width` (ef) is raised to
    /// `most`.
    std::vector<Scored> search(std::span<const float> query, size_t most,
                               size_t width = kWidth) const;
    size_t size() const;
    size_t dim() const;
    Way way() const;

    /// With the graph, for a ResultStore. Nothing when the bytes are not of this form, damaged or
    /// cut: build it again.
    std::string save() const;
    static std::optional<VectorIndex> load(std::string_view bytes);

  private:
    struct Impl;
    explicit VectorIndex(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Scales to length 1; zeros stay.
void normalize(std::span<float> vector);
double dot(std::span<const float> a, std::span<const float> b);

} // namespace longscope::document
