// The options that environment variables give.

#ifndef HAFT_INTERNAL_PROCESS_ENVIRONMENT_OPTIONS_H_
#define HAFT_INTERNAL_PROCESS_ENVIRONMENT_OPTIONS_H_

#include <cstddef>
#include <cstdint>

#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

struct EnvironmentOptions {
  // HAFT_DIAGNOSE: a union of HAFT_DIAGNOSE_..., and how many refusals a second
  // go to stderr (0: none). If the variable has a word that is not understood,
  // the other words count all the same.
  unsigned diagnose_flags = 0;
  std::uint32_t refusals_per_second = 0;
  bool is_diagnose_valid = true;

  // HAFT_CAPACITY: the capacity of the process-wide table, in decimal digits; 0
  // if the variable is not set or is no positive number.
  std::size_t capacity = 0;
  bool is_capacity_valid = true;
};

// Reads the environment of the process as it is now. In a program that runs
// with the rights of another user than the one who started it (set-user-ID and
// the like), no variable counts as set.
EnvironmentOptions ReadEnvironment() noexcept;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_ENVIRONMENT_OPTIONS_H_
