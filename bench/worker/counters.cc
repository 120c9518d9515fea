#include "bench/worker/counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "bench/worker/cas_counts.h"

namespace haft::study {

struct CounterEvent {
  const char* name;
  std::uint32_t type;
  std::uint64_t config;
};

namespace {

using Event = CounterEvent;

// The type of an event that the arm counts itself.
constexpr std::uint32_t kOfArm = ~std::uint32_t{0};

constexpr Event kEvents[] = {
    {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {"cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES},
    {"cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
    {"branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
    {"branch-instructions", PERF_TYPE_HARDWARE,
     PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
    {"branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
    {"bus-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES},
    {"ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES},
    {"stalled-cycles-frontend", PERF_TYPE_HARDWARE,
     PERF_COUNT_HW_STALLED_CYCLES_FRONTEND},
    {"stalled-cycles-backend", PERF_TYPE_HARDWARE,
     PERF_COUNT_HW_STALLED_CYCLES_BACKEND},
    {"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
    {"task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
    {"page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    {"minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN},
    {"major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ},
    {"context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
    {"cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
    {"alignment-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS},
    {"emulation-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS},
    {"compare-and-swaps", kOfArm, 0},
    {"failed-compare-and-swaps", kOfArm, 1},
};

// Returns the count of the calling thread so far.
std::uint64_t CountOfArm(const Event& event) {
  return event.config == 0 ? cas_counts.attempted : cas_counts.failed;
}

const Event* FindEvent(const std::string& name) {
  for (const Event& event : kEvents)
    if (name == event.name) return &event;
  return nullptr;
}

// Returns a file, or -1 with errno set.
int Open(const Event& event) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = event.type;
  attributes.config = event.config;
  attributes.disabled = 1;
  // Threads that this one makes count too.
  attributes.inherit = 1;
  // An ordinary user may count nothing else; software events happen there.
  attributes.exclude_kernel = event.type == PERF_TYPE_HARDWARE ? 1 : 0;
  attributes.exclude_hv = attributes.exclude_kernel;
  attributes.read_format =
      PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  return static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

}  // namespace

bool IsCounter(const std::string& name) { return FindEvent(name) != nullptr; }

std::string CounterNames() {
  std::string names;
  for (const Event& event : kEvents)
    names += (names.empty() ? "" : ", ") + std::string(event.name);
  return names;
}

Counters::Counters(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const Event& event = *FindEvent(name);
    if (event.type == kOfArm) {
      counted_.push_back({event, -1, 0});
      if (!counts_cas && error_.empty())
        error_ = "this arm does not count " + name;
      continue;
    }
    counted_.push_back({event, Open(event), 0});
    if (counted_.back().file < 0 && error_.empty()) {
      error_ = errno == ENOENT
                   ? "this machine has no counter for " + name
                   : "the kernel refuses to count " + name + ": " +
                         std::strerror(errno) +
                         " (see /proc/sys/kernel/perf_event_paranoid)";
    }
  }
}

Counters::~Counters() {
  for (const Counted& counted : counted_)
    if (counted.file >= 0) close(counted.file);
}

void Counters::Start() {
  for (Counted& counted : counted_) {
    if (counted.event.type == kOfArm)
      counted.of_arm -= CountOfArm(counted.event);
    if (counted.file >= 0) ioctl(counted.file, PERF_EVENT_IOC_ENABLE, 0);
  }
}

void Counters::Stop() {
  for (Counted& counted : counted_) {
    if (counted.event.type == kOfArm)
      counted.of_arm += CountOfArm(counted.event);
    if (counted.file >= 0) ioctl(counted.file, PERF_EVENT_IOC_DISABLE, 0);
  }
}

std::vector<std::optional<std::uint64_t>> Counters::Read() const {
  struct {
    std::uint64_t count;
    std::uint64_t enabled;
    std::uint64_t running;
  } reading;
  std::vector<std::optional<std::uint64_t>> counts;
  for (const Counted& counted : counted_) {
    counts.emplace_back();
    if (counts_cas && counted.event.type == kOfArm)
      counts.back() = counted.of_arm;
    if (counted.file < 0 ||
        read(counted.file, &reading, sizeof(reading)) != sizeof(reading))
      continue;
    if (reading.running == reading.enabled) {
      counts.back() = reading.count;
    } else if (reading.running != 0) {
      const double share = static_cast<double>(reading.enabled) /
                           static_cast<double>(reading.running);
      counts.back() = static_cast<std::uint64_t>(
          static_cast<double>(reading.count) * share);
      error_ = std::string(counted.event.name) +
               " is extrapolated: there are too few counters";
    }
  }
  return counts;
}

}  // namespace haft::study
