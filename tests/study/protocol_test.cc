// The worker's answers: every workload on two arms, arms that answer wrongly,
// and requests that cannot be run.

#include "bench/worker/protocol.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/tables/haft_table.h"
#include "bench/worker/cpus.h"
#include "haft_study/arm.h"

namespace haft::study {
namespace {

using nlohmann::json;

// --- Arms --------------------------------------------------------------------

// A map under one mutex that has every optional member, and knows how many keys
// are live and how many pins are held.
class Everything {
 public:
  static constexpr const char* kVersion = "1";
  static constexpr const char* kProgress = "blocking";
  static constexpr std::size_t kMaxThreads = 16;

  Everything(std::size_t capacity, std::size_t threads)
      : capacity_(capacity), threads_(threads) {
    at_least_threads = threads_;
  }
  ~Everything() {
    live_at_end = map_.size();
    pins_at_end = pins_;
    sessions_at_end = sessions_;
  }

  struct Session {
    explicit Session(Everything& of) : table(of) { ++table.sessions_; }
    ~Session() { --table.sessions_; }
    Everything& table;
  };

  Key New(Session&, Value value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (map_.size() == capacity_) return kNoKey;
    map_[++last_] = value;
    return last_;
  }
  bool Find(Session&, Key key, Value* value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = map_.find(key);
    if (found == map_.end()) return false;
    *value = found->second;
    return true;
  }
  bool Delete(Key key) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return map_.erase(key) != 0;
  }
  bool DeleteUnlessPinned(Session&, Key key) { return Delete(key); }
  std::size_t NewBatch(Session& session, const Value* values, std::size_t count,
                       Key* keys) {
    for (std::size_t i = 0; i < count; ++i) {
      keys[i] = New(session, values[i]);
      if (keys[i] == kNoKey) return i;
    }
    return count;
  }
  std::size_t DeleteBatch(const Key* keys, std::size_t count) {
    std::size_t deleted = 0;
    for (std::size_t i = 0; i < count; ++i) deleted += Delete(keys[i]) ? 1 : 0;
    return deleted;
  }
  std::size_t Stats() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return map_.size();
  }

  struct Held {
    explicit operator bool() const { return found; }
    Value value() const { return stored; }
    Value stored;
    bool found;
  };
  Held Pin(Session& session, Key key) {
    Held held{};
    held.found = Find(session, key, &held.stored);
    if (held.found) ++pins_;
    return held;
  }
  void Unpin(Session&, Held&) { --pins_; }

  struct Scope {
    explicit Scope(Session& session) : table(session.table) { ++table.pins_; }
    ~Scope() { --table.pins_; }
    Everything& table;
  };

  static std::size_t at_least_threads;
  static std::size_t live_at_end;
  static int pins_at_end;
  static int sessions_at_end;

 private:
  const std::size_t capacity_;
  const std::size_t threads_;
  std::mutex mutex_;
  std::unordered_map<Key, Value> map_;
  Key last_ = 0;
  std::atomic<int> pins_{0};
  std::atomic<int> sessions_{0};
};
std::size_t Everything::at_least_threads = 0;
std::size_t Everything::live_at_end = 0;
int Everything::pins_at_end = 0;
int Everything::sessions_at_end = 0;

HAFT_STUDY_ARM("everything", Everything);
HAFT_STUDY_ARM("haft", bench::HaftTable<MagazineFreeList, Value>);
HAFT_STUDY_UNAVAILABLE("absent", "package libabsent-dev");

// A table of which one answer is wrong now and then.
enum class Fault { kForgets, kFindsStale, kIssuesTwice, kMixesUp };

