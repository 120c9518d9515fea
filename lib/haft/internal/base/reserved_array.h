// A fixed number of objects in reserved address space.

#ifndef HAFT_INTERNAL_BASE_RESERVED_ARRAY_H_
#define HAFT_INTERNAL_BASE_RESERVED_ARRAY_H_

#include <cstddef>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// `size` zero bytes' worth of T at addresses that stay the same and stay mapped
// until destruction. Memory is committed page by page as it is first written,
// so a slot never used costs nothing.
template <typename T>
class ReservedArray {
 public:
  // An array that could not be reserved has ok() == false and must not be
  // indexed. One of size 0 is ok.
  explicit ReservedArray(std::size_t size) noexcept
      : data_(size == 0 ? nullptr : sync::Reserve<T>(size)), size_(size) {}
  ~ReservedArray() {
    if (data_ != nullptr && !leaked_) sync::Unreserve(data_, size_);
  }
  ReservedArray(const ReservedArray&) = delete;
  ReservedArray& operator=(const ReservedArray&) = delete;

  // Leaves the memory mapped for ever.
  void Leak() noexcept { leaked_ = true; }
  bool leaked() const noexcept { return leaked_; }

  bool ok() const noexcept { return data_ != nullptr || size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }

 private:
  T* const data_;
  const std::size_t size_;
  bool leaked_ = false;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_RESERVED_ARRAY_H_
