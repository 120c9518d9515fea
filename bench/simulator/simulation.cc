#include "bench/simulator/simulation.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace haft::simulator {
namespace {

// Cores begin at different times, because threads do.
constexpr Time kLatestStart = 100 * kNanosecond;

std::uint64_t ReadBytes(const void* address, std::size_t size) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, address, size);
  return value;
}

}  // namespace

Simulation::Simulation(const Machine& machine, unsigned cores, Time hold,
                       std::uint64_t seed, const Faults& faults)
    : machine_(machine),
      faults_(faults),
      count_(cores),
      topology_(machine, cores),
      directory_(machine_, topology_, hold, faults_, &events_),
      // With a fault, a line may change without a request.
      lookahead_(faults.any() ? 0 : directory_.LeastWay()) {
  if (existing_ != nullptr || cores == 0 || cores > kMostCores) std::abort();
  existing_ = this;
  Random seeds(seed);
  for (unsigned i = 0; i < cores; ++i)
    cores_.emplace_back(seeds.Next(), &Serve, this);
}

Simulation::~Simulation() { existing_ = nullptr; }

void Simulation::Run(std::function<void(CoreNumber)> body) {
  body_ = std::move(body);
  finished_ = 0;
  for (CoreNumber core = 0; core < count_; ++core) {
    cores_[core].is_idle = false;
    ResumeAt(core, now_ + cores_[core].random.Below(kLatestStart));
  }
  running_ = this;
  Suspend();
  running_ = nullptr;
}

void Simulation::Serve(void* simulation) {
  Simulation& self = *static_cast<Simulation*>(simulation);
  for (;;) {
    const CoreNumber me = self.core_;
    self.body_(me);
    self.AwaitStores(0);
    self.cores_[me].is_idle = true;
    ++self.finished_;
    self.Suspend();
  }
}

void Simulation::At(Time time, std::function<void()> f) {
  calls_.push_back(std::move(f));
  events_.Add(time, Event::Kind::kCall,
              static_cast<std::uint32_t>(calls_.size() - 1), 0, calls_.size());
  LowerHorizon(time);
}

void Simulation::SwitchTo(CoreNumber next) noexcept {
  if (next == core_) return;
  const CoreNumber self = std::exchange(core_, next);
  CoroutineOf(self).SwitchTo(&CoroutineOf(next));
}

void Simulation::Suspend() noexcept {
  const CoreNumber next = NextCore();
  horizon_ = std::min(events_.first_time(), resumes_.first_time() + lookahead_);
  SwitchTo(next);
}

CoreNumber Simulation::NextCore() noexcept {
  const auto lose = [this](CoreNumber core) { StopSpinning(core); };
  while (finished_ < count_) {
    if (events_.empty() && resumes_.empty()) {
      std::fputs("simulator: all cores wait for each other\n", stderr);
      std::abort();
    }
    if (resumes_.first_time() < events_.first_time()) {
      const Event resume = resumes_.TakeFirst();
      now_ = resume.time;
      if (GoesOn(resume.number)) return resume.number;
      continue;
    }
    const Event event = events_.TakeFirst();
    now_ = event.time;
    switch (event.kind) {
      case Event::Kind::kRequest:
        directory_.OnRequest(event.number, now_, lose);
        break;
      case Event::Kind::kGrant:
        directory_.OnGrant(event.number, now_, lose);
        break;
      case Event::Kind::kData: {
        const CoreNumber core = directory_.request(event.number).core;
        if (FinishRequest(event.number) && GoesOn(core)) return core;
        break;
      }
      case Event::Kind::kCall:
        calls_[event.number]();
        break;
      case Event::Kind::kResume:
        break;
    }
  }
  return kMostCores;
}

bool Simulation::GoesOn(CoreNumber core) {
  const Time delay = std::exchange(cores_[core].delay, 0);
  if (delay == 0) return true;
  ResumeAt(core, now_ + delay);
  return false;
}

bool Simulation::FinishRequest(std::uint32_t number) {
  directory_.OnData(number, now_);
  const Request request = directory_.request(number);
  Core& core = cores_[request.core];
  core.requests.erase(
      std::find(core.requests.begin(), core.requests.end(), number));
  directory_.Forget(number);
  // Also with a copy only: a store may wait for the line of this copy.
  const bool has_stored = FinishStores(request.core);
  if (has_stored && std::exchange(core.awaits_store, false)) return true;
  return request.is_awaited;
}