template <typename V, Fault kFault>
class Faulty {
 public:
  explicit Faulty(std::size_t) {}
  Key New(const V& value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool twice = kFault == Fault::kIssuesTwice && ++calls_ % 50 == 0;
    if (!twice) ++last_;
    map_[last_] = value;
    return last_;
  }
  bool Find(Key key, V* value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto found = map_.find(key);
    const bool is_wrong = ++calls_ % 50 == 0;
    if (found == map_.end()) {
      *value = V{};
      return kFault == Fault::kFindsStale && is_wrong;
    }
    if (kFault == Fault::kForgets && is_wrong) return false;
    *value = found->second;
    if (kFault == Fault::kMixesUp && is_wrong) Half(value);
    return true;
  }
  bool Delete(Key key) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return map_.erase(key) != 0;
  }
  struct Scope {
    explicit Scope(Faulty&) {}
  };

 private:
  static void Half(Value* value) { ++*value; }
  template <std::size_t kWords>
  static void Half(Words<kWords>* value) {
    ++value->word[kWords - 1];
  }

  std::mutex mutex_;
  std::unordered_map<Key, V> map_;
  Key last_ = 0;
  int calls_ = 0;
};

// An arm with the workloads that can show the fault, which is all that is
// compiled.
template <Fault kFault>
ArmEntry FaultyArm(const char* name) {
  using OneWord = Faulty<Value, kFault>;
  using EightWords = Faulty<Words<8>, kFault>;
  return {
      name,
      nullptr,
      nullptr,
      nullptr,
      0,
      0,
      HAFT_STUDY_BUILD,
      {{1,
        {EntryOf<OneWord, Value, Mixed, kFind | kDelete>("mixed"),
         EntryOf<OneWord, Value, Stale, kFind | kDelete>("stale"),
         EntryOf<OneWord, Value, StaleScopes, kFind | kScope>("stale-scope"),
         EntryOf<OneWord, Value, MixedScopes, kFind | kScope>("mixed-scope")}},
       {8, {EntryOf<EightWords, Words<8>, Mixed, kFind | kDelete>("mixed")}}}};
}
const Registration kForgets(FaultyArm<Fault::kForgets>("forgets"));
const Registration kFindsStale(FaultyArm<Fault::kFindsStale>("finds-stale"));
const Registration kIssuesTwice(FaultyArm<Fault::kIssuesTwice>("twice"));
const Registration kMixesUp(FaultyArm<Fault::kMixesUp>("mixes-up"));

// The sizes 2 and 8, then 1 and 4: as two files whose order the linker chooses.
// The same size twice is no other part of one arm.
ArmEntry ArmOfSizes(const char* name, const std::vector<std::size_t>& sizes) {
  ArmEntry arm{name, nullptr, nullptr, nullptr, 0, 0, HAFT_STUDY_BUILD, {}};
  for (const std::size_t words : sizes) arm.values.push_back({words, {}});
  return arm;
}
const Registration kFirstFile(ArmOfSizes("in-two-files", {2, 8}));
const Registration kSecondFile(ArmOfSizes("in-two-files", {1, 4}));
const Registration kOne(ArmOfSizes("declared-twice", {1, 2}));
const Registration kOneAgain(ArmOfSizes("declared-twice", {2, 3}));

// --- Requests ----------------------------------------------------------------

json RequestFor(const std::string& arm, const std::string& workload) {
  return {{"protocol", 1},
          {"mode", "run"},
          {"arm", arm},
          {"workload", workload},
          {"threads", 2},
          {"cpus", nullptr},
          {"seed", 37033},
          {"warm_up_ns", 1000000},
          {"measure_ns", 3000000},
          {"live", 100},
          {"capacity", 1000},
          {"skew", {{"kind", "uniform"}}},
          {"mix", {{"find", 90}, {"new", 5}, {"delete", 5}, {"stale", 0}}},
          {"think", {{"kind", "none"}}},
          {"value_words", 1},
          {"touch", false},
          {"batch", 16},
          {"burst", 64},
          {"hold", 8},
          {"arrival", {{"kind", "closed"}}},
          {"latency", 0},
          {"counters", json::array()},
          {"huge_pages", false},
          {"lifetime", 100},
          {"bystanders", 3},
          {"producers", 1}};
}

json Ask(const json& request) { return json::parse(Answer(request.dump())); }

// Returns the count of an operation over all threads.
std::int64_t Count(const json& answer, const std::string& operation,
                   const char* outcome = "done") {
  std::int64_t sum = 0;
  for (const json& thread : answer["threads"]) {
    const json& operations = thread["operations"];
    if (operations.contains(operation))
      sum += operations[operation][outcome].get<std::int64_t>();
  }
  return sum;
}

