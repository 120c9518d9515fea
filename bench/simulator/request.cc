#include "bench/simulator/request.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace haft::simulator {
namespace {

using Json = nlohmann::json;
using Row = nlohmann::ordered_json;

[[noreturn]] void Complain(const std::string& key, const std::string& why) {
  throw BadInput("the key '" + key + "' " + why);
}

// The members of one JSON object. Each must be asked for once; Finish complains
// about the others.
class Reader {
 public:
  Reader(const Json& json, std::string path)
      : json_(json), path_(std::move(path)) {
    if (!json.is_object())
      Complain(path_.empty() ? "(the input)" : path_, "is not an object");
  }

  std::string Path(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  bool Has(const std::string& key) const { return json_.contains(key); }
  const Json& Get(const std::string& key) {
    known_.insert(key);
    const auto found = json_.find(key);
    if (found == json_.end()) Complain(Path(key), "is missing");
    return *found;
  }
  std::string GetString(const std::string& key) {
    const Json& value = Get(key);
    if (!value.is_string()) Complain(Path(key), "is not a string");
    return value.get<std::string>();
  }
  std::uint64_t GetInteger(const std::string& key, std::uint64_t least,
                           std::uint64_t most) {
    return Integer(Get(key), key, least, most);
  }
  double GetNumber(const std::string& key, double least, double most) {
    return Number(Get(key), key, least, most);
  }
  // A number of nanoseconds.
  Time GetTime(const std::string& key) { return TimeOf(Get(key), key); }

  // A value or a list of them.
  std::vector<std::uint64_t> GetIntegers(const std::string& key,
                                         std::uint64_t least,
                                         std::uint64_t most) {
    return GetList<std::uint64_t>(key, [&](const Json& value) {
      return Integer(value, key, least, most);
    });
  }
  std::vector<Time> GetTimes(const std::string& key) {
    return GetList<Time>(key,
                         [&](const Json& value) { return TimeOf(value, key); });
  }
  std::vector<std::string> GetStrings(const std::string& key) {
    return GetList<std::string>(key, [&](const Json& value) {
      if (!value.is_string()) Complain(Path(key), "is not a string");
      return value.get<std::string>();
    });
  }

  void Finish() const {
    for (const auto& member : json_.items()) {
      if (known_.count(member.key()) == 0)
        Complain(Path(member.key()), "is not known");
    }
  }

 private:
  // A second, which is longer than any simulation.
  static constexpr double kLongestNanoseconds = 1e9;

  template <typename T, typename F>
  std::vector<T> GetList(const std::string& key, F&& read) {
    const Json& value = Get(key);
    std::vector<T> list;
    if (value.is_array()) {
      for (const Json& element : value) list.push_back(read(element));
    } else {
      list.push_back(read(value));
    }
    if (list.empty()) Complain(Path(key), "is an empty list");
    return list;
  }
  std::uint64_t Integer(const Json& value, const std::string& key,
                        std::uint64_t least, std::uint64_t most) const {
    if (!value.is_number_integer()) Complain(Path(key), "is not an integer");
    const auto number = value.get<std::uint64_t>();
    const bool is_negative =
        !value.is_number_unsigned() && value.get<std::int64_t>() < 0;
    if (is_negative || number < least || number > most) {
      Complain(Path(key), "is not from " + std::to_string(least) + " to " +
                              std::to_string(most));
    }
    return number;
  }
  double Number(const Json& value, const std::string& key, double least,
                double most) const {
    if (!value.is_number()) Complain(Path(key), "is not a number");
    const double number = value.get<double>();
    if (!(number >= least && number <= most)) {
      Complain(Path(key),
               "is not from " + Row(least).dump() + " to " + Row(most).dump());
    }
    return number;
  }
  Time TimeOf(const Json& value, const std::string& key) const {
    return static_cast<Time>(
        std::llround(Number(value, key, 0, kLongestNanoseconds) *
                     static_cast<double>(kNanosecond)));
  }

  const Json& json_;
  const std::string path_;
  std::set<std::string> known_;
};

Parameters ReadParameters(const Json& json) {
  constexpr std::uint64_t kMost = 1'000'000;
  Reader reader(json, "parameters");
  Parameters parameters;
  const auto read = [&](const char* key, std::uint64_t least,
                        std::size_t* value) {
    if (reader.Has(key)) *value = reader.GetInteger(key, least, kMost);
  };
  read("live", 1, &parameters.live);
  read("burst", 1, &parameters.burst);
  read("bystanders", 0, &parameters.bystanders);
  read("thread_operations", 1, &parameters.thread_operations);
  read("finds", 1, &parameters.finds);
  read("share", 0, &parameters.share);
  if (reader.Has("latest_ns")) parameters.latest = reader.GetTime("latest_ns");
  reader.Finish();
  return parameters;
}

template <typename T>
std::vector<const T*> Select(const std::vector<std::string>& names,
                             const std::string& key, const std::vector<T>& all,
                             const T* (*find)(const std::string&)) {
  std::vector<const T*> selected;
  for (const std::string& name : names) {
    if (name == "all") {
      for (const T& each : all) selected.push_back(&each);
      continue;
    }
    const T* const found = find(name);
    if (found == nullptr)
      Complain(key, "names '" + name + "', which --list does not");
    selected.push_back(found);
  }
  return selected;
}

double Nanoseconds(Time time) {
  return static_cast<double>(time) / static_cast<double>(kNanosecond);
}

// Rounds to six digits, so that a row does not depend on how a library prints
// the last ones.
double Rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double digits = 5 - std::floor(std::log10(std::fabs(value)));
  const double scale = std::pow(10.0, digits);
  return digits > 300 ? 0 : std::round(value * scale) / scale;
}

Row RowHead(const Study& study, const ArmKind& arm, const Workload& workload,
            unsigned cores) {
  Row row;
  std::string name = study.machine.name;
  if (cores > study.machine.cores()) name += "@" + std::to_string(cores);
  row["machine"] = name;
  row["arm"] = arm.name;
  row["workload"] = workload.name;
  row["cores"] = cores;
  return row;
}

}  // namespace

