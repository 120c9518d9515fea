// An array that grows without exceptions.

#ifndef HAFT_INTERNAL_BASE_GROWING_ARRAY_H_
#define HAFT_INTERNAL_BASE_GROWING_ARRAY_H_

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

template <typename T>
class GrowingArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  GrowingArray() noexcept = default;
  ~GrowingArray() { std::free(data_); }
  GrowingArray(const GrowingArray&) = delete;
  GrowingArray& operator=(const GrowingArray&) = delete;

  // Makes room, so that the next Append succeeds.
  //   Returns   false, and changes nothing, if there is no memory
  bool ReserveOne() noexcept {
    if (size_ < capacity_) return true;
    const std::size_t capacity = capacity_ == 0 ? 16 : 2 * capacity_;
    void* const data = std::realloc(data_, capacity * sizeof(T));
    if (data == nullptr) return false;
    data_ = static_cast<T*>(data);
    capacity_ = capacity;
    return true;
  }
  // Returns false, and changes nothing, if there is no memory.
  bool Append(const T& value) noexcept {
    if (!ReserveOne()) return false;
    data_[size_++] = value;
    return true;
  }
  T TakeLast() noexcept { return data_[--size_]; }
  void Erase(T* place) noexcept {
    std::memmove(place, place + 1,
                 static_cast<std::size_t>(end() - (place + 1)) * sizeof(T));
    --size_;
  }

  bool empty() const noexcept { return size_ == 0; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_GROWING_ARRAY_H_