// --- Describe ----------------------------------------------------------------

TEST(DescribeTest, ArmsSayWhatTheyCan) {
  const json answer = Ask({{"protocol", 1}, {"mode", "describe"}});
  EXPECT_EQ(answer["protocol"], 1);
  json arms;
  for (const json& arm : answer["arms"]) arms[arm["name"]] = arm;
  EXPECT_EQ(arms["absent"]["unavailable"], "package libabsent-dev");
  const json& everything = arms["everything"];
  EXPECT_EQ(everything["version"], "1");
  EXPECT_EQ(everything["progress"], "blocking");
  EXPECT_EQ(everything["max_threads"], 16);
  EXPECT_EQ(everything["max_capacity"], nullptr);
  EXPECT_EQ(everything["value_words"], json({1}));
  for (const auto& workload : everything["workloads"].items())
    EXPECT_EQ(workload.value(), nullptr) << workload.key();
  EXPECT_EQ(arms["haft"]["workloads"]["pin"], "Pin");
  EXPECT_EQ(arms["haft"]["workloads"]["scope"], "Scope");
  EXPECT_EQ(arms["haft"]["workloads"]["batch"], nullptr);
  EXPECT_EQ(arms["haft"]["value_words"], json({1}));
  EXPECT_EQ(arms["forgets"]["value_words"], json({1, 8}));
}

TEST(DescribeTest, SizesOfAnArmThatIsCompiledTwiceAreThoseOfOneArm) {
  const json answer = Ask({{"protocol", 1}, {"mode", "describe"}});
  std::vector<json> merged;
  std::vector<json> twice;
  for (const json& arm : answer["arms"]) {
    if (arm["name"] == "in-two-files") merged.push_back(arm["value_words"]);
    if (arm["name"] == "declared-twice") twice.push_back(arm["value_words"]);
  }
  EXPECT_EQ(json(merged), json::parse("[[1, 2, 4, 8]]"));
  EXPECT_EQ(json(twice), json::parse("[[1, 2], [2, 3]]"));
}

// --- Workloads ---------------------------------------------------------------

class WorkloadTest : public testing::TestWithParam<const char*> {
 protected:
  // Runs the workload of an arm. If one thread waits for the other, and that
  // did not get a CPU while it was measured, it is run again.
  static json Run(const char* arm, std::size_t latency = 0) {
    json request = RequestFor(arm, GetParam());
    request["latency"] = latency;
    // It ends before, when the capacity is used up or all handles are.
    if (request["workload"] == "grow" || request["workload"] == "find-first")
      request["measure_ns"] = 60000000000;
    if (std::string(GetParam()).find("mix") != std::string::npos) {
      request["mix"] = {
          {"find", 70}, {"new", 10}, {"delete", 10}, {"stale", 10}};
    }
    json answer = Ask(request);
    while (IsTransfer(GetParam()) && answer["status"] == "ok" &&
           Operations(answer) == 0)
      answer = Ask(request);
    return answer;
  }

  // Whether one thread makes the handles that another one deletes, and perhaps
  // not at a time that is measured.
  static bool IsTransfer(const std::string& workload) {
    return workload == "hand-off" || workload == "producers-consumers" ||
           workload == "ownership";
  }

  // Returns how many operations of all kinds and threads there were.
  static std::int64_t Operations(const json& answer) {
    std::int64_t sum = 0;
    for (const json& thread : answer["threads"]) {
      for (const json& counts : thread["operations"]) {
        sum += counts["done"].get<std::int64_t>() +
               counts["failed"].get<std::int64_t>();
      }
    }
    return sum;
  }

  static void CheckCounts(const json& answer) {
    for (const json& thread : answer["threads"]) EXPECT_GT(thread["ns"], 0);
    EXPECT_GT(Operations(answer), 0);
    const std::string workload = GetParam();
    if (workload == "full") {
      EXPECT_EQ(Count(answer, "new"), 0);
      EXPECT_GT(Count(answer, "new", "failed"), 0);
    } else if (workload == "grow") {
      EXPECT_EQ(Count(answer, "new"), 900);
    } else if (workload == "find-first") {
      EXPECT_EQ(Count(answer, "find"), 200);  // 100 of each thread
    } else if (!IsTransfer(workload)) {
      EXPECT_EQ(Count(answer, "new"),
                Count(answer, "delete") + Count(answer, "delete_pinned"));
    }
    EXPECT_EQ(Count(answer, "find", "failed"), 0);
    EXPECT_EQ(Count(answer, "delete", "failed"), 0);
  }
};

