#include "bench/machine.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

// The build passes its options here; the compiler reports the rest.
#ifndef HAFT_BENCH_FLAGS
#define HAFT_BENCH_FLAGS "unknown options"
#endif

namespace haft::bench {

namespace {

const std::vector<int>& AllowedCpus() {
  static const std::vector<int> cpus = [] {
    std::vector<int> found;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
      for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) found.push_back(cpu);
    }
    return found;
  }();
  return cpus;
}

std::string CpuModel() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos)
      return line.substr(colon + 2);
  }
  return "unknown";
}

// Returns the first line that `command` prints.
std::string FirstLineOf(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"),
                                                   &pclose);
  char line[256] = "";
  if (pipe == nullptr || fgets(line, sizeof(line), pipe.get()) == nullptr)
    return "unknown";
  std::string text = line;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string Flags() {
  std::string flags = HAFT_BENCH_FLAGS;
  flags += ": C++" + std::to_string(__cplusplus / 100 % 100);
#ifdef __OPTIMIZE__
  flags += ", optimised";
#endif
#ifdef NDEBUG
  flags += ", NDEBUG";
#endif
#ifdef __AVX2__
  flags += ", AVX2";
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  flags += ", sanitized";
#endif
  return flags;
}

std::string Now() {
  const std::time_t now = std::time(nullptr);
  char text[64];
  std::strftime(text, sizeof(text), "%F %T %Z", std::localtime(&now));
  return text;
}

}  // namespace

int CpuCount() {
  const int count = static_cast<int>(AllowedCpus().size());
  return count < 1 ? 1 : count;
}

void PinThread(int index, int threads) {
  const std::vector<int>& cpus = AllowedCpus();
  cpu_set_t set;
  CPU_ZERO(&set);
  if (threads <= static_cast<int>(cpus.size())) {
    CPU_SET(cpus[static_cast<std::size_t>(index)], &set);
  } else {
    for (const int cpu : cpus) CPU_SET(cpu, &set);
  }
  // Errors are ignored: without pinning the figures are only less steady.
  (void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

bool IsOptimised() {
#if defined(__OPTIMIZE__) && defined(NDEBUG)
  return true;
#else
  return false;
#endif
}

Facts DescribeRun(int argc, char** argv) {
#if defined(__clang__)
  const std::string compiler = __VERSION__;
#else
  const std::string compiler = std::string("g++ ") + __VERSION__;
#endif
  std::string command = program_invocation_short_name;
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  char load[32];
  std::snprintf(load, sizeof(load), "%.2f", LoadAverage());
  return {
      {"cpu", CpuModel()},
      {"cores", std::to_string(CpuCount())},
      {"compiler", compiler},
      {"flags", Flags()},
      {"commit",
       FirstLineOf("git -C '" + Checkout() +
                   "' describe --always --dirty --abbrev=12 2>/dev/null")},
      {"date", Now()},
      {"command", command},
      {"load", load},
  };
}

double LoadAverage() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : 0;
}

std::string Checkout() {
  const char* const folder = std::getenv("BUILD_WORKSPACE_DIRECTORY");
  return folder == nullptr ? "." : folder;
}

}  // namespace haft::bench
