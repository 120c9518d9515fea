#include "bench/simulator/directory.h"

#include <algorithm>

namespace haft::simulator {

std::uint32_t Directory::AddLine(std::size_t index) {
  Line line;
  line.place = index * kLineSize;
  lines_.push_back(line);
  return static_cast<std::uint32_t>(lines_.size() - 1);
}

Time Directory::LeastWay() const noexcept {
  Time least = machine_.memory;
  for (std::size_t i = 0; i < kDistances; ++i)
    least = std::min({least, machine_.transfer[i], machine_.copy[i]});
  return least * machine_.request_permille / 1000;
}

std::uint32_t Directory::Send(std::uint32_t line, CoreNumber core,
                              bool is_exclusive, Time least, Time now) {
  std::uint32_t number = unused_;
  if (number == kNone) {
    number = static_cast<std::uint32_t>(requests_.size());
    requests_.emplace_back();
  } else {
    unused_ = requests_[number].next;
  }
  const Time way = CostOf(lines_[line], core, is_exclusive).time *
                   machine_.request_permille / 1000;
  requests_[number] = {core, line, is_exclusive, false, least, kNone};
  events_->Add(now + way, Event::Kind::kRequest, number, core,
               lines_[line].place);
  return number;
}

bool Directory::Arrive(std::uint32_t request, Time now) {
  const std::uint32_t number = requests_[request].line;
  Line& line = lines_[number];
  if (line.last == kNone) {
    line.first = request;
  } else {
    requests_[line.last].next = request;
  }
  line.last = request;
  ++line.waiting;
  if (line.is_busy) return false;
  if (GrantFrom(line) <= now) return true;
  PlanGrant(number, now);
  return false;
}

Time Directory::GrantFrom(const Line& line) const noexcept {
  if (!requests_[line.first].is_exclusive) return line.copy_from;
  return line.waiting > 1 ? std::max(line.line_from, line.held_until)
                          : line.line_from;
}

void Directory::PlanGrant(std::uint32_t number, Time now) {
  Line& line = lines_[number];
  line.is_busy = true;
  events_->Add(std::max(now, GrantFrom(line)), Event::Kind::kGrant, number, 0,
               line.place);
}

void Directory::Grant(std::uint32_t number, Time now) {
  Line& line = lines_[number];
  const std::uint32_t first = line.first;
  const Request& request = requests_[first];
  const Cost cost = CostOf(line, request.core, request.is_exclusive);
  traffic_.transfers += cost.is_transfer;
  traffic_.far_transfers += cost.is_far;
  // Of the whole way, as it is now, the request has gone its part.
  const Time arrival =
      now + cost.time - cost.time * machine_.request_permille / 1000;
  events_->Add(arrival, Event::Kind::kData, first, request.core, line.place);

  --line.waiting;
  line.first = request.next;
  if (line.first == kNone) line.last = kNone;
  line.is_busy = false;

  if (request.is_exclusive) {
    if (line.owner != kNoCore && line.owner != request.core)
      ++traffic_.invalidations;
    line.owner = kNoCore;
    if (!faults_.sharers_not_told) {
      line.sharers.Erase(request.core);
      line.sharers.ForEach([&](CoreNumber) { ++traffic_.invalidations; });
      line.sharers.Clear();
    }
    line.destination = request.core;
    line.is_busy = true;
    return;
  }
  if (line.owner == kNoCore && line.sharers.empty()) {
    // Nobody else has it, so that the core may write it without asking.
    line.owner = request.core;
  } else {
    if (line.owner != kNoCore) line.sharers.Insert(line.owner);
    line.owner = kNoCore;
    line.sharers.Insert(request.core);
  }
  line.line_from = std::max(line.line_from, arrival + request.least);
  line.held_until = std::max(line.held_until, arrival + hold_);
  line.copy_from =
      line.owner == kNoCore ? now + machine_.grant_interval : line.line_from;
  if (line.first != kNone) PlanGrant(number, now);
}

void Directory::OnData(std::uint32_t request, Time now) {
  const Request& done = requests_[request];
  if (!done.is_exclusive) return;
  Line& line = lines_[done.line];
  line.owner = done.core;
  line.destination = kNoCore;
  line.is_busy = false;
  line.line_from = line.copy_from = now + done.least;
  line.held_until = now + hold_;
  if (line.first != kNone) PlanGrant(done.line, now);
}

Directory::Cost Directory::CostOf(const Line& line, CoreNumber core,
                                  bool is_exclusive) const noexcept {
  const auto price = [this](const std::array<Time, kDistances>& times,
                            Distance distance, Time more) {
    return Cost{faults_.free_transfers
                    ? 0
                    : times[static_cast<std::size_t>(distance)] + more,
                true, distance == Distance::kFar};
  };
  const unsigned holder = line.owner != kNoCore ? line.owner : line.destination;
  if (holder == core) return {0, false, false};
  if (holder != kNoCore)
    return price(machine_.transfer, topology_.Between(core, holder), 0);
  // The nearest copy will do. A writer waits for the farthest.
  unsigned others = 0;
  Distance nearest = Distance::kFar;
  Distance farthest = Distance::kCluster;
  line.sharers.ForEach([&](CoreNumber sharer) {
    if (sharer == core) return;
    ++others;
    nearest = std::min(nearest, topology_.Between(core, sharer));
    farthest = std::max(farthest, topology_.Between(core, sharer));
  });
  if (others == 0) {
    const bool is_free = faults_.free_transfers || line.sharers.Contains(core);
    return {is_free ? 0 : machine_.memory, false, false};
  }
  if (!is_exclusive) return price(machine_.copy, nearest, 0);
  return price(machine_.transfer, farthest,
               (others - 1) * machine_.further_sharer);
}

}  // namespace haft::simulator
