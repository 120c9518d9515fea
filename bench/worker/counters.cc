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
namespace {

struct Event {
  const char* name;
  std::uint32_t type;
  std::uint64_t config;
};

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

Counters::Counters(const std::vector<std::string>& names) : names_(names) {
  for (const std::string& name : names) {
    of_arm_.push_back(0);
    if (FindEvent(name)->type == kOfArm) {
      files_.push_back(-1);
      if (!counts_cas && error_.empty())
        error_ = "this arm does not count " + name;
      continue;
    }
    files_.push_back(Open(*FindEvent(name)));
    if (files_.back() < 0 && error_.empty()) {
      error_ = errno == ENOENT
                   ? "this machine has no counter for " + name
                   : "the kernel refuses to count " + name + ": " +
                         std::strerror(errno) +
                         " (see /proc/sys/kernel/perf_event_paranoid)";
    }
  }
}

Counters::~Counters() {
  for (const int file : files_)
    if (file >= 0) close(file);
}

void Counters::Start() {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const Event& event = *FindEvent(names_[i]);
    if (event.type == kOfArm) of_arm_[i] -= CountOfArm(event);
    if (files_[i] >= 0) ioctl(files_[i], PERF_EVENT_IOC_ENABLE, 0);
  }
}

void Counters::Stop() {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const Event& event = *FindEvent(names_[i]);
    if (event.type == kOfArm) of_arm_[i] += CountOfArm(event);
    if (files_[i] >= 0) ioctl(files_[i], PERF_EVENT_IOC_DISABLE, 0);
  }
}

std::vector<std::optional<std::uint64_t>> Counters::Read() const {
  struct {
    std::uint64_t count;
    std::uint64_t enabled;
    std::uint64_t running;
  } reading;
  std::vector<std::optional<std::uint64_t>> counts;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    counts.emplace_back();
    if (counts_cas && FindEvent(names_[i])->type == kOfArm)
      counts.back() = of_arm_[i];
    if (files_[i] < 0 ||
        read(files_[i], &reading, sizeof(reading)) != sizeof(reading))
      continue;
    if (reading.running == reading.enabled) {
      counts.back() = reading.count;
    } else if (reading.running != 0) {
      const double share = static_cast<double>(reading.enabled) /
                           static_cast<double>(reading.running);
      counts.back() = static_cast<std::uint64_t>(
          static_cast<double>(reading.count) * share);
      error_ = names_[i] + " is extrapolated: there are too few counters";
    }
  }
  return counts;
}

}  // namespace haft::study