void Simulation::Meet(Meeting* meeting, unsigned count) noexcept {
  AwaitStores(0);
  meeting->cores_.push_back(core_);
  // The core that comes last may have a clock behind that of another.
  meeting->latest_ = std::max(meeting->latest_, now_);
  if (meeting->cores_.size() == count) {
    for (const CoreNumber core : std::exchange(meeting->cores_, {}))
      ResumeAt(core, meeting->latest_);
  }
  Suspend();
}

void Simulation::Wait(Meeting* meeting) noexcept {
  meeting->cores_.push_back(core_);
  Suspend();
}

void Simulation::Dismiss(Meeting* meeting) noexcept {
  for (const CoreNumber core : std::exchange(meeting->cores_, {}))
    ResumeAt(core, now_ + cores_[core].random.Below(kLatestStart));
}

Simulation::Place Simulation::PlaceOf(const void* address) noexcept {
  const std::size_t place = memory_.PlaceOf(address);
  return {directory_.LineAt(place),
          static_cast<unsigned>(place % kLineSize / 8)};
}

std::uint32_t Simulation::FindRequest(const Core& core,
                                      std::uint32_t line) const noexcept {
  for (const std::uint32_t number : core.requests) {
    if (directory_.request(number).line == line) return number;
  }
  return kNone;
}

std::uint32_t Simulation::Send(std::uint32_t line, bool is_exclusive,
                               Time least) {
  const std::uint32_t number =
      directory_.Send(line, core_, is_exclusive, least, now_);
  cores_[core_].requests.push_back(number);
  LowerHorizon(events_.first_time());
  return number;
}

void Simulation::Await(std::uint32_t request, Place place) noexcept {
  directory_.request(request).is_awaited = true;
  const Time since = now_;
  Suspend();
  directory_.line(place.line).stall[place.word] += now_ - since;
}

void Simulation::Own(Place place, Time least) noexcept {
  while (!Directory::Owns(directory_.line(place.line), core_)) {
    std::uint32_t request = FindRequest(cores_[core_], place.line);
    if (request == kNone) request = Send(place.line, true, least);
    Await(request, place);
  }
}

std::uint64_t Simulation::Load(const void* address, std::size_t size) noexcept {
  ++directory_.traffic().accesses;
  const Core& core = cores_[core_];
  for (auto store = core.stores.rbegin(); store != core.stores.rend();
       ++store) {
    if (store->address != address) continue;
    const std::uint64_t value = store->value;
    Advance(machine_.hit);
    return value;
  }
  const Place place = PlaceOf(address);
  if (!Directory::HasCopy(directory_.line(place.line), core_)) {
    std::uint32_t request = FindRequest(core, place.line);
    if (request == kNone) request = Send(place.line, false, machine_.hit);
    Await(request, place);
  }
  const std::uint64_t value = ReadBytes(address, size);
  Advance(machine_.hit);
  return value;
}

void Simulation::Write(void* address, std::size_t size, std::uint64_t value,
                       std::uint32_t line) noexcept {
  std::memcpy(address, &value, size);
  if (faults_.sharers_not_told) TellSpinning(line);
}

// Without this fault, a core that spins has lost its copy before another core
// can write.
void Simulation::TellSpinning(std::uint32_t line) noexcept {
  Directory::ReleaseSpinning(directory_.line(line),
                             [this](CoreNumber core) { StopSpinning(core); });
}

// The core notices at its next look.
void Simulation::StopSpinning(CoreNumber core) noexcept {
  ResumeAt(core, now_ + cores_[core].random.Below(machine_.loop +
                                                  machine_.jitter + 1));
}

void Simulation::Store(void* address, std::size_t size,
                       std::uint64_t value) noexcept {
  ++directory_.traffic().accesses;
  const Place place = PlaceOf(address);
  Core& core = cores_[core_];
  if (faults_.no_store_buffer) Own(place, machine_.hit);
  if (core.stores.empty() &&
      Directory::Owns(directory_.line(place.line), core_)) {
    Write(address, size, value, place.line);
    return Advance(machine_.hit);
  }
  AwaitStores(machine_.store_buffer - 1);
  core.stores.push_back({address, size, value, place.line, place.word});
  ++core.stores_made;
  if (!Directory::Owns(directory_.line(place.line), core_)) {
    if (FindRequest(core, place.line) == kNone)
      Send(place.line, true, machine_.hit);
  } else if (core.stores.size() == 1) {
    FinishStores(core_);
  }
  Advance(machine_.hit);
}

