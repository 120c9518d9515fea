// Haft's tables as arms.

#ifndef HAFT_BENCH_SIMULATOR_HAFT_ARMS_H_
#define HAFT_BENCH_SIMULATOR_HAFT_ARMS_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "bench/simulator/arm.h"
#include "bench/simulator/haft_names.h"
#include "bench/simulator/names.h"
#include "haft/handle_table.h"
#include "haft/internal/base/abi.h"
#include "haft/object_table.h"
#include "haft/read_scope.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

// A table in the memory of a simulation, with names for its lines. The arm must
// be destroyed before the simulation.
template <typename Table>
class TableInMemory {
 public:
  TableInMemory(Simulation& simulation, std::size_t capacity) {
    const std::size_t first = simulation.memory().ranges().size();
    table_ = simulation.memory().Make<Table>(capacity);
    NameRanges(simulation.memory(), first, TableNames<Table>::Get());
  }
  ~TableInMemory() { table_->~Table(); }
  TableInMemory(const TableInMemory&) = delete;
  TableInMemory& operator=(const TableInMemory&) = delete;

  Table* operator->() noexcept { return table_; }
  Table& operator*() noexcept { return *table_; }

 private:
  Table* table_;
};

template <typename FreeListT>
struct FreeListTraits : DefaultTraits {
  using FreeList = FreeListT;
};

template <typename FreeList>
class HandleTableArm : public Arm {
 public:
  HandleTableArm(Simulation& simulation, std::size_t capacity)
      : table_(simulation, capacity) {}

  Key New(std::uint64_t value) override {
    return static_cast<Key>(table_->New(value));
  }
  bool Find(Key key) override { return table_->Value(Handle(key)).has_value(); }
  bool Delete(Key key) override {
    return table_->Delete(Handle(key)).has_value();
  }
  std::size_t Stats() override { return table_->Stats().live; }

 private:
  TableInMemory<HandleTable<std::uint64_t, FreeListTraits<FreeList>>> table_;
};

// The object of the object tables: one word, which readers read.
struct SimulatedObject {
  explicit SimulatedObject(std::uint64_t value) noexcept {
    content.Write(value);
  }
  internal::sync::Plain<std::uint64_t> content;
};

template <typename ReclamationT>
struct ReclamationTraits : DefaultTraits {
  using Reclamation = ReclamationT;
};

template <typename Reclamation>
class ObjectTableArm : public Arm {
 public:
  ObjectTableArm(Simulation& simulation, std::size_t capacity)
      : table_(simulation, capacity) {}

  Key New(std::uint64_t value) override {
    return static_cast<Key>(table_->Emplace(value));
  }
  bool Find(Key key) override {
    const auto pinned = table_->Pin(Handle(key));
    if (!pinned) return false;
    (void)pinned->content.Read();
    return true;
  }
  bool Delete(Key key) override {
    return table_->Delete(Handle(key)) == Status::kOk;
  }
  bool DeletePinned(Key key) override {
    const auto pinned = table_->Pin(Handle(key));
    return pinned && table_->Delete(Handle(key)) == Status::kOk;
  }
  std::size_t FindInScope(const std::vector<Key>& keys) override {
    const typename Table::ReadScope scope(*table_);
    std::size_t found = 0;
    for (const Key key : keys) {
      const SimulatedObject* const object = scope.Find(Handle(key));
      if (object == nullptr) continue;
      (void)object->content.Read();
      ++found;
    }
    return found;
  }
  std::size_t Stats() override { return table_->Stats().live; }

 private:
  using Table = ObjectTable<SimulatedObject, ReclamationTraits<Reclamation>>;

  TableInMemory<Table> table_;
};

}  // namespace HAFT_ABI
}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_HAFT_ARMS_H_