Machine ReadMachine(const Json& json) {
  Reader reader(json, "machine");
  Machine machine;
  machine.name = reader.GetString("name");
  if (reader.Has("source")) (void)reader.GetString("source");
  machine.sockets =
      static_cast<unsigned>(reader.GetInteger("sockets", 1, kMostCores));
  machine.clusters_per_socket = static_cast<unsigned>(
      reader.GetInteger("clusters_per_socket", 1, kMostCores));
  machine.cores_per_cluster = static_cast<unsigned>(
      reader.GetInteger("cores_per_cluster", 1, kMostCores));
  machine.hit = reader.GetTime("hit_ns");
  machine.read_modify_write = reader.GetTime("read_modify_write_ns");
  machine.transfer = {reader.GetTime("transfer_cluster_ns"),
                      reader.GetTime("transfer_socket_ns"),
                      reader.GetTime("transfer_far_ns")};
  machine.copy = {reader.GetTime("copy_cluster_ns"),
                  reader.GetTime("copy_socket_ns"),
                  reader.GetTime("copy_far_ns")};
  machine.memory = reader.GetTime("memory_ns");
  machine.further_sharer = reader.GetTime("further_sharer_ns");
  machine.grant_interval = reader.GetTime("grant_interval_ns");
  machine.request_permille = static_cast<unsigned>(
      std::lround(reader.GetNumber("request_share", 0, 1) * 1000));
  machine.store_buffer =
      static_cast<unsigned>(reader.GetInteger("store_buffer_entries", 1, 1000));
  machine.allocation = reader.GetTime("allocation_ns");
  machine.yield = reader.GetTime("yield_ns");
  machine.membarrier = reader.GetTime("membarrier_ns");
  machine.membarrier_per_core = reader.GetTime("membarrier_per_core_ns");
  machine.interrupt = reader.GetTime("interrupt_ns");
  machine.sleep = reader.GetTime("sleep_ns");
  machine.wake = reader.GetTime("wake_ns");
  machine.wake_up = reader.GetTime("wake_up_ns");
  machine.loop = reader.GetTime("loop_ns");
  machine.jitter = reader.GetTime("jitter_ns");
  reader.Finish();
  // A core that spins must get on.
  if (machine.hit == 0) Complain("machine.hit_ns", "is 0");
  if (machine.read_modify_write == 0)
    Complain("machine.read_modify_write_ns", "is 0");
  if (machine.yield == 0) Complain("machine.yield_ns", "is 0");
  return machine;
}

