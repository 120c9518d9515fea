// The input and the output of the program.

#include "bench/simulator/request.h"

#include <gtest/gtest.h>

#include <string>

namespace haft::simulator {
namespace {

using Json = nlohmann::json;

Json MachineJson() {
  return {{"name", "m"},
          {"source", "a test"},
          {"sockets", 1},
          {"clusters_per_socket", 2},
          {"cores_per_cluster", 4},
          {"hit_ns", 0.3},
          {"read_modify_write_ns", 5},
          {"transfer_cluster_ns", 30},
          {"transfer_socket_ns", 100},
          {"transfer_far_ns", 200},
          {"request_share", 0.667},
          {"copy_cluster_ns", 20},
          {"copy_socket_ns", 60},
          {"copy_far_ns", 150},
          {"grant_interval_ns", 2},
          {"further_sharer_ns", 1},
          {"memory_ns", 80},
          {"store_buffer_entries", 56},
          {"allocation_ns", 10},
          {"yield_ns", 300},
          {"membarrier_ns", 400},
          {"membarrier_per_core_ns", 100},
          {"interrupt_ns", 1000},
          {"sleep_ns", 500},
          {"wake_ns", 1000},
          {"wake_up_ns", 5000},
          {"loop_ns", 0.3},
          {"jitter_ns", 0.3}};
}
Json StudyJson() {
  return {{"machine", MachineJson()}, {"arms", {"haft/magazine"}},
          {"workloads", {"churn"}},   {"cores", {1, 2}},
          {"hold_ns", {0, 30}},       {"seed", 7},
          {"window_ns", 1000},        {"parameters", {{"live", 10}}}};
}
// Returns the complaint about an input; "" if there is none.
std::string ComplaintAbout(const Json& json) {
  try {
    (void)ReadStudy(json);
  } catch (const BadInput& bad) {
    return bad.what();
  }
  return "";
}
std::string ComplaintAboutMachine(const char* key, const Json& value) {
  Json json = StudyJson();
  json["machine"][key] = value;
  return ComplaintAbout(json);
}

TEST(RequestTest, MachineIsReadInPicoseconds) {
  const Machine machine = ReadMachine(MachineJson());
  EXPECT_EQ(machine.name, "m");
  EXPECT_EQ(machine.cores(), 8u);
  EXPECT_EQ(machine.hit, 300u);
  EXPECT_EQ(machine.transfer[2], 200'000u);
  EXPECT_EQ(machine.request_permille, 667u);
}

TEST(RequestTest, ScalarStandsForAList) {
  Json json = StudyJson();
  json["cores"] = 4;
  json["arms"] = "all";
  const Study study = ReadStudy(json);
  EXPECT_EQ(study.cores, std::vector<unsigned>{4});
  EXPECT_EQ(study.arms.size(), Arms().size());
  EXPECT_EQ(study.holds, (std::vector<Time>{0, 30'000}));
  EXPECT_EQ(study.seeds, std::vector<std::uint64_t>{7});
  EXPECT_EQ(study.parameters.live, 10u);
  EXPECT_EQ(study.parameters.window, 1'000'000u);
}

TEST(RequestTest, ComplaintNamesTheKey) {
  EXPECT_EQ(ComplaintAbout(StudyJson()), "");
  EXPECT_EQ(ComplaintAboutMachine("colour", 1),
            "the key 'machine.colour' is not known");
  EXPECT_EQ(ComplaintAboutMachine("hit_ns", "fast"),
            "the key 'machine.hit_ns' is not a number");
  EXPECT_EQ(ComplaintAboutMachine("hit_ns", 0),
            "the key 'machine.hit_ns' is 0");
  EXPECT_EQ(ComplaintAboutMachine("request_share", 1.5),
            "the key 'machine.request_share' is not from 0.0 to 1.0");
  EXPECT_EQ(ComplaintAboutMachine("sockets", 0),
            "the key 'machine.sockets' is not from 1 to 256");
  EXPECT_EQ(ComplaintAboutMachine("sockets", 1.5),
            "the key 'machine.sockets' is not an integer");

  Json json = StudyJson();
  json["machine"].erase("memory_ns");
  EXPECT_EQ(ComplaintAbout(json), "the key 'machine.memory_ns' is missing");
  json = StudyJson();
  json["arms"] = {"haft/magazine", "haft/none"};
  EXPECT_EQ(ComplaintAbout(json),
            "the key 'arms' names 'haft/none', which --list does not");
  json = StudyJson();
  json["cores"] = {1, 257};
  EXPECT_EQ(ComplaintAbout(json), "the key 'cores' is not from 1 to 256");
  json = StudyJson();
  json["cores"] = Json::array();
  EXPECT_EQ(ComplaintAbout(json), "the key 'cores' is an empty list");
  json = StudyJson();
  json["parameters"]["alive"] = 1;
  EXPECT_EQ(ComplaintAbout(json), "the key 'parameters.alive' is not known");
  json = StudyJson();
  json["window_ns"] = 0;
  EXPECT_EQ(ComplaintAbout(json), "the key 'window_ns' is 0");
  EXPECT_EQ(ComplaintAbout(Json::array()),
            "the key '(the input)' is not an object");
}

TEST(RequestTest, RowSaysWhatWasCounted) {
  const Study study = ReadStudy(StudyJson());
  Setting setting;
  setting.cores = 16;
  setting.hold = 30'000;
  setting.seed = 7;
  setting.parameters = study.parameters;
  Result result;
  result.window = 2'000'000;
  result.counted_cores = 16;
  result.millionths = 10'500'000;
  result.duration = 600'000;
  result.ended = 10;
  result.jain = 0.85;
  result.traffic.transfers = 21;
  result.costly = {{"slot 3.state", 210'000}};
  result.stall = 420'000;
  const Json row =
      RowOf(study, *study.arms[0], *study.workloads[0], setting, result);
  EXPECT_EQ(row["machine"], "m@16") << "the machine has 8 cores";
  EXPECT_EQ(row["arm"], "haft/magazine");
  EXPECT_EQ(row["workload"], "churn");
  EXPECT_EQ(row["hold_ns"], 30);
  EXPECT_EQ(row["seed"], 7);
  EXPECT_EQ(row["window_ns"], 2000);
  EXPECT_EQ(row["operations"], 10.5);
  EXPECT_EQ(row["throughput_per_us"], 5.25);
  EXPECT_EQ(row["ns_per_operation"], 3047.62);
  EXPECT_EQ(row["latency_ns"], 60);
  EXPECT_EQ(row["settled"], false);
  EXPECT_EQ(row["counts"]["transfers"], 21);
  EXPECT_EQ(row["per_operation"]["transfers"], 2);
  EXPECT_EQ(row["lines"][0]["name"], "slot 3.state");
  EXPECT_EQ(row["lines"][0]["stall_ns_per_operation"], 20);
  EXPECT_EQ(row["lines"][0]["share"], 0.5);
}

TEST(RequestTest, RowSaysWhatIsMissing) {
  const Study study = ReadStudy(StudyJson());
  const std::string missing =
      WhyNot(*FindArm("mutex"), *FindWorkload("scope"), 4);
  const Json row =
      RowWithout(study, *FindArm("mutex"), *FindWorkload("scope"), 4, missing);
  EXPECT_EQ(row["cannot"], "Scope");
  EXPECT_EQ(WhyNot(*FindArm("mutex"), *FindWorkload("hand-off-near"), 1),
            "2 cores");
  EXPECT_EQ(WhyNot(*FindArm("mutex"), *FindWorkload("hand-off-near"), 3),
            "an even number of cores");
  EXPECT_EQ(WhyNot(*FindArm("mutex"), *FindWorkload("hand-off-near"), 4), "");
}

TEST(RequestTest, ListNamesAllArmsAndWorkloads) {
  const Json list = List();
  EXPECT_EQ(list["arms"].size(), Arms().size());
  EXPECT_EQ(list["workloads"].size(), Workloads().size());
  EXPECT_EQ(list["parameters"]["burst"], 256);
}

}  // namespace
}  // namespace haft::simulator
