// Numbers and texts as few bytes: seven bits a byte, lowest first, the top bit set on all but the
// last; a text is its length and its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace longscope::document {

class Packer {
  public:
    void number(uint64_t value) {
        for (; value >= 0x80; value >>= 7)
            bytes_ += static_cast<char>(value | 0x80);
        bytes_ += static_cast<char>(value);
    }
    void text(std::string_view value) {
        number(value.size());
        bytes_ += value;
    }
    std::string take() { return std::move(bytes_); }

  private:
    std::string bytes_;
};

/// Every wrong byte makes `ok` false and all further numbers 0.
class Unpacker {
  public:
    explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}
    bool ok = true;

    uint64_t number() {
        uint64_t value = 0;
        for (unsigned shift = 0; ok; shift += 7) {
            if (shift > 63 || at_ >= bytes_.size()) {
                ok = false;
                break;
            }
            auto byte = static_cast<unsigned char>(bytes_[at_++]);
            value |= uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80)
                return value;
        }
        return 0;
    }
    /// A count of things of at least one byte.
    uint64_t count() {
        uint64_t value = number();
        ok = ok && value <= bytes_.size() - at_;
        return ok ? value : 0;
    }
    std::string text() {
        uint64_t size = count();
        at_ += size;
        return std::string(bytes_.substr(at_ - size, size));
    }
    bool atEnd() const { return at_ == bytes_.size(); }

  private:
    std::string_view bytes_;
    size_t at_ = 0;
};

} // namespace longscope::document
