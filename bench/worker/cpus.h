// CPUs: those that a thread may use, and those that it has been seen on.

#ifndef HAFT_BENCH_WORKER_CPUS_H_
#define HAFT_BENCH_WORKER_CPUS_H_

#include <cstdint>
#include <vector>

namespace haft::study {

// Returns the CPUs that this process may use.
std::vector<int> AllowedCpus();

// Binds the calling thread.
//   Returns   false if the kernel refuses
bool BindThread(const std::vector<int>& cpus);

// The CPUs on which a thread was whenever it has looked.
class SeenCpus {
 public:
  void Look();

  // In ascending order.
  const std::vector<int>& cpus() const { return cpus_; }
  // How often it was on another CPU than before. It may have moved to and fro
  // in between.
  std::uint64_t moves() const { return moves_; }

 private:
  std::vector<int> cpus_;
  int last_ = -1;
  std::uint64_t moves_ = 0;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_CPUS_H_