TEST_P(WorkloadTest, LeavesTheTableAsItWas) {
  Everything::live_at_end = 1;
  const json answer = Run("everything");
  ASSERT_EQ(answer["status"], "ok") << answer;
  EXPECT_EQ(answer["message"], nullptr);
  EXPECT_EQ(answer["threads"].size(), 2U);
  CheckCounts(answer);
  EXPECT_EQ(Everything::at_least_threads, 2U + 3U + 1U);
  // The stock was verified and then deleted.
  EXPECT_EQ(Everything::live_at_end, 0U);
  EXPECT_EQ(Everything::pins_at_end, 0);
  EXPECT_EQ(Everything::sessions_at_end, 0);
}

TEST_P(WorkloadTest, TimesEachOperationOnRequest) {
  const json answer = Run("everything", 1);
  ASSERT_EQ(answer["status"], "ok") << answer;
  CheckCounts(answer);
  ASSERT_FALSE(answer["latency"].empty());
  for (const json& latency : answer["latency"]) {
    std::int64_t sampled = 0;
    std::int64_t last = 0;
    for (const json& bucket : latency["buckets"]) {
      EXPECT_GE(bucket[0], last);
      EXPECT_GT(bucket[1], bucket[0]);
      EXPECT_GT(bucket[2], 0);
      last = bucket[1];
      sampled += bucket[2].get<std::int64_t>();
    }
    EXPECT_EQ(latency["sampled"], sampled);
    EXPECT_GE(last, latency["max_ns"]);
  }
}

TEST_P(WorkloadTest, HaftDoesItOrLacksTheMember) {
  const json answer = Run("haft");
  const std::string workload = GetParam();
  const bool is_of_scopes = workload.find("scope") != std::string::npos;
  if (workload.rfind("pin", 0) == 0 || is_of_scopes ||
      workload == "delete-pinned" || workload == "delete-unless-pinned") {
    EXPECT_EQ(answer["status"], "cannot");
    EXPECT_TRUE(answer["missing"].is_string());
    return;
  }
  ASSERT_EQ(answer["status"], "ok") << answer;
  if (workload != "grow") CheckCounts(answer);
}

INSTANTIATE_TEST_SUITE_P(
    All, WorkloadTest,
    testing::Values("find", "find-first", "stale", "churn", "churn-find",
                    "burst", "batch", "mixed", "shared-mix", "hand-off",
                    "producers-consumers", "ownership", "pin", "pin-hold",
                    "delete-pinned", "delete-unless-pinned", "scope",
                    "stale-scope", "mixed-scope", "thread-churn", "full",
                    "grow", "stats", "idle"),
    [](const testing::TestParamInfo<const char*>& workload) {
      std::string name = workload.param;
      for (char& c : name)
        if (c == '-') c = '_';
      return name;
    });

TEST(RunTest, EveryWorkloadIsTested) {
  const json answer = Ask({{"protocol", 1}, {"mode", "describe"}});
  EXPECT_EQ(answer["arms"][0]["workloads"].size(), 24U);
}

TEST(RunTest, FactsAreInTheAnswer) {
  json request = RequestFor("haft", "churn");
  request["counters"] = {"cycles", "context-switches"};
  request["huge_pages"] = true;
  request["touch"] = true;
  const json answer = Ask(request);
  ASSERT_EQ(answer["status"], "ok") << answer;
  EXPECT_EQ(answer["clock"]["name"], "steady_clock");
  EXPECT_GT(answer["memory"]["resident_bytes"], 0);
  EXPECT_TRUE(answer["counters"].contains("cycles"));
  // Either the kernel counts, or the answer says why not.
  EXPECT_EQ(answer["counters"]["cycles"].is_null() ||
                answer["counters"]["context-switches"].is_null(),
            answer["counters_error"].is_string());
  EXPECT_NE(answer["allocator"], "unknown");
}

