// A handle with an owner: move-only, destroyed exactly once.
#pragma once

#include <utility>

namespace longscope::gpu {

/// `Destroy` is a callable type, default-constructible or given; an empty handle is `Handle{}`.
template <class Handle, class Destroy> class Unique {
  public:
    Unique() = default;
    explicit Unique(Handle handle, Destroy destroy = {})
        : handle_(handle), destroy_(std::move(destroy)) {}
    Unique(Unique &&other) noexcept
        : handle_(std::exchange(other.handle_, Handle{})), destroy_(std::move(other.destroy_)) {}
    Unique &operator=(Unique &&other) noexcept {
        std::swap(handle_, other.handle_);
        std::swap(destroy_, other.destroy_);
        return *this;
    }
    ~Unique() {
        if (handle_ != Handle{})
            destroy_(handle_);
    }
    Handle get() const { return handle_; }
    explicit operator bool() const { return handle_ != Handle{}; }

  private:
    Handle handle_{};
    Destroy destroy_{};
};

} // namespace longscope::gpu
