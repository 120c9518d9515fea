// What is going to happen in a simulation, in the order of time.

#ifndef HAFT_BENCH_SIMULATOR_EVENT_QUEUE_H_
#define HAFT_BENCH_SIMULATOR_EVENT_QUEUE_H_

#include <cstdint>
#include <queue>
#include <vector>

#include "bench/simulator/machine.h"

namespace haft::simulator {

struct Event {
  enum class Kind : unsigned char {
    kResume,   // the core `number` goes on
    kRequest,  // the request `number` reaches the line
    kGrant,    // the line `number` is given to the first of its requests
    kData,     // the line reaches the core of the request `number`
    kCall,     // the function `number` of Simulation::At is called
  };

  Time time;
  std::uint64_t sequence;
  Kind kind;
  std::uint32_t number;
};

// Events of the same time happen in the order in which they were added.
class EventQueue {
 public:
  bool empty() const noexcept { return events_.empty(); }
  Time first_time() const noexcept { return events_.top().time; }

  void Add(Time time, Event::Kind kind, std::uint32_t number) {
    events_.push({time, sequence_++, kind, number});
  }
  Event TakeFirst() {
    const Event first = events_.top();
    events_.pop();
    return first;
  }

 private:
  struct IsLater {
    bool operator()(const Event& a, const Event& b) const noexcept {
      return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
    }
  };

  std::priority_queue<Event, std::vector<Event>, IsLater> events_;
  std::uint64_t sequence_ = 0;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_EVENT_QUEUE_H_
