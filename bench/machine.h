// Facts about the machine and the program that measure.

#ifndef HAFT_BENCH_MACHINE_H_
#define HAFT_BENCH_MACHINE_H_

#include <string>
#include <utility>
#include <vector>

namespace haft::bench {

// Returns how many CPUs this process may use. It asks the system only once,
// before any thread is pinned.
int CpuCount();

// Gives the calling thread a CPU of its own if there are `threads` CPUs;
// otherwise lets it run on all.
void PinThread(int index, int threads);

// Returns whether compiler optimisation is on and debugging checks are off.
bool IsOptimised();

// The facts without which a figure means nothing: pairs such as
// { "cpu", "..." }.
using Facts = std::vector<std::pair<std::string, std::string>>;
Facts DescribeRun(int argc, char** argv);

// Returns the number of runnable tasks during the last minute, including those
// of this program.
double LoadAverage();

// Returns the folder of the checkout under `bazel run`, otherwise ".".
std::string Checkout();

}  // namespace haft::bench

#endif  // HAFT_BENCH_MACHINE_H_
