// Other copies of Haft in the process.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_OTHER_COPIES_H_
#define HAFT_INTERNAL_DIAGNOSTICS_OTHER_COPIES_H_

#include "haft/internal/base/abi.h"
#include "haft/internal/diagnostics/text_buffer.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Adds "; another copy of Haft is loaded from /lib/libhaft.so.0" for each
// loaded file, other than the one that this function is in, which exports
// haft_version. It cannot see copies that are linked from an archive, because
// these export nothing, nor those of another namespace of the dynamic linker
// (dlmopen).
//   Progress  takes the dynamic linker's lock
void AddOtherCopies(TextBuffer& text) noexcept;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_OTHER_COPIES_H_
