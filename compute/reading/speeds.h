// How fast a model reads and writes on this device, by depth, as calls have shown it. Kept, so that
// the next run is forecast from measurements, and corrected by each call.
#pragma once

#include "compute/document/result_store.h"
#include "compute/reading/text_model.h"

#include <array>
#include <cstdint>
#include <string>

namespace longscope::reading {

class Speeds {
  public:
    bool known() const;
    /// Takes a reply into account; `seconds` of the whole call, as the clock says.
    void observe(const TextReply &reply, double seconds);

    /// Of a call that reads `tokens` of a prompt beyond `depth` tokens that are kept, and writes.
    double seconds(uint64_t depth, uint64_t read_tokens, uint64_t written_tokens) const;

    std::string toText() const;
    /// What was measured in an earlier run counts for little beside a new measurement. Nothing is
    /// known from a text that is not of toText.
    static Speeds fromText(const std::string &text);

  private:
    /// Calls with about the same mean depth: 2^i tokens and up.
    struct Bucket {
        double tokens = 0, seconds = 0;
    };
    static constexpr size_t kBuckets = 24;
    using Buckets = std::array<Bucket, kBuckets>;
    static void add(Buckets &buckets, double depth, double tokens, double seconds);
    static double perToken(const Buckets &buckets, double depth);

    Buckets read_{}, write_{};
    double calls_ = 0, call_seconds_ = 0; ///< beside reading and writing
};

/// What is kept of this model on its device; measured by a call of about 150 tokens when nothing
/// is. Replies that are written `together` have speeds of their own.
Speeds speedsOf(TextModel &model, const document::ResultStore &store, std::stop_token stop,
                bool together = false);
void keepSpeeds(const TextModel &model, document::ResultStore &store, const Speeds &speeds,
                bool together = false);

} // namespace longscope::reading