Study ReadStudy(const Json& json) {
  Reader reader(json, "");
  Study study;
  study.machine = ReadMachine(reader.Get("machine"));
  study.arms =
      Select<ArmKind>(reader.GetStrings("arms"), "arms", Arms(), &FindArm);
  study.workloads = Select<Workload>(reader.GetStrings("workloads"),
                                     "workloads", Workloads(), &FindWorkload);
  for (const std::uint64_t cores : reader.GetIntegers("cores", 1, kMostCores))
    study.cores.push_back(static_cast<unsigned>(cores));
  study.holds =
      reader.Has("hold_ns") ? reader.GetTimes("hold_ns") : std::vector<Time>{0};
  study.seeds = reader.Has("seed")
                    ? reader.GetIntegers(
                          "seed", 0, std::numeric_limits<std::int64_t>::max())
                    : std::vector<std::uint64_t>{1};
  if (reader.Has("parameters"))
    study.parameters = ReadParameters(reader.Get("parameters"));
  if (reader.Has("window_ns")) {
    study.parameters.window = reader.GetTime("window_ns");
    if (study.parameters.window == 0) Complain("window_ns", "is 0");
  }
  reader.Finish();
  return study;
}

Row RowWithout(const Study& study, const ArmKind& arm, const Workload& workload,
               unsigned cores, const std::string& missing) {
  Row row = RowHead(study, arm, workload, cores);
  row["cannot"] = missing;
  return row;
}

Row RowOf(const Study& study, const ArmKind& arm, const Workload& workload,
          const Setting& setting, const Result& result) {
  const double operations = static_cast<double>(result.millionths) / 1e6;
  const auto each = [operations](double sum) {
    return operations == 0 ? 0 : Rounded(sum / operations);
  };
  const auto count = [](std::uint64_t n) { return static_cast<double>(n); };
  const double window = Nanoseconds(result.window);
  const Traffic& traffic = result.traffic;

  Row row = RowHead(study, arm, workload, setting.cores);
  row["hold_ns"] = Nanoseconds(setting.hold);
  row["seed"] = setting.seed;
  row["parameters"] = {
      {"live", setting.parameters.live},
      {"burst", setting.parameters.burst},
      {"bystanders", setting.parameters.bystanders},
      {"thread_operations", setting.parameters.thread_operations},
      {"finds", setting.parameters.finds}};
  row["window_ns"] = window;
  row["counted_cores"] = result.counted_cores;
  row["operations"] = Rounded(operations);
  row["throughput_per_us"] = Rounded(operations / window * 1000);
  row["ns_per_operation"] = each(window * result.counted_cores);
  row["latency_ns"] =
      result.ended == 0
          ? Row()
          : Row(Rounded(Nanoseconds(result.duration) / count(result.ended)));
  row["jain"] = Rounded(result.jain);
  row["settled"] = result.settled();
  row["counts"] = {{"accesses", traffic.accesses},
                   {"transfers", traffic.transfers},
                   {"far_transfers", traffic.far_transfers},
                   {"invalidations", traffic.invalidations},
                   {"failed_cas", traffic.failed_compare_and_swaps}};
  row["per_operation"] = {
      {"accesses", each(count(traffic.accesses))},
      {"transfers", each(count(traffic.transfers))},
      {"far_transfers", each(count(traffic.far_transfers))},
      {"invalidations", each(count(traffic.invalidations))},
      {"failed_cas", each(count(traffic.failed_compare_and_swaps))}};
  Row lines = Row::array();
  for (const CostlyWord& word : result.costly) {
    lines.push_back(
        {{"name", word.name},
         {"stall_ns_per_operation", each(Nanoseconds(word.stall))},
         {"share", Rounded(count(word.stall) / count(result.stall))}});
  }
  row["lines"] = lines;
  return row;
}

Row List() {
  Row list;
  list["arms"] = Row::array();
  for (const ArmKind& arm : Arms()) {
    Row abilities = Row::array();
    for (const Ability ability : arm.abilities)
      abilities.push_back(AbilityName(ability));
    list["arms"].push_back({{"name", arm.name},
                            {"meaning", arm.meaning},
                            {"abilities", abilities}});
  }
  list["workloads"] = Row::array();
  for (const Workload& workload : Workloads()) {
    list["workloads"].push_back({{"name", workload.name},
                                 {"meaning", workload.meaning},
                                 {"needs", AbilityName(workload.needs)},
                                 {"least_cores", workload.least_cores}});
  }
  const Parameters parameters;
  list["parameters"] = {{"live", parameters.live},
                        {"burst", parameters.burst},
                        {"bystanders", parameters.bystanders},
                        {"thread_operations", parameters.thread_operations},
                        {"finds", parameters.finds},
                        {"share", parameters.share},
                        {"latest_ns", Nanoseconds(parameters.latest)}};
  list["window_ns"] = Nanoseconds(parameters.window);
  return list;
}

}  // namespace haft::simulator
