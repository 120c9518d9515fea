// The driver that the programs of this folder share.

#ifndef HAFT_BENCH_DRIVER_H_
#define HAFT_BENCH_DRIVER_H_

#include "bench/rows.h"

namespace haft::bench {

// One block of a program's table.
struct Study {
  const char* name;
  const char* title;
  void (*add)(Rows&);
  bool full_only;
};

// Runs the studies that the command line selects, prints their tables and
// writes each repetition to a file.
//   Returns   the program's exit status: 1 if any answer was wrong
int RunStudies(int argc, char** argv, const Study* begin, const Study* end);

}  // namespace haft::bench

#endif  // HAFT_BENCH_DRIVER_H_
