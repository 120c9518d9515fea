// Compiles a table into every workload that it can do.

#ifndef HAFT_BENCH_WORKER_MAKE_ARM_H_
#define HAFT_BENCH_WORKER_MAKE_ARM_H_

#include <memory>
#include <vector>

#include "bench/worker/arm_entry.h"
#include "bench/worker/members.h"
#include "bench/worker/values.h"
#include "bench/worker/workloads/lifetimes.h"
#include "bench/worker/workloads/limits.h"
#include "bench/worker/workloads/look_ups.h"
#include "bench/worker/workloads/mixes.h"
#include "bench/worker/workloads/pins.h"
#include "bench/worker/workloads/scopes.h"
#include "bench/worker/workloads/transfers.h"
#include "bench/worker/workloads/updates.h"

namespace haft::study {

// A workload behind the interface that does not depend on the table.
template <typename W>
class Runnable final : public Workload {
 public:
  explicit Runnable(const Request& request) : workload_(request) {}

  std::unique_ptr<Task> NewTask(ThreadContext& context) override {
    if (context.request.IsPlain()) {
      return std::make_unique<typename W::template Thread<Unobserved>>(
          workload_, context);
    }
    return std::make_unique<typename W::template Thread<Observed>>(workload_,
                                                                   context);
  }
  bool HasWarmUp() const override { return workload_.HasWarmUp(); }
  void Verify(Tally& tally) override { workload_.Verify(tally); }

 private:
  W workload_;
};

template <typename T, typename V, template <typename, typename> class W,
          unsigned kNeeds>
WorkloadEntry EntryOf(const char* name) {
  constexpr const char* kMissing = MissingOf<T, V>(kNeeds);
  if constexpr (kMissing == nullptr) {
    return {name, nullptr, [](const Request& request) {
              return std::unique_ptr<Workload>(
                  std::make_unique<Runnable<W<T, V>>>(request));
            }};
  } else {
    return {name, kMissing, nullptr};
  }
}

template <typename T, typename V>
ValueEntry ValueEntryOf() {
  return {
      kWordsOf<V>,
      {
          EntryOf<T, V, Find, kFind>("find"),
          EntryOf<T, V, FindFirst, kFind>("find-first"),
          EntryOf<T, V, Stale, kFind | kDelete | kRefusesStale>("stale"),
          EntryOf<T, V, Churn, kDelete>("churn"),
          EntryOf<T, V, ChurnFind, kFind | kDelete>("churn-find"),
          EntryOf<T, V, Burst, kDelete>("burst"),
          EntryOf<T, V, Batch, kNewBatch | kDeleteBatch>("batch"),
          EntryOf<T, V, Mixed, kFind | kDelete>("mixed"),
          EntryOf<T, V, SharedMix, kFind | kDelete | kRefusesStale>(
              "shared-mix"),
          EntryOf<T, V, HandOff, kDelete>("hand-off"),
          EntryOf<T, V, ProducersConsumers, kDelete>("producers-consumers"),
          EntryOf<T, V, Ownership, kDelete>("ownership"),
          EntryOf<T, V, Pins, kPin>("pin"),
          EntryOf<T, V, HeldPins, kPin>("pin-hold"),
          EntryOf<T, V, DeletePinned, kPin | kDelete>("delete-pinned"),
          EntryOf<T, V, ChurnUnlessPinned, kDeleteUnlessPinned>(
              "delete-unless-pinned"),
          EntryOf<T, V, Scopes, kScope | kFind>("scope"),
          EntryOf<T, V, StaleScopes, kScope | kFind | kDelete | kRefusesStale>(
              "stale-scope"),
          EntryOf<T, V, MixedScopes, kScope | kFind | kDelete>("mixed-scope"),
          EntryOf<T, V, ThreadChurn, kDelete>("thread-churn"),
          EntryOf<T, V, Full, kDelete>("full"),
          EntryOf<T, V, Grow, kDelete>("grow"),
          EntryOf<T, V, StatsBesideMixed, kStats | kFind | kDelete>("stats"),
          EntryOf<T, V, ChurnBesideIdle, kDelete>("idle"),
      }};
}

template <typename T>
ArmEntry ArmWithoutValues(const char* name, const Build& build) {
  return {name,
          nullptr,
          VersionOf<T>(),
          ProgressOf<T>(),
          MaxThreadsOf<T>(),
          MaxCapacityOf<T>(),
          build,
          {}};
}

template <typename T>
ArmEntry MakeArm(const char* name, const Build& build) {
  ArmEntry arm = ArmWithoutValues<T>(name, build);
  arm.values.push_back(ValueEntryOf<T, Value>());
  return arm;
}

// For a template over the type of its values.
template <template <typename> class T>
ArmEntry MakeArmOf(const char* name, const Build& build) {
  ArmEntry arm = MakeArm<T<Value>>(name, build);
  arm.values.push_back(ValueEntryOf<T<Words<2>>, Words<2>>());
  arm.values.push_back(ValueEntryOf<T<Words<4>>, Words<4>>());
  arm.values.push_back(ValueEntryOf<T<Words<8>>, Words<8>>());
  return arm;
}

// For the same template, compiled into the other sizes. They are in an object
// file of their own: the compiler decides by the size of a file which calls it
// inlines, so that the loops of the sizes above would change.
template <template <typename> class T>
ArmEntry MakeRestOf(const char* name, const Build& build) {
  ArmEntry arm = ArmWithoutValues<T<Value>>(name, build);
  arm.values.push_back(ValueEntryOf<T<Words<3>>, Words<3>>());
  arm.values.push_back(ValueEntryOf<T<Words<5>>, Words<5>>());
  arm.values.push_back(ValueEntryOf<T<Words<6>>, Words<6>>());
  arm.values.push_back(ValueEntryOf<T<Words<7>>, Words<7>>());
  return arm;
}

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_MAKE_ARM_H_
