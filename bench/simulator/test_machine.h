// A machine with round numbers, for tests.

#ifndef HAFT_BENCH_SIMULATOR_TEST_MACHINE_H_
#define HAFT_BENCH_SIMULATOR_TEST_MACHINE_H_

#include "bench/simulator/machine.h"

namespace haft::simulator {

// Two sockets of two clusters of four cores.
inline Machine TestMachine() {
  Machine machine;
  machine.name = "test";
  machine.sockets = 2;
  machine.clusters_per_socket = 2;
  machine.cores_per_cluster = 4;
  machine.hit = 1 * kNanosecond;
  machine.read_modify_write = 5 * kNanosecond;
  machine.transfer = {40 * kNanosecond, 100 * kNanosecond, 300 * kNanosecond};
  machine.copy = {20 * kNanosecond, 60 * kNanosecond, 200 * kNanosecond};
  machine.memory = 80 * kNanosecond;
  machine.further_sharer = 3 * kNanosecond;
  machine.grant_interval = 2 * kNanosecond;
  machine.request_permille = 700;
  machine.store_buffer = 4;
  machine.allocation = 20 * kNanosecond;
  machine.yield = 100 * kNanosecond;
  machine.membarrier = 500 * kNanosecond;
  machine.membarrier_per_core = 50 * kNanosecond;
  machine.interrupt = 400 * kNanosecond;
  machine.sleep = 200 * kNanosecond;
  machine.wake = 300 * kNanosecond;
  machine.wake_up = 2000 * kNanosecond;
  machine.loop = 1 * kNanosecond;
  machine.jitter = 1 * kNanosecond;
  return machine;
}

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_TEST_MACHINE_H_
