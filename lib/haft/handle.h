// The handle: an opaque word that foreign code may keep, copy, forge or use
// after its object is gone.

#ifndef HAFT_HANDLE_H_
#define HAFT_HANDLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>  // declares std::hash; <functional> is much larger

#include "haft/internal/base/abi.h"

namespace haft {
inline namespace HAFT_ABI {

// The machine word of a handle, and the unit in which slots are written.
using Word = std::uintptr_t;

// A strong type over `uintptr_t`. A handle does not name its table, and only
// the table that issued it knows whether it is live. The null handle (word 0)
// is never live in any table. Every handle that a table issues is odd, so it is
// never the address of an aligned object, and C code can carry it as a
// `void *user_data`.
class Handle {
 public:
  constexpr Handle() noexcept = default;
  constexpr explicit Handle(Word word) noexcept : word_(word) {}

  constexpr explicit operator Word() const noexcept { return word_; }
  constexpr explicit operator bool() const noexcept { return word_ != 0; }

  // Convert the handle to the `void *` that C callbacks carry, and back. The
  // pointer must never be dereferenced. Do the conversion in C or C++, never in
  // a garbage-collected language, because its collector may inspect the
  // pointer.
  static Handle FromPointer(const void* pointer) noexcept {
    return Handle(reinterpret_cast<Word>(pointer));
  }
  void* ToPointer() const noexcept { return reinterpret_cast<void*>(word_); }

  friend constexpr bool operator==(Handle a, Handle b) noexcept {
    return a.word_ == b.word_;
  }
  friend constexpr bool operator!=(Handle a, Handle b) noexcept {
    return a.word_ != b.word_;
  }
  friend constexpr bool operator<(Handle a, Handle b) noexcept {
    return a.word_ < b.word_;
  }

 private:
  Word word_ = 0;
};

static_assert(sizeof(Handle) == sizeof(std::uintptr_t));

// The null handle, which is never live in any table.
inline constexpr Handle kNullHandle{};

}  // namespace HAFT_ABI
}  // namespace haft

template <>
struct std::hash<haft::Handle> {
  std::size_t operator()(haft::Handle handle) const noexcept {
    return std::hash<haft::Word>()(static_cast<haft::Word>(handle));
  }
};

#endif  // HAFT_HANDLE_H_
