#include "bench/worker/parse_request.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "bench/worker/counters.h"
#include "bench/worker/cpus.h"
#include "bench/worker/draws.h"

namespace haft::study {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxThreads = 65535;
constexpr std::uint64_t kMaxTimeNs = 86'400'000'000'000;  // a day
constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 32U;

// An object whose keys are all known, and all read.
class Reader {
 public:
  // `path` is that of the object, for messages.
  Reader(const json& object, const std::string& path)
      : object_(object), path_(path) {
    if (!object.is_object()) Fail(path, "must be an object");
  }

  const json& At(const char* key) {
    read_.insert(key);
    const auto found = object_.find(key);
    if (found == object_.end()) Fail(PathOf(key), "is missing");
    return *found;
  }

  std::uint64_t Integer(const char* key, std::uint64_t least,
                        std::uint64_t most) {
    const json& value = At(key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < least ||
        value.get<std::uint64_t>() > most) {
      Fail(PathOf(key), "must be an integer from " + std::to_string(least) +
                            " to " + std::to_string(most));
    }
    return value.get<std::uint64_t>();
  }
  double Number(const char* key, double least, double most) {
    const json& value = At(key);
    if (!value.is_number() || value.get<double>() < least ||
        value.get<double>() > most) {
      Fail(PathOf(key),
           "must be a number from " + Text(least) + " to " + Text(most));
    }
    return value.get<double>();
  }
  bool Bool(const char* key) {
    const json& value = At(key);
    if (!value.is_boolean()) Fail(PathOf(key), "must be true or false");
    return value.get<bool>();
  }
  std::string String(const char* key) {
    const json& value = At(key);
    if (!value.is_string()) Fail(PathOf(key), "must be a string");
    return value.get<std::string>();
  }
  Reader Object(const char* key) { return Reader(At(key), PathOf(key)); }

  // Called when everything has been read.
  void RefuseOthers() const {
    for (const auto& item : object_.items())
      if (read_.count(item.key()) == 0) Fail(PathOf(item.key()), "is unknown");
  }

  [[noreturn]] static void Fail(const std::string& key,
                                const std::string& why) {
    throw Refused(key, why);
  }
  std::string PathOf(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }

 private:
  static std::string Text(double number) { return json(number).dump(); }