TEST(RunTest, BoundThreadStaysWhereItIs) {
  json request = RequestFor("haft", "mixed");
  const int cpu = AllowedCpus().at(0);
  request["cpus"] = {{cpu}, {cpu}};
  const json answer = Ask(request);
  ASSERT_EQ(answer["status"], "ok") << answer;
  for (const json& thread : answer["threads"]) {
    EXPECT_EQ(thread["cpus"], json({cpu}));
    EXPECT_EQ(thread["moves"], 0);
    EXPECT_EQ(thread["moves_are_exact"], true);
  }
}

TEST(RunTest, ThinkingAndArrivalsSlowTheThreadDown) {
  json request = RequestFor("haft", "churn");
  request["think"] = {{"kind", "exponential"}, {"ns", 2000}};
  json answer = Ask(request);
  ASSERT_EQ(answer["status"], "ok") << answer;
  EXPECT_GT(answer["think_ns"], 0);
  request["think"] = {{"kind", "none"}};
  request["arrival"] = {{"kind", "open"}, {"rate", 100000}};
  request["latency"] = 1;
  answer = Ask(request);
  ASSERT_EQ(answer["status"], "ok") << answer;
  // No operation begins before it is due.
  for (const json& thread : answer["threads"]) {
    const auto due = static_cast<double>(thread["ns"]) * 1e-9 * 100000 + 2;
    double operations = 0;
    for (const json& counts : thread["operations"])
      operations += counts["done"].get<double>();
    EXPECT_LE(operations, due + 2048);
  }
}

TEST(RunTest, SkewsAreAccepted) {
  json request = RequestFor("haft", "find");
  request["skew"] = {{"kind", "zipf"}, {"s", 0.99}};
  EXPECT_EQ(Ask(request)["status"], "ok");
  request["skew"] = {{"kind", "hot"}, {"keys", 4}, {"percent", 90}};
  EXPECT_EQ(Ask(request)["status"], "ok");
}

// --- Wrong answers -----------------------------------------------------------

TEST(WrongTest, LiveKeyThatIsNotFound) {
  const json answer = Ask(RequestFor("forgets", "mixed"));
  EXPECT_EQ(answer["status"], "wrong");
  EXPECT_NE(answer["message"].get<std::string>().find("not found"),
            std::string::npos);
}

TEST(WrongTest, DeletedKeyThatIsFound) {
  for (const char* workload :
       {"stale", "mixed", "stale-scope", "mixed-scope"}) {
    json request = RequestFor("finds-stale", workload);
    request["mix"] = {{"find", 50}, {"new", 5}, {"delete", 5}, {"stale", 40}};
    const json answer = Ask(request);
    EXPECT_EQ(answer["status"], "wrong");
    EXPECT_NE(answer["message"].get<std::string>().find("deleted key"),
              std::string::npos);
  }
}

TEST(WrongTest, KeyThatIsLiveTwice) {
  json request = RequestFor("twice", "mixed");
  request["mix"] = {{"find", 100}, {"new", 0}, {"delete", 0}, {"stale", 0}};
  const json answer = Ask(request);
  EXPECT_EQ(answer["status"], "wrong");
  EXPECT_NE(answer["message"].get<std::string>().find("live twice"),
            std::string::npos)
      << answer["message"];
}

TEST(WrongTest, ValueThatIsNotTheKeys) {
  for (const int words : {1, 8}) {
    json request = RequestFor("mixes-up", "mixed");
    request["value_words"] = words;
    const json answer = Ask(request);
    EXPECT_EQ(answer["status"], "wrong");
    EXPECT_NE(answer["message"].get<std::string>().find("value"),
              std::string::npos);
  }
}

// --- Requests that are refused -----------------------------------------------

// Checks that the request is refused because of `key`.
void ExpectRefused(const json& request, const std::string& key) {
  const json answer = Ask(request);
  EXPECT_EQ(answer["status"], "refused") << key;
  if (!answer["message"].is_string()) return;
  EXPECT_EQ(answer["message"].get<std::string>().rfind(key + ": ", 0), 0U)
      << answer["message"];
}