bool Simulation::FinishStores(CoreNumber number) noexcept {
  Core& core = cores_[number];
  bool has_stored = false;
  while (!core.stores.empty()) {
    const PendingStore store = core.stores.front();
    if (!Directory::Owns(directory_.line(store.line), number)) {
      // The line has come and gone again while an earlier store was pending.
      if (FindRequest(core, store.line) == kNone) {
        core.requests.push_back(
            directory_.Send(store.line, number, true, machine_.hit, now_));
      }
      break;
    }
    Write(store.address, store.size, store.value, store.line);
    core.stores.pop_front();
    ++core.stores_done;
    has_stored = true;
  }
  if (has_stored && !core.await_stores.empty()) {
    core.await_stores.ForEach([this](CoreNumber c) { ResumeAt(c, now_); });
    core.await_stores.Clear();
  }
  return has_stored;
}

void Simulation::AwaitStores(std::size_t most_left) noexcept {
  Core& core = cores_[core_];
  while (core.stores.size() > most_left) {
    const PendingStore& first = core.stores.front();
    const Place place = {first.line, first.word};
    const Time since = now_;
    core.awaits_store = true;
    Suspend();
    directory_.line(place.line).stall[place.word] += now_ - since;
  }
}

void Simulation::BeginModify(const void* address) noexcept {
  ++directory_.traffic().accesses;
  AwaitStores(0);
  Own(PlaceOf(address), machine_.read_modify_write);
}

void Simulation::FinishModify(const void* address) noexcept {
  if (faults_.sharers_not_told) TellSpinning(PlaceOf(address).line);
  Advance(machine_.read_modify_write);
}

void Simulation::Prefetch(const void* address) noexcept {
  const Place place = PlaceOf(address);
  if (!Directory::Owns(directory_.line(place.line), core_) &&
      FindRequest(cores_[core_], place.line) == kNone)
    Send(place.line, true, machine_.hit);
  Advance(machine_.hit);
}

void Simulation::SpinWhileEqual(const void* address, std::size_t size,
                                std::uint64_t value) noexcept {
  const std::uint32_t number = PlaceOf(address).line;
  while (Load(address, size) == value) {
    Line& line = directory_.line(number);
    if (!Directory::HasCopy(line, core_)) continue;
    if (faults_.spins_cost) {
      line.sharers.Erase(core_);
      if (line.owner == core_) line.owner = kNoCore;
      Advance(machine_.hit);
    } else {
      line.spinning.Insert(core_);
      Suspend();
    }
  }
}

void Simulation::HeavyBarrier() noexcept {
  AwaitStores(0);
  AwaitTurn();
  struct Other {
    CoreNumber core;
    std::uint64_t stores;
  };
  std::vector<Other> others;
  for (CoreNumber i = 0; i < count_; ++i) {
    Core& other = cores_[i];
    if (i == core_ || other.is_idle) continue;
    other.delay += machine_.interrupt;
    others.push_back({i, other.stores_made});
  }
  // It returns when all have acknowledged the interrupt, so that a core cannot
  // send interrupts faster than the others take them.
  const Time sending =
      machine_.membarrier + others.size() * machine_.membarrier_per_core;
  Advance(others.empty() ? sending : std::max(sending, machine_.interrupt));
  for (const Other& other : others) {
    while (cores_[other.core].stores_done < other.stores) {
      cores_[other.core].await_stores.Insert(core_);
      Suspend();
    }
  }
}

void Simulation::FutexWait(const void* address, std::size_t size,
                           std::uint64_t value) noexcept {
  AwaitStores(0);
  Advance(machine_.sleep);
  (void)Load(address, size);
  AwaitTurn();
  // The system compares and goes to sleep in one step.
  if (ReadBytes(address, size) != value) return;
  sleepers_.push_back({address, core_});
  cores_[core_].is_idle = true;
  Suspend();
  cores_[core_].is_idle = false;
}

void Simulation::FutexWake(const void* address, unsigned most) noexcept {
  AwaitStores(0);
  Advance(machine_.wake);
  AwaitTurn();
  for (auto sleeper = sleepers_.begin();
       sleeper != sleepers_.end() && most != 0;) {
    if (sleeper->address != address) {
      ++sleeper;
      continue;
    }
    ResumeAt(sleeper->core, now_ + machine_.wake_up);
    sleeper = sleepers_.erase(sleeper);
    --most;
  }
}

}  // namespace haft::simulator
