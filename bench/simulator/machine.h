// The machine that is simulated: where its cores are and what an access costs.

#ifndef HAFT_BENCH_SIMULATOR_MACHINE_H_
#define HAFT_BENCH_SIMULATOR_MACHINE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/simulator/core_set.h"

namespace haft::simulator {

// Simulated time in picoseconds. It is an integer, so that all compilers and
// processors add up the same sums.
using Time = std::uint64_t;
inline constexpr Time kNanosecond = 1000;

// How far two cores are from each other. A *cluster* is a group of cores that
// share their last cache (a CCX).
enum class Distance : unsigned char { kCluster, kSocket, kFar };
inline constexpr std::size_t kDistances = 3;

// machines/*.toml explains each constant, under the same name.
struct Machine {
  std::string name;
  unsigned sockets = 1;
  unsigned clusters_per_socket = 1;
  unsigned cores_per_cluster = 1;

  Time hit = 0;
  Time read_modify_write = 0;
  std::array<Time, kDistances> transfer{};  // by Distance
  std::array<Time, kDistances> copy{};      // by Distance
  Time memory = 0;
  Time further_sharer = 0;
  Time grant_interval = 0;
  unsigned request_permille = 0;  // the request's part of a transfer
  unsigned store_buffer = 1;      // entries
  Time allocation = 0;            // and the release of it
  Time yield = 0;
  Time membarrier = 0;
  Time membarrier_per_core = 0;
  Time interrupt = 0;
  Time sleep = 0;
  Time wake = 0;
  Time wake_up = 0;
  Time loop = 0;
  Time jitter = 0;

  unsigned cores() const noexcept {
    return sockets * clusters_per_socket * cores_per_cluster;
  }
};

// The places of the first `cores` cores of a machine. They fill one cluster
// after another and one socket after another. If there are more cores than the
// machine has, each socket gets more clusters, or larger ones if it has only
// one.
class Topology {
 public:
  Topology(const Machine& machine, unsigned cores) noexcept {
    unsigned per_cluster = machine.cores_per_cluster;
    unsigned per_socket = machine.clusters_per_socket * per_cluster;
    if (cores > machine.cores()) {
      per_socket = (cores + machine.sockets - 1) / machine.sockets;
      if (machine.clusters_per_socket == 1) per_cluster = per_socket;
    }
    for (CoreNumber core = 0; core < kMostCores; ++core) {
      socket_[core] = static_cast<std::uint16_t>(core / per_socket);
      cluster_[core] = static_cast<std::uint16_t>(
          socket_[core] * kMostCores + core % per_socket / per_cluster);
    }
  }

  Distance Between(CoreNumber a, CoreNumber b) const noexcept {
    if (cluster_[a] == cluster_[b]) return Distance::kCluster;
    return socket_[a] == socket_[b] ? Distance::kSocket : Distance::kFar;
  }

 private:
  std::array<std::uint16_t, kMostCores> socket_;
  // Numbers that differ from socket to socket; up to 256 * 256.
  std::array<std::uint32_t, kMostCores> cluster_;
};

// Faults of the simulator, with which tests show that they notice them.
struct Faults {
  bool no_hold = false;           // `hold` has no effect
  bool no_store_buffer = false;   // a store waits for its line
  bool free_transfers = false;    // a line travels in no time
  bool sharers_not_told = false;  // copies survive a write
  bool spins_cost = false;        // each look of a spinning core is a miss
  // No fault: no core gets ahead of another, and nothing else changes.
  bool none_ahead = false;

  bool any() const noexcept {
    return no_hold || no_store_buffer || free_transfers || sharers_not_told ||
           spins_cost || none_ahead;
  }
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_MACHINE_H_