TEST(RefusedTest, MissingKeyIsNamed) {
  const json good = RequestFor("haft", "churn");
  for (const auto& item : good.items()) {
    json request = good;
    request.erase(item.key());
    ExpectRefused(request, item.key());
  }
}

TEST(RefusedTest, KeyOfAnotherTypeIsNamed) {
  const json good = RequestFor("haft", "churn");
  for (const auto& item : good.items()) {
    json request = good;
    request[item.key()] = item.value().is_string() ? json(1) : json("text");
    ExpectRefused(request, item.key());
  }
}

TEST(RefusedTest, ValueOutOfRangeIsNamed) {
  const std::vector<std::pair<const char*, json>> bad = {
      {"threads", 0},
      {"threads", 70000},
      {"measure_ns", 0},
      {"warm_up_ns", -1},
      {"live", 1001},
      {"capacity", 0},
      {"value_words", 3},
      {"batch", 0},
      {"counters", {"no-such-event"}},
      {"cpus", {{0}}},
      {"cpus", {{100000}, {100000}}},
      {"cpus", {json::array(), {0}}},
      {"arm", "nobody"},
      {"arm", "absent"},
      {"workload", "nothing"},
      {"protocol", 2},
      {"mode", "walk"},
  };
  for (const auto& [key, value] : bad) {
    json request = RequestFor("haft", "churn");
    request[key] = value;
    ExpectRefused(request, key);
  }
  json request = RequestFor("haft", "churn");
  request["unknown"] = 1;
  ExpectRefused(request, "unknown");
}

TEST(RefusedTest, KeyOfAnObjectIsNamed) {
  const auto refused = [](const char* key, const json& value,
                          const std::string& path) {
    json request = RequestFor("haft", "churn");
    request[key] = value;
    ExpectRefused(request, path);
  };
  refused("skew", {{"kind", "odd"}}, "skew.kind");
  refused("skew", {{"kind", "zipf"}}, "skew.s");
  refused("skew", {{"kind", "uniform"}, {"s", 1}}, "skew.s");
  refused("think", {{"kind", "constant"}}, "think.ns");
  refused("arrival", {{"kind", "open"}, {"rate", 0}}, "arrival.rate");
  refused("mix", {{"find", 90}, {"new", 5}, {"delete", 4}, {"stale", 1}},
          "mix.delete");
  refused("mix", {{"find", 90}, {"new", 5}, {"delete", 5}, {"stale", 1}},
          "mix");
}

TEST(RefusedTest, WorkloadSaysWhatItNeeds) {
  json request = RequestFor("haft", "hand-off");
  request["threads"] = 3;
  ExpectRefused(request, "threads");
  request = RequestFor("haft", "producers-consumers");
  request["producers"] = 2;
  ExpectRefused(request, "producers");
  request = RequestFor("haft", "find");
  request["live"] = 0;
  ExpectRefused(request, "live");
  request = RequestFor("haft", "burst");
  request["burst"] = 1000;
  ExpectRefused(request, "capacity");
  request = RequestFor("everything", "churn");
  request["threads"] = 17;
  ExpectRefused(request, "threads");
}

TEST(RefusedTest, RubbishIsAnError) {
  for (const char* rubbish : {"", "rubbish", "[1]", "{\"protocol\": 1"})
    EXPECT_THROW(Answer(rubbish), std::runtime_error) << rubbish;
}

// --- What is documented ------------------------------------------------------

json Read(const std::string& path) {
  std::ifstream file(path);
  return json::parse(file);
}

std::set<std::string> KeysOf(const json& object) {
  std::set<std::string> keys;
  for (const auto& item : object.items()) keys.insert(item.key());
  return keys;
}

