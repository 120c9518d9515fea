#include "haft/internal/diagnostics/diagnostics.h"

#include "haft/internal/base/check.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/diagnostics/refusals.h"
#include "haft/internal/process/environment_options.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

constexpr unsigned kInitialized = 1u << 31;

// 0 until InitializeOnce has decided. Constant-initialised.
sync::Atomic<unsigned> state{0};

}  // namespace

bool InitializeOnce(unsigned flags) noexcept {
  const EnvironmentOptions options = ReadEnvironment();
  const unsigned chosen = flags | options.diagnose_flags;
  unsigned undecided = 0;
  // relaxed: the flags are all there is to see.
  if (!state.compare_exchange_strong(undecided, kInitialized | chosen,
                                     std::memory_order_relaxed,
                                     std::memory_order_relaxed))
    return false;
  if (!options.is_diagnose_valid) {
    LogLine(
        "HAFT_DIAGNOSE: each word must be sites, leaks or refusals=NUMBER, "
        "with a NUMBER above 0");
  }
  if (!options.is_capacity_valid)
    LogLine("HAFT_CAPACITY: must be a decimal number above 0; it is ignored");
  if (options.refusals_per_second != 0)
    LogRefusals(options.refusals_per_second);
  return true;
}

unsigned DiagnosticFlags() noexcept {
  // relaxed: the flags are all there is to see.
  if (state.load(std::memory_order_relaxed) == 0) InitializeOnce(0);
  return DiagnosticFlagsIfInitialized();
}

unsigned DiagnosticFlagsIfInitialized() noexcept {
  // relaxed: as above.
  return state.load(std::memory_order_relaxed) & ~kInitialized;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal
