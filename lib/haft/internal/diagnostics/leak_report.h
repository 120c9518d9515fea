// Reports of what is live in a table.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_LEAK_REPORT_H_
#define HAFT_INTERNAL_DIAGNOSTICS_LEAK_REPORT_H_

#include <cstddef>

#include "haft/internal/base/abi.h"
#include "haft/internal/process/process_table.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Reports what is live, as haft_table_report does. When the program exits, the
// process-wide table is reported on stderr if HAFT_DIAGNOSE_LEAKS is on.
std::size_t ReportLive(CTable& table, std::size_t most,
                       void (*line)(void*, const char*),
                       void* context) noexcept;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_LEAK_REPORT_H_
