// A place in the source code or in the machine code.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_SOURCE_LOCATION_H_
#define HAFT_INTERNAL_DIAGNOSTICS_SOURCE_LOCATION_H_

#include <dlfcn.h>

#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A line of a file or, if `file` is null, the code at an address. It has two
// words so that it is passed in registers.
struct SourceLocation {
  const char* file;
  Word number;  // the line, or the address
};

// Returns the location of a call that returns to `address`. It is an address
// inside the call instruction.
inline SourceLocation LocationOfReturn(const void* address) noexcept {
  return {nullptr, reinterpret_cast<Word>(address) - 1};
}
// The inverse of LocationOfReturn.
//   Returns   nullptr for a line of a file
inline const void* ReturnAddressOf(SourceLocation location) noexcept {
  return location.file == nullptr
             ? reinterpret_cast<const void*>(location.number + 1)
             : nullptr;
}

// Writes a location as snprintf does. An address is written as the symbol
// before it, if the dynamic linker knows one, and as an offset into its file.
// Allocates nothing; takes the dynamic linker's lock.
inline int FormatLocation(char* buffer, std::size_t size,
                          SourceLocation location) noexcept {
  if (location.file != nullptr) {
    return std::snprintf(buffer, size, "%s:%" PRIuPTR, location.file,
                         location.number);
  }
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(location.number), &info) == 0)
    return std::snprintf(buffer, size, "0x%" PRIxPTR, location.number);
  const char* const slash = std::strrchr(info.dli_fname, '/');
  const char* const name = slash == nullptr ? info.dli_fname : slash + 1;
  const auto offset = [&](const void* base) {
    return location.number - reinterpret_cast<Word>(base);
  };
  if (info.dli_sname == nullptr) {
    return std::snprintf(buffer, size, "%s+0x%" PRIxPTR, name,
                         offset(info.dli_fbase));
  }
  return std::snprintf(buffer, size, "%s+0x%" PRIxPTR " (%s+0x%" PRIxPTR ")",
                       info.dli_sname, offset(info.dli_saddr), name,
                       offset(info.dli_fbase));
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_SOURCE_LOCATION_H_