TEST(DocumentedTest, SchemasNameExactlyTheKeys) {
  const json request = Read("bench/worker/schema/request.schema.json")["$defs"];
  const json answer = Read("bench/worker/schema/answer.schema.json")["$defs"];
  const json good = RequestFor("haft", "churn");
  EXPECT_EQ(KeysOf(request["run"]["properties"]), KeysOf(good));
  const json measured = Ask(good);
  EXPECT_EQ(KeysOf(answer["measured"]["properties"]), KeysOf(measured));
  EXPECT_EQ(
      KeysOf(
          answer["measured"]["properties"]["threads"]["items"]["properties"]),
      KeysOf(measured["threads"][0]));
  EXPECT_EQ(KeysOf(answer["not_measured"]["properties"]),
            KeysOf(Ask(RequestFor("nobody", "churn"))));
  const json arms = Ask({{"protocol", 1}, {"mode", "describe"}})["arms"];
  const json& forms = answer["arms"]["properties"]["arms"]["items"]["oneOf"];
  for (const json& arm : arms) {
    const json& form = forms[arm.contains("unavailable") ? 0 : 1];
    EXPECT_EQ(KeysOf(form["properties"]), KeysOf(arm));
  }
}

// The second block of JSON on the page is a request.
TEST(DocumentedTest, RequestOfThePageCanBeRun) {
  std::ifstream page("docs/study_protocol.md");
  std::string block;
  int blocks = 0;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.rfind("```", 0) == 0) {
      inside = line == "```json";
      if (inside) ++blocks;
    } else if (inside && blocks == 2) {
      block += line;
    }
  }
  json request = json::parse(block);
  request["arm"] = "haft";
  request["cpus"] = nullptr;  // there may be one only
  request["warm_up_ns"] = 0;
  request["measure_ns"] = 1000000;
  const json answer = Ask(request);
  EXPECT_EQ(answer["status"], "ok") << answer;
}

// --- The program -------------------------------------------------------------

TEST(ProgramTest, RubbishEndsItWithASentence) {
  const std::string program = "bench/arms/loop";
  ASSERT_EQ(access(program.c_str(), X_OK), 0);
  FILE* const pipe =
      popen(("echo rubbish | " + program + " 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  char line[256] = "";
  EXPECT_NE(std::fgets(line, sizeof(line), pipe), nullptr);
  EXPECT_STREQ(line, "worker: the request on stdin is not one JSON object\n");
  EXPECT_EQ(WEXITSTATUS(pclose(pipe)), 2);
}

// Returns the answer of a program to a request.
json AskProgram(const std::string& program, const json& request) {
  const std::string text = request.dump();  // it has no apostrophe
  FILE* const pipe = popen(("echo '" + text + "' | " + program).c_str(), "r");
  std::string answer;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) answer += c;
  EXPECT_EQ(WEXITSTATUS(pclose(pipe)), 0);
  return json::parse(answer);
}

TEST(ProgramTest, AnArmWithAllValuesHasOneToEightWords) {
  const std::string program = "bench/arms/loop";
  const json described =
      AskProgram(program, {{"protocol", 1}, {"mode", "describe"}});
  ASSERT_EQ(described["arms"].size(), 1U) << described;
  EXPECT_EQ(described["arms"][0]["value_words"],
            json({1, 2, 3, 4, 5, 6, 7, 8}));
  for (int words = 1; words <= 8; ++words) {
    SCOPED_TRACE(words);
    json request = RequestFor("loop", "find");
    request["value_words"] = words;
    const json answer = AskProgram(program, request);
    ASSERT_EQ(answer["status"], "ok") << answer;
    EXPECT_GT(Count(answer, "find"), 0);
  }
}

// In a thread that has used all objects a pin is one compare-and-swap with
// hazard cells, and an addition with counts.
TEST(ProgramTest, TheCountingArmsOfObjectsCountThoseOfPins) {
  json request = RequestFor("", "pin");
  request["threads"] = 1;
  request["warm_up_ns"] = 50000000;
  request["counters"] = {"compare-and-swaps", "failed-compare-and-swaps"};
  for (const auto& [arm, each] :
       {std::pair("retries/objects", 1), {"retries/objects-counted", 0}}) {
    SCOPED_TRACE(arm);
    request["arm"] = arm;
    const json answer = AskProgram("bench/arms/retries", request);
    ASSERT_EQ(answer["status"], "ok") << answer;
    EXPECT_GT(Count(answer, "pin"), 0);
    EXPECT_EQ(answer["counters"]["compare-and-swaps"],
              each * Count(answer, "pin"));
    EXPECT_EQ(answer["counters"]["failed-compare-and-swaps"], 0);
  }
}

}  // namespace
}  // namespace haft::study
