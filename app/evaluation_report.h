// The table of `longscope evaluate`, as Markdown or as JSON.
#pragma once

#include "compute/reading/evaluate.h"

#include <string>
#include <vector>

namespace longscope::app {

class EvaluationReport {
  public:
    explicit EvaluationReport(unsigned runs) : runs_(runs) {}
    void setModel(std::string name) { model_ = std::move(name); }
    void addText(std::string path, size_t points) { texts_.push_back({std::move(path), points}); }
    /// One of each text, in their order.
    void addRow(std::string recipe, std::vector<reading::Measures> measures) {
        rows_.push_back({std::move(recipe), std::move(measures)});
    }
    void print(bool as_json) const;

  private:
    struct Text {
        std::string path;
        size_t points;
    };
    struct Row {
        std::string recipe;
        std::vector<reading::Measures> measures;
    };
    void printTable() const;
    void printKeyPoints() const;

    unsigned runs_;
    std::string model_;
    std::vector<Text> texts_;
    std::vector<Row> rows_;
};

} // namespace longscope::app
