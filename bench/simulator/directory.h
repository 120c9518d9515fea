// The directory: which core has which cache line, and who waits for it.

#ifndef HAFT_BENCH_SIMULATOR_DIRECTORY_H_
#define HAFT_BENCH_SIMULATOR_DIRECTORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/simulator/core_set.h"
#include "bench/simulator/event_queue.h"
#include "bench/simulator/machine.h"
#include "bench/simulator/memory.h"

namespace haft::simulator {

// The counters of a simulation.
struct Traffic {
  std::uint64_t accesses = 0;
  std::uint64_t failed_compare_and_swaps = 0;
  // Requests that other cores had to answer, with the line or by giving up
  // their copies, and those of them that went to another socket.
  std::uint64_t transfers = 0;
  std::uint64_t far_transfers = 0;
  // Copies and ownerships that cores have lost to a writer.
  std::uint64_t invalidations = 0;
};

inline constexpr unsigned kNoCore = ~0u;
inline constexpr std::uint32_t kNone = ~std::uint32_t{0};
inline constexpr std::size_t kWordsInLine = kLineSize / 8;

// A core asks for a line: for a copy, or to be its only owner.
struct Request {
  CoreNumber core;
  std::uint32_t line;
  bool is_exclusive;
  bool is_awaited;     // the core does nothing else until the line is there
  Time least;          // how long the first operation with the line takes
  std::uint32_t next;  // in the line's queue, or among the unused requests
};

struct Line {
  std::size_t place;
  // The core that may write, and the cores that have copies. An owner is not
  // among the sharers.
  unsigned owner = kNoCore;
  CoreSet sharers;
  // The core that the line is on its way to, which will be the owner.
  unsigned destination = kNoCore;
  // A grant is planned, or the line is on its way.
  bool is_busy = false;
  // Not before are a copy or the line itself given away, and not before
  // `held_until` the line itself if several requests wait.
  Time copy_from = 0;
  Time line_from = 0;
  Time held_until = 0;
  // The requests that have arrived, in that order.
  std::uint32_t first = kNone;
  std::uint32_t last = kNone;
  unsigned waiting = 0;
  // Cores that spin on their copy.
  CoreSet spinning;
  // How long cores have waited for the line, by the word that they wanted.
  std::array<Time, kWordsInLine> stall{};
};

// A line goes to cores as follows:
//
//   1. The request of a core reaches the line after its part of the way there
//      and back. Until then the owner uses the line as before.
//   2. Requests are served in the order in which they have arrived. Each new
//      owner, and each new copy, is left alone until it has made one operation,
//      and for at least `hold` if more than one request waits. (Two cores alone
//      do not show what a machine does then, so `hold` must be assumed.) Then
//      the line takes the rest of the way.
//   3. A grant takes the line from its owner, and the copies from all others
//      if it is exclusive. Copies of a line that nobody writes are granted one
//      after another at `grant_interval`.
class Directory {
 public:
  Directory(const Machine& machine, const Topology& topology, Time hold,
            const Faults& faults, EventQueue* events)
      : machine_(machine),
        topology_(topology),
        hold_(faults.no_hold ? 0 : hold),
        faults_(faults),
        events_(events) {}

  // Returns the number of the line at `place`.
  std::uint32_t LineAt(std::size_t place) {
    const std::size_t index = place / kLineSize;
    if (index >= numbers_.size()) numbers_.resize(index + index / 2 + 1, kNone);
    if (numbers_[index] == kNone) numbers_[index] = AddLine(index);
    return numbers_[index];
  }
  // A reference is good until the next LineAt.
  Line& line(std::uint32_t number) noexcept { return lines_[number]; }
  std::vector<Line>& lines() noexcept { return lines_; }
  Request& request(std::uint32_t number) noexcept { return requests_[number]; }
  const Request& request(std::uint32_t number) const noexcept {
    return requests_[number];
  }

  static bool Owns(const Line& line, CoreNumber core) noexcept {
    return line.owner == core;
  }
  static bool HasCopy(const Line& line, CoreNumber core) noexcept {
    return line.owner == core || line.sharers.Contains(core);
  }

  // Returns how long a request is on its way at least.
  Time LeastWay() const noexcept;

  // Sends a request. Returns its number, which is good until FinishData.
  std::uint32_t Send(std::uint32_t line, CoreNumber core, bool is_exclusive,
                     Time least, Time now);

  // For the events of these kinds.
  // Calls lose(core) for each core that has been spinning on a copy and has
  // just lost it.
  template <typename F>
  void OnGrant(std::uint32_t number, Time now, F&& lose) {
    Line& line = lines_[number];
    const bool is_exclusive = requests_[line.first].is_exclusive;
    Grant(number, now);
    if (is_exclusive) ReleaseSpinning(line, lose);
  }
  template <typename F>
  void OnRequest(std::uint32_t request, Time now, F&& lose) {
    const std::uint32_t number = requests_[request].line;
    if (Arrive(request, now)) OnGrant(number, now, lose);
  }
  // The line has reached the core. The request is to be forgotten afterwards.
  void OnData(std::uint32_t request, Time now);
  void Forget(std::uint32_t request) noexcept {
    requests_[request].next = unused_;
    unused_ = request;
  }

  template <typename F>
  static void ReleaseSpinning(Line& line, F&& lose) {
    if (line.spinning.empty()) return;
    const CoreSet spinning = line.spinning;
    line.spinning.Clear();
    spinning.ForEach(lose);
  }

  Traffic& traffic() noexcept { return traffic_; }

 private:
  struct Cost {
    Time time;
    bool is_transfer;
    bool is_far;
  };

  std::uint32_t AddLine(std::size_t index);
  // Queues a request. Returns whether it is to be granted at once.
  bool Arrive(std::uint32_t request, Time now);
  void PlanGrant(std::uint32_t number, Time now);
  // Returns when the first request of the line may be served at the earliest.
  Time GrantFrom(const Line& line) const noexcept;
  // Serves it.
  void Grant(std::uint32_t number, Time now);
  Cost CostOf(const Line& line, CoreNumber core,
              bool is_exclusive) const noexcept;

  const Machine& machine_;
  const Topology& topology_;
  const Time hold_;
  const Faults& faults_;
  EventQueue* const events_;
  std::vector<std::uint32_t> numbers_;  // by place / kLineSize
  std::vector<Line> lines_;
  std::vector<Request> requests_;
  std::uint32_t unused_ = kNone;
  Traffic traffic_;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_DIRECTORY_H_
