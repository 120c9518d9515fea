// The machine that measures, and the program that it runs.

#ifndef HAFT_BENCH_MACHINE_H_
#define HAFT_BENCH_MACHINE_H_

#include <string>
#include <utility>
#include <vector>

namespace haft::bench {

// How many CPUs this process may use. It looks once, before any pinning.
int CpuCount();

// Gives the calling thread a CPU of its own when `threads` threads fit, else
// lets it run on all.
void PinThread(int index, int threads);

// Whether compiler optimisation was on, and checks for debugging off.
bool IsOptimised();

// What a figure means nothing without: pairs such as { "cpu", "..." }.
using Facts = std::vector<std::pair<std::string, std::string>>;
Facts DescribeRun(int argc, char** argv);

// Runnable tasks during the last minute, this program's among them.
double LoadAverage();

// The folder of the checkout under `bazel run`, else ".".
std::string Checkout();

}  // namespace haft::bench

#endif  // HAFT_BENCH_MACHINE_H_
