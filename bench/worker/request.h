// A request to run one arm once, as the front end makes it.

#ifndef HAFT_BENCH_WORKER_REQUEST_H_
#define HAFT_BENCH_WORKER_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace haft::study {

// How often each of the keys is drawn.
struct Skew {
  enum class Kind { kUniform, kZipf, kHot };
  Kind kind = Kind::kUniform;
  double s = 0;          // Zipf: the exponent
  std::size_t keys = 0;  // hot: so many keys get so many percent
  double percent = 0;
};

// Shares of the operations in percent. There are as many Deletes as News.
struct Mix {
  double find = 90;
  double updates = 5;  // of New, and of Delete
  double stale = 0;
};

struct Think {
  enum class Kind { kNone, kConstant, kExponential };
  Kind kind = Kind::kNone;
  double ns = 0;  // on average
};

// A table is compiled anew for each size that it has.
inline constexpr std::size_t kMostValueWords = 8;

// docs/study_protocol.md explains each member.
struct Request {
  std::string arm;
  std::string workload;
  std::size_t threads = 1;
  std::vector<std::vector<int>> cpus;  // empty: not pinned
  std::uint64_t seed = 0;
  std::int64_t warm_up_ns = 0;
  std::int64_t measure_ns = 0;
  std::size_t live = 0;
  std::size_t capacity = 0;
  Skew skew;
  Mix mix;
  Think think;
  std::size_t value_words = 1;
  bool touch = false;
  std::size_t batch = 1;
  std::size_t burst = 1;
  std::size_t hold = 1;
  double rate = 0;          // arrivals a second and thread; 0: closed
  std::size_t latency = 0;  // one of so many operations is timed; 0: none
  std::vector<std::string> counters;
  bool huge_pages = false;
  std::size_t lifetime = 1;
  std::size_t bystanders = 0;
  std::size_t producers = 1;

  // Whether an operation follows the last one at once, and none is timed.
  bool IsPlain() const {
    return latency == 0 && rate == 0 && think.kind == Think::Kind::kNone;
  }
};

// The request cannot be run, because of this key.
class Refused : public std::runtime_error {
 public:
  Refused(const std::string& key, const std::string& why)
      : std::runtime_error(key + ": " + why) {}
};

// The arm lacks a member that the workload needs.
class Cannot : public std::runtime_error {
 public:
  Cannot(const char* missing, const std::string& why)
      : std::runtime_error(why), missing_(missing) {}
  const char* missing() const { return missing_; }

 private:
  const char* missing_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_REQUEST_H_
