#include "bench/simulator/measurement.h"

#include <tuple>

#include "bench/simulator/names.h"

namespace haft::simulator {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::size_t kMostCostly = 10;
constexpr std::uint64_t kLeastOperations = 4;

// Returns how equal the shares are: 1 if they are all the same, 1/n if one core
// has everything.
double Jain(const std::vector<double>& shares) {
  double sum = 0;
  double squares = 0;
  for (const double share : shares) {
    sum += share;
    const double square = share * share;
    squares += square;
  }
  return squares == 0
             ? 0
             : sum * sum / squares / static_cast<double>(shares.size());
}

}  // namespace

Measurement::Measurement(Simulation* simulation, unsigned counted_cores,
                         std::uint64_t share, Time length, Time latest)
    : simulation_(*simulation),
      share_(share),
      length_(length),
      counted_(counted_cores),
      counts_(kMostCores, true),
      made_(kMostCores, 0),
      due_(kMostCores, share),
      millionths_(kMostCores, 0) {
  if (length == 0) {
    phase_ = Phase::kOpen;
  } else {
    simulation->At(latest, [this] { Open(); });
  }
}

void Measurement::CountOnly(const std::vector<bool>& counts) {
  counts_ = counts;
  counted_ =
      static_cast<unsigned>(std::count(counts.begin(), counts.end(), true));
}

void Measurement::Count(CoreNumber core, Time since, std::uint64_t operations) {
  if (!counts_[core]) return;
  const Time now = simulation_.now();
  const bool was_ready = made_[core] >= due_[core];
  made_[core] += operations;
  const bool is_ready = !was_ready && made_[core] >= due_[core];
  if (phase_ >= Phase::kOpen) {
    const Time begin = std::max(since, opened_);
    const Time end = length_ == 0 ? now : std::min(now, closes_);
    if (begin < end) {
      millionths_[core] +=
          operations * kMillion * (end - begin) / (now - since);
      if (end == now) {
        result_.duration += now - since;
        result_.ended += operations;
      }
    }
  }
  if (!is_ready) return;
  ++ready_;
  last_ready_ = std::max(last_ready_, now);
  if (length_ == 0) {
    closes_ = last_ready_;
    if (ready_ == counted_) Collect();
  } else if (phase_ == Phase::kShares) {
    if (ready_ == counted_) Soon([this] { Lead(); });
    simulation_.Wait(&waiting_);
  } else if (phase_ == Phase::kLead && ready_ == counted_) {
    Soon([this] { Open(); });
  }
}

void Measurement::AwaitLead() {
  if (phase_ == Phase::kShares) simulation_.Wait(&waiting_);
}

void Measurement::Lead() {
  if (phase_ != Phase::kShares) return;
  phase_ = Phase::kLead;
  ready_ = 0;
  for (CoreNumber core = 0; core < kMostCores; ++core)
    due_[core] = made_[core] + 1;
  simulation_.Dismiss(&waiting_);
}

void Measurement::Open() {
  if (phase_ >= Phase::kOpen) return;
  simulation_.Dismiss(&waiting_);
  phase_ = Phase::kOpen;
  opened_ = simulation_.now();
  closes_ = opened_ + length_;
  simulation_.directory().traffic() = {};
  for (Line& line : simulation_.directory().lines()) line.stall = {};
  simulation_.At(closes_, [this] { Close(); });
}

void Measurement::Close() {
  bool is_enough = true;
  for (CoreNumber core = 0; core < simulation_.cores(); ++core) {
    if (counts_[core] && millionths_[core] < kLeastOperations * kMillion)
      is_enough = false;
  }
  if (!is_enough && closes_ - opened_ < kMostLengths * length_) {
    closes_ += length_;
    simulation_.At(closes_, [this] { Close(); });
    return;
  }
  phase_ = Phase::kOver;
  Collect();
}

void Measurement::Collect() {
  result_.traffic = simulation_.directory().traffic();
  struct Word {
    Time stall;
    std::size_t place;
  };
  std::vector<Word> words;
  for (const Line& line : simulation_.directory().lines()) {
    Word word{0, line.place};
    Time most = 0;
    for (std::size_t i = 0; i < kWordsInLine; ++i) {
      word.stall += line.stall[i];
      if (line.stall[i] <= most) continue;
      most = line.stall[i];
      word.place = line.place + 8 * i;
    }
    if (word.stall != 0) words.push_back(word);
    result_.stall += word.stall;
  }
  std::sort(words.begin(), words.end(), [](const Word& a, const Word& b) {
    return a.stall != b.stall ? a.stall > b.stall : a.place < b.place;
  });
  if (words.size() > kMostCostly) words.resize(kMostCostly);
  for (const Word& word : words) {
    result_.costly.push_back(
        {NameOf(simulation_.memory(), word.place), word.stall});
  }
}

Result Measurement::Finish() {
  result_.window = closes_ - opened_;
  result_.counted_cores = counted_;
  std::vector<double> shares;
  for (CoreNumber core = 0; core < simulation_.cores(); ++core) {
    if (!counts_[core]) continue;
    result_.millionths += millionths_[core];
    shares.push_back(static_cast<double>(millionths_[core]));
  }
  result_.jain = Jain(shares);
  return result_;
}

}  // namespace haft::simulator
