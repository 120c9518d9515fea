// The seam: namespace haft::internal::sync, which contains everything about
// threads and memory that a model checker, a scheduler or a simulator must
// replace. The rest of Haft names no standard atomic, no thread-local variable
// and no system call; it uses the names declared here.
//
// system_sync.h documents the names and implements them for production. If
// HAFT_SYNC_BACKEND is defined, it is the header of another backend that
// declares the same names in haft::internal::sync.

#ifndef HAFT_INTERNAL_BASE_SYNC_H_
#define HAFT_INTERNAL_BASE_SYNC_H_

#ifdef HAFT_SYNC_BACKEND
#include HAFT_SYNC_BACKEND
#else

#include "haft/internal/base/system_sync.h"

namespace haft::internal {
namespace sync = system_sync;
}  // namespace haft::internal

#endif  // HAFT_SYNC_BACKEND
#endif  // HAFT_INTERNAL_BASE_SYNC_H_