  const json& object_;
  const std::string path_;
  std::set<std::string> read_;
};

Skew ParseSkew(Reader reader, std::size_t live) {
  Skew skew;
  const std::string kind = reader.String("kind");
  if (kind == "zipf") {
    skew.kind = Skew::Kind::kZipf;
    skew.s = reader.Number("s", 0, 10);
  } else if (kind == "hot") {
    skew.kind = Skew::Kind::kHot;
    skew.keys = reader.Integer("keys", 1, std::max<std::size_t>(live, 1));
    skew.percent = reader.Number("percent", 0, 100);
  } else if (kind != "uniform") {
    Reader::Fail("skew.kind", "must be uniform, zipf or hot");
  }
  reader.RefuseOthers();
  return skew;
}

Mix ParseMix(Reader reader) {
  Mix mix;
  mix.find = reader.Number("find", 0, 100);
  mix.updates = reader.Number("new", 0, 100);
  mix.stale = reader.Number("stale", 0, 100);
  if (reader.Number("delete", 0, 100) != mix.updates)
    Reader::Fail("mix.delete", "must be the same as mix.new");
  constexpr double kTolerance = 1e-6;
  if (std::abs(mix.find + 2 * mix.updates + mix.stale - 100) > kTolerance)
    Reader::Fail("mix", "the percentages must sum to 100");
  reader.RefuseOthers();
  return mix;
}

Think ParseThink(Reader reader) {
  Think think;
  const std::string kind = reader.String("kind");
  if (kind == "constant" || kind == "exponential") {
    think.kind =
        kind == "constant" ? Think::Kind::kConstant : Think::Kind::kExponential;
    think.ns = reader.Number("ns", 0, 1e9);
  } else if (kind != "none") {
    Reader::Fail("think.kind", "must be none, constant or exponential");
  }
  reader.RefuseOthers();
  return think;
}

// Returns 0 for a closed loop.
double ParseArrival(Reader reader) {
  double rate = 0;
  const std::string kind = reader.String("kind");
  if (kind == "open") {
    rate = reader.Number("rate", 1e-3, 1e9);
  } else if (kind != "closed") {
    Reader::Fail("arrival.kind", "must be closed or open");
  }
  reader.RefuseOthers();
  return rate;
}

std::vector<std::vector<int>> ParseCpus(const json& value,
                                        std::size_t threads) {
  std::vector<std::vector<int>> cpus;
  if (value.is_null()) return cpus;
  if (!value.is_array() || value.size() != threads)
    Reader::Fail("cpus", "must be null or a list for each thread");
  const std::vector<int> allowed = AllowedCpus();
  for (const json& list : value) {
    if (!list.is_array() || list.empty())
      Reader::Fail("cpus", "the list of each thread must name a CPU");
    cpus.emplace_back();
    for (const json& cpu : list) {
      if (!cpu.is_number_integer())
        Reader::Fail("cpus", "a CPU must be an integer");
      const std::int64_t number = cpu.get<std::int64_t>();
      if (std::find(allowed.begin(), allowed.end(), number) == allowed.end()) {
        Reader::Fail("cpus", "CPU " + std::to_string(number) +
                                 " is not there, or this process may not "
                                 "use it");
      }
      cpus.back().push_back(static_cast<int>(number));
    }
  }
  return cpus;
}

std::vector<std::string> ParseCounters(const json& value) {
  std::vector<std::string> counters;
  if (!value.is_array()) Reader::Fail("counters", "must be a list of names");
  for (const json& name : value) {
    if (!name.is_string() || !IsCounter(name.get<std::string>())) {
      Reader::Fail("counters",
                   name.dump() + " is no event. There are " + CounterNames());
    }
    counters.push_back(name.get<std::string>());
  }
  return counters;
}

}  // namespace

Request ParseRequest(const json& object) {
  Reader reader(object, "");
  Request request;
  reader.At("protocol");
  reader.At("mode");
  request.arm = reader.String("arm");
  request.workload = reader.String("workload");
  request.threads = reader.Integer("threads", 1, kMaxThreads);
  request.cpus = ParseCpus(reader.At("cpus"), request.threads);
  request.seed =
      reader.Integer("seed", 0, std::numeric_limits<std::uint64_t>::max());
  request.warm_up_ns =
      static_cast<std::int64_t>(reader.Integer("warm_up_ns", 0, kMaxTimeNs));
  request.measure_ns =
      static_cast<std::int64_t>(reader.Integer("measure_ns", 1, kMaxTimeNs));
  request.live = reader.Integer("live", 0, kMaxCells);
  request.capacity = reader.Integer("capacity", 1, kMaxCount);
  if (request.live > request.capacity)
    Reader::Fail("live", "must not be more than the capacity");
  request.skew = ParseSkew(reader.Object("skew"), request.live);
  request.mix = ParseMix(reader.Object("mix"));
  request.think = ParseThink(reader.Object("think"));
  request.value_words = reader.Integer("value_words", 1, kMostValueWords);
  request.touch = reader.Bool("touch");
  request.batch = reader.Integer("batch", 1, kMaxCount);
  request.burst = reader.Integer("burst", 1, kMaxCount);
  request.hold = reader.Integer("hold", 1, kMaxCount);
  request.rate = ParseArrival(reader.Object("arrival"));
  request.latency = reader.Integer("latency", 0, kMaxCount / 2);
  request.counters = ParseCounters(reader.At("counters"));
  request.huge_pages = reader.Bool("huge_pages");
  request.lifetime = reader.Integer("lifetime", 1, kMaxCount);
  request.bystanders = reader.Integer("bystanders", 0, kMaxThreads);
  request.producers = reader.Integer("producers", 1, kMaxThreads);
  reader.RefuseOthers();
  return request;
}

}  // namespace haft::study
