// A fixed number of objects in reserved address space.

#ifndef HAFT_INTERNAL_BASE_RESERVED_ARRAY_H_
#define HAFT_INTERNAL_BASE_RESERVED_ARRAY_H_

#include <cstddef>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// `size` objects of type T, all bytes 0 at first. Their addresses do not change
// and stay mapped until destruction. The system commits memory page by page
// when it is first written, so a page that is never used costs nothing.
template <typename T>
class ReservedArray {
 public:
  // If the array could not be reserved, ok() is false and it must not be
  // indexed. An array of size 0 is ok.
  explicit ReservedArray(std::size_t size) noexcept
      : data_(size == 0 ? nullptr : sync::Reserve<T>(size)), size_(size) {
    // Here, and not in the class, because T may be incomplete there.
    static_assert(alignof(T) <= 4096,
                  "memory is aligned to a page, which has 4096 bytes at least");
  }
  ~ReservedArray() {
    if (data_ != nullptr && !leaked_) sync::Unreserve(data_, size_);
  }
  ReservedArray(const ReservedArray&) = delete;
  ReservedArray& operator=(const ReservedArray&) = delete;

  // Gives memory to the pages of the elements from `first` on, of `count` or of
  // as many as there are. Their contents stay.
  //   Returns   false if the system lacks memory
  bool Populate(std::size_t first, std::size_t count) noexcept {
    if (first >= size_) return true;
    if (count > size_ - first) count = size_ - first;
    const std::size_t page = sync::PageSize();
    const std::size_t begin = first * sizeof(T) / page * page;
    return sync::PopulateOrTouchPages(reinterpret_cast<char*>(data_) + begin,
                                      (first + count) * sizeof(T) - begin);
  }

  // Keeps the memory mapped permanently, also after destruction.
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
