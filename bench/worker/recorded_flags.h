// The compiler options of this program.

#ifndef HAFT_BENCH_WORKER_RECORDED_FLAGS_H_
#define HAFT_BENCH_WORKER_RECORDED_FLAGS_H_

#include <string>

namespace haft::study {

// Returns the options of those source files that were compiled with
// -frecord-gcc-switches, as the compiler has written them into the program,
// also those that came from a command line. Different ones are separated by
// "; ". Returns "unknown" if there are none.
std::string RecordedFlags();

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_RECORDED_FLAGS_H_
