// Haft's objects behind the interface of tables.h: each look-up keeps its
// object alive while it is read.

#ifndef HAFT_BENCH_OBJECT_TABLES_H_
#define HAFT_BENCH_OBJECT_TABLES_H_

#include <cstddef>

#include "bench/tables.h"
#include "haft/counted_reclamation.h"
#include "haft/object_table.h"

namespace haft::bench {

template <typename ReclamationT>
struct PinTraits : DefaultTraits {
  using Reclamation = ReclamationT;
};

// Each look-up pins, reads and unpins. The calls are inlined by force, here and
// in the other tables, because whether a compiler does so depends on how many
// rows there are.
template <typename Reclamation>
class BasicPinTable {
 protected:
  using Objects = ObjectTable<Object*, PinTraits<Reclamation>>;

 public:
  struct Session {
    explicit Session(BasicPinTable&) {}
  };
  using Held = typename Objects::Pinned;

  explicit BasicPinTable(std::size_t capacity) : table_(capacity) {}

  [[gnu::always_inline]] Key New(Session&, Object* object) {
    return static_cast<Key>(table_.Emplace(object));
  }
  [[gnu::always_inline]] bool Find(Key key, Object** object) {
    const auto pin = table_.Pin(Handle(key));
    if (!pin) return false;
    *object = *pin;
    return true;
  }
  [[gnu::always_inline]] bool Delete(Key key) {
    return table_.Delete(Handle(key)) == Status::kOk;
  }

  // Returns a pin that is held until it is destroyed; false as a condition if
  // the key is not live.
  Held Hold(Key key) { return table_.Pin(Handle(key)); }

 protected:
  Objects table_;
};
using PinTable = BasicPinTable<HazardReclamation>;
using CountedTable = BasicPinTable<CountedReclamation>;

// The same, but all look-ups of a session are inside one read scope.
class ScopeTable : public PinTable {
 public:
  class Session : public PinTable::Session {
   public:
    explicit Session(ScopeTable& table)
        : PinTable::Session(table), scope_(table.table_) {}
    [[gnu::always_inline]] bool Find(Key key, Object** object) const {
      Object** const found = scope_.Find(Handle(key));
      if (found == nullptr) return false;
      *object = *found;
      return true;
    }

   private:
    Objects::ReadScope scope_;
  };

  using PinTable::PinTable;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_OBJECT_TABLES_H_
