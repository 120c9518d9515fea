// Static probes, if the system has <sys/sdt.h>. A probe is an instruction that
// does nothing until bpftrace, perf or systemtap replaces it. Pass only
// arguments that are in registers already, so that a probe costs nothing more.

#ifndef HAFT_INTERNAL_BASE_PROBES_H_
#define HAFT_INTERNAL_BASE_PROBES_H_

#if __has_include(<sys/sdt.h>) && !defined(HAFT_NO_PROBES)
#include <sys/sdt.h>
#define HAFT_PROBE2(name, a, b) DTRACE_PROBE2(haft, name, a, b)
#define HAFT_PROBE3(name, a, b, c) DTRACE_PROBE3(haft, name, a, b, c)
#else
#define HAFT_PROBE2(name, a, b) (static_cast<void>(a), static_cast<void>(b))
#define HAFT_PROBE3(name, a, b, c) \
  (static_cast<void>(a), static_cast<void>(b), static_cast<void>(c))
#endif

#endif  // HAFT_INTERNAL_BASE_PROBES_H_
