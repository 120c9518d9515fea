// Descriptions of handles: what they are, and their recorded history.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_DESCRIBE_H_
#define HAFT_INTERNAL_DIAGNOSTICS_DESCRIBE_H_

#include <cstddef>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/diagnostics/text_buffer.h"
#include "haft/internal/process/any_table.h"
#include "haft/internal/process/process_table.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Describes a handle, as haft_table_describe does.
std::size_t Describe(CTable& table, Handle handle, char* buffer,
                     std::size_t size) noexcept;

// Adds "a widget at 0x1234, created ..." to `text`. The object of `handle` is
// `object`, which the caller has pinned.
void AddLiveObject(TextBuffer& text, const CTable& table, Handle handle,
                   const AnyObject& object) noexcept;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_DESCRIBE_H_
