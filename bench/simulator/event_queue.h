// The events of a simulation that are still to happen, in the order of time.

#ifndef HAFT_BENCH_SIMULATOR_EVENT_QUEUE_H_
#define HAFT_BENCH_SIMULATOR_EVENT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <queue>
#include <vector>

#include "bench/simulator/machine.h"

namespace haft::simulator {

struct Event {
  enum class Kind : unsigned char {
    kRequest,  // the request `number` reaches the line
    kGrant,    // the line `number` is given to the first of its requests
    kData,     // the line reaches the core of the request `number`
    kResume,   // the core `number` goes on
    kCall,     // the function `number` of Simulation::At is called
  };

  Time time;
  // Of events at the same time, the one with the lower rank happens first. It
  // depends on what happens and not on the order in which the simulator has
  // found out.
  std::uint64_t rank;
  Kind kind;
  std::uint32_t number;
};

// Later than all events; and adding a time to it does not wrap.
inline constexpr Time kNever = ~Time{0} / 2;

class EventQueue {
 public:
  bool empty() const noexcept { return events_.empty(); }
  // Returns when the first event happens; kNever if there is none.
  Time first_time() const noexcept {
    return events_.empty() ? kNever : events_.top().time;
  }

  // `core` and `place` are those of the event, or 0.
  void Add(Time time, Event::Kind kind, std::uint32_t number, CoreNumber core,
           std::size_t place) {
    const std::uint64_t rank = static_cast<std::uint64_t>(kind) << 56 |
                               std::uint64_t{core} << 40 | place;
    events_.push({time, rank, kind, number});
  }
  Event TakeFirst() {
    const Event first = events_.top();
    events_.pop();
    return first;
  }

 private:
  struct IsLater {
    bool operator()(const Event& a, const Event& b) const noexcept {
      return a.time != b.time ? a.time > b.time : a.rank > b.rank;
    }
  };

  std::priority_queue<Event, std::vector<Event>, IsLater> events_;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_EVENT_QUEUE_H_
