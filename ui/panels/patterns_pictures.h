// The two pictures beside the settings: the mask of the chosen rule, and the wavelengths of the
// positions against the context.
#pragma once

#include "ui/snapshot.h"
#include "ui/widgets/mask_picture.h"

#include <string>
#include <vector>

namespace longscope::ui {

/// Counted again only when the rule or the window changes.
class MaskPictures {
  public:
    void draw(const std::string &spec, uint64_t window_tokens);

  private:
    void count(const std::string &spec, uint64_t window_tokens);

    std::string spec_, note_;
    uint64_t window_tokens_ = 0, shown_tokens_ = 0;
    std::vector<MaskCells> kinds_;
};

/// By pair of dimensions: tokens of a full turn. Made again only when the scheme changes.
class WavelengthPlot {
  public:
    void draw(const Patterns &patterns, const std::string &rope, uint64_t window_tokens);

  private:
    void make(const Patterns &patterns, const std::string &rope, uint64_t window_tokens);
    void say(const Patterns &patterns) const;

    std::string spec_, note_;
    uint64_t window_tokens_ = 0, trained_tokens_ = 0;
    uint32_t dims_ = 0;
    std::vector<double> pairs_, model_, scheme_; ///< x; tokens a turn, of the file and chosen
    size_t short_pairs_ = 0;                     ///< that make less than one turn in training
    size_t unseen_pairs_ = 0;                    ///< that reach angles which training never showed
};

/// Window that pictures and curves are of: what is wanted, else what was trained.
uint64_t windowShown(const Snapshot &snapshot, const AttentionSettings &settings);

} // namespace longscope::ui
