#include "bench/worker/cpus.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <memory>

namespace haft::study {
namespace {

// More CPUs than cpu_set_t has room for.
constexpr std::size_t kMaxCpus = 8192;

class CpuSet {
 public:
  CpuSet() : set_(CPU_ALLOC(kMaxCpus), [](cpu_set_t* set) { CPU_FREE(set); }) {
    CPU_ZERO_S(size(), get());
  }
  cpu_set_t* get() { return set_.get(); }
  static std::size_t size() { return CPU_ALLOC_SIZE(kMaxCpus); }

 private:
  std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set_;
};

}  // namespace

std::vector<int> AllowedCpus() {
  CpuSet set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, CpuSet::size(), set.get()) != 0) return cpus;
  for (std::size_t cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (CPU_ISSET_S(cpu, CpuSet::size(), set.get()))
      cpus.push_back(static_cast<int>(cpu));
  }
  return cpus;
}

bool BindThread(const std::vector<int>& cpus) {
  CpuSet set;
  for (const int cpu : cpus)
    CPU_SET_S(static_cast<std::size_t>(cpu), CpuSet::size(), set.get());
  return pthread_setaffinity_np(pthread_self(), CpuSet::size(), set.get()) == 0;
}

void SeenCpus::Look() {
  const int cpu = sched_getcpu();
  if (cpu < 0 || cpu == last_) return;
  if (last_ >= 0) ++moves_;
  last_ = cpu;
  const auto at = std::lower_bound(cpus_.begin(), cpus_.end(), cpu);
  if (at == cpus_.end() || *at != cpu) cpus_.insert(at, cpu);
}

}  // namespace haft::study
