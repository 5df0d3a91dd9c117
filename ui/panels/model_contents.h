// What a loaded model is made of: facts, types of its tensors, tensors, metadata, chat template.
#pragma once

#include "ui/snapshot.h"

#include <memory>
#include <string>
#include <vector>

namespace longscope::ui {

/// Tensors of a type together.
struct TypeSum {
    std::string type;
    uint64_t tensors = 0, bytes = 0;
};
/// Most bytes first.
std::vector<TypeSum> sumTypes(const std::vector<TensorRow> &tensors);

void drawFacts(const char *id, const std::vector<Fact> &facts);

class ModelContents {
  public:
    void draw(const std::shared_ptr<const Model> &model);

  private:
    void drawTypes();
    void drawTensors();
    void drawMetadata();
    void drawTemplate();
    void filter();

    std::shared_ptr<const Model> model_; ///< that the lists below are of
    std::vector<TypeSum> types_;
    std::string wanted_, metadata_wanted_;
    std::vector<size_t> shown_; ///< rows that match `wanted_`
};

} // namespace longscope::ui
