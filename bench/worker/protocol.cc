#include "bench/worker/protocol.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bench/worker/arm_entry.h"
#include "bench/worker/clock.h"
#include "bench/worker/parse_request.h"
#include "bench/worker/process.h"
#include "bench/worker/recorded_flags.h"
#include "bench/worker/run.h"

namespace haft::study {
namespace {

// Keeps the order in which the keys are written.
using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

Json OrNull(const char* text) { return text == nullptr ? Json() : Json(text); }
Json OrNull(std::size_t limit) { return limit == 0 ? Json() : Json(limit); }
template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json();
}

Json DescribeArm(const ArmEntry& arm) {
  Json json = {{"name", arm.name}};
  if (arm.unavailable != nullptr) {
    json["unavailable"] = arm.unavailable;
    return json;
  }
  json["version"] = OrNull(arm.version);
  json["progress"] = OrNull(arm.progress);
  Json& workloads = json["workloads"] = Json::object();
  for (const WorkloadEntry& workload : arm.values.front().workloads)
    workloads[workload.name] = OrNull(workload.missing);
  Json& words = json["value_words"] = Json::array();
  for (const ValueEntry& value : arm.values) words.push_back(value.words);
  json["max_threads"] = OrNull(arm.max_threads);
  json["max_capacity"] = OrNull(arm.max_capacity);
  json["compiler"] = arm.build.compiler;
  json["flags"] = RecordedFlags();
  json["optimized"] = arm.build.optimized;
  json["assertions"] = arm.build.assertions;
  json["sanitizer"] = OrNull(arm.build.sanitizer);
  json["libraries"] = {{"libc", LibcVersion()},
                       {"libstdc++", std::to_string(__GLIBCXX__)}};
  return json;
}

Json Describe() {
  Json arms = Json::array();
  for (const ArmEntry& arm : Arms()) arms.push_back(DescribeArm(arm));
  return {{"protocol", kVersion}, {"arms", std::move(arms)}};
}

const ArmEntry& ArmOf(const Request& request) {
  std::string names;
  for (const ArmEntry& arm : Arms()) {
    if (request.arm == arm.name) return arm;
    names += (names.empty() ? "" : ", ") + std::string(arm.name);
  }
  throw Refused("arm", "this worker has no " + request.arm + ", but " + names);
}

const WorkloadEntry& WorkloadOf(const ArmEntry& arm, const Request& request) {
  if (arm.unavailable != nullptr) {
    throw Refused("arm", request.arm + " is not to be had: " + arm.unavailable);
  }
  if (arm.max_threads != 0 && request.threads > arm.max_threads) {
    throw Refused("threads", request.arm + " serves at most " +
                                 std::to_string(arm.max_threads) + " threads");
  }
  if (arm.max_capacity != 0 && request.capacity > arm.max_capacity) {
    throw Refused("capacity", request.arm + " has room for at most " +
                                  std::to_string(arm.max_capacity) +
                                  " handles");
  }
  for (const ValueEntry& value : arm.values) {
    if (value.words != request.value_words) continue;
    std::string names;
    for (const WorkloadEntry& workload : value.workloads) {
      if (request.workload == workload.name) return workload;
      names += (names.empty() ? "" : ", ") + std::string(workload.name);
    }
    throw Refused("workload",
                  "there is no " + request.workload + ", but " + names);
  }
  throw Refused("value_words", request.arm + " holds no values of " +
                                   std::to_string(request.value_words) +
                                   " words");
}

constexpr const char* kWrongAnswers[kWrongs] = {
    "a live key was not found",       "a live key could not be deleted",
    "a key had another's value",      "a deleted key was found",
    "a deleted key was deleted anew", "a key was live twice"};

// Returns a sentence about the wrong answers; empty if there are none.
std::string WrongAnswers(const RunResult& result) {
  std::string text;
  for (std::size_t i = 0; i < kWrongs; ++i) {
    std::uint64_t count = result.verified.wrong[i];
    for (const ThreadResult& thread : result.threads)
      count += thread.tally.wrong[i];
    if (count == 0) continue;
    text += (text.empty() ? "" : "; ") + std::string(kWrongAnswers[i]) + " (" +
            std::to_string(count) + " times)";
  }
  return text;
}

// Whether a thread has done an operation of the kind.
bool HasKind(const RunResult& result, std::size_t kind) {
  return std::any_of(result.threads.begin(), result.threads.end(),
                     [kind](const ThreadResult& thread) {
                       return thread.tally.attempted[kind] != 0;
                     });
}

Json ThreadsOf(const Request& request, const RunResult& result) {
  Json threads = Json::array();
  for (std::size_t i = 0; i < result.threads.size(); ++i) {
    const ThreadResult& thread = result.threads[i];
    Json operations = Json::object();
    for (std::size_t k = 0; k < kKinds; ++k) {
      const std::uint64_t attempted = thread.tally.attempted[k];
      const std::uint64_t failed = thread.tally.failed[k];
      if (!HasKind(result, k)) continue;
      operations[NameOf(static_cast<Kind>(k))] = {{"done", attempted - failed},
                                                  {"failed", failed}};
    }
    const bool is_bound = !request.cpus.empty() && request.cpus[i].size() == 1;
    threads.push_back(
        {{"ns", thread.ns},
         {"cpus", thread.cpus.cpus()},
         {"moves", thread.migrations.value_or(thread.cpus.moves())},
         {"moves_are_exact", is_bound || thread.migrations.has_value()},
         {"operations", std::move(operations)}});
  }
  return threads;
}

Json LatencyOf(const RunResult& result) {
  Json latency = Json::array();
  for (std::size_t i = 0; i < result.threads.size(); ++i) {
    const std::vector<Histogram>& histograms = result.threads[i].latency;
    for (std::size_t k = 0; k < histograms.size(); ++k) {
      const Histogram& histogram = histograms[k];
      if (histogram.sampled() == 0) continue;
      Json buckets = Json::array();
      for (const Histogram::Bucket& bucket : histogram.Buckets())
        buckets.push_back({bucket.lower, bucket.upper, bucket.count});
      latency.push_back({{"thread", i},
                         {"operation", NameOf(static_cast<Kind>(k))},
                         {"sampled", histogram.sampled()},
                         {"max_ns", histogram.max()},
                         {"buckets", std::move(buckets)}});
    }
  }
  return latency;
}

// Returns the sum over the threads; nothing if one has none.
template <typename F>
std::optional<std::uint64_t> Sum(const RunResult& result, F count_of) {
  std::uint64_t sum = 0;
  for (const ThreadResult& thread : result.threads) {
    const std::optional<std::uint64_t> count = count_of(thread);
    if (!count.has_value()) return std::nullopt;
    sum += *count;
  }
  return sum;
}

Json Measured(const Request& request, const RunResult& result) {
  Json counters = Json::object();
  for (std::size_t i = 0; i < request.counters.size(); ++i) {
    counters[request.counters[i]] = OrNull(
        Sum(result, [i](const ThreadResult& t) { return t.counters[i]; }));
  }
  std::string counters_error;
  for (const ThreadResult& thread : result.threads)
    if (counters_error.empty()) counters_error = thread.counters_error;
  const ClockFacts clock = MeasureClock();
  const std::string wrong = WrongAnswers(result);
  return {
      {"protocol", kVersion},
      {"status", wrong.empty() ? "ok" : "wrong"},
      {"message", wrong.empty() ? Json() : Json(wrong)},
      {"missing", nullptr},
      {"clock",
       {{"name", "steady_clock"},
        {"cost_ns", clock.cost_ns},
        {"granularity_ns", clock.granularity_ns}}},
      {"think_ns", result.think_ns},
      {"threads", ThreadsOf(request, result)},
      {"memory",
       {{"resident_bytes", result.memory.resident_bytes},
        {"peak_bytes", result.memory.peak_bytes}}},
      {"faults",
       {{"minor", result.usage.minor_faults},
        {"major", result.usage.major_faults}}},
      {"switches",
       {{"voluntary", result.usage.voluntary_switches},
        {"involuntary", result.usage.involuntary_switches}}},
      {"migrations", OrNull(Sum(result,
                                [](const ThreadResult& thread) {
                                  return thread.migrations;
                                }))},
      {"counters", std::move(counters)},
      {"counters_error",
       OrNull(counters_error.empty() ? nullptr : counters_error.c_str())},
      {"allocator", AllocatorPath()},
      {"huge_pages", OrNull(result.huge_pages)},
      {"latency", LatencyOf(result)},
  };
}

Json NotMeasured(const char* status, const std::string& message,
                 const char* missing) {
  return {{"protocol", kVersion},
          {"status", status},
          {"message", message},
          {"missing", OrNull(missing)}};
}

Json RunArm(const nlohmann::json& object) {
  const Request request = ParseRequest(object);
  const ArmEntry& arm = ArmOf(request);
  const WorkloadEntry& entry = WorkloadOf(arm, request);
  if (entry.missing != nullptr) {
    throw Cannot(entry.missing, request.arm + " has no " + entry.missing +
                                    ", which " + request.workload + " needs");
  }
  const std::unique_ptr<Workload> workload = entry.make(request);
  return Measured(request, Run(request, *workload));
}

Json AnswerTo(const nlohmann::json& object) {
  try {
    const auto protocol = object.find("protocol");
    if (protocol == object.end() || *protocol != kVersion)
      throw Refused("protocol", "this worker speaks version 1 only");
    const auto mode = object.find("mode");
    if (mode != object.end() && *mode == "describe") return Describe();
    if (mode == object.end() || *mode != "run")
      throw Refused("mode", "must be describe or run");
    return RunArm(object);
  } catch (const Refused& refused) {
    return NotMeasured("refused", refused.what(), nullptr);
  } catch (const Cannot& cannot) {
    return NotMeasured("cannot", cannot.what(), cannot.missing());
  }
}

}  // namespace

std::string Answer(const std::string& request) {
  const nlohmann::json object =
      nlohmann::json::parse(request, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object())
    throw std::runtime_error("the request on stdin is not one JSON object");
  return AnswerTo(object).dump();
}

}  // namespace haft::study
