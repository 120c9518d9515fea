// Objects behind handles, protected by libcds's dynamic hazard pointers.

#ifndef HAFT_BENCH_PEERS_CDS_OBJECT_TABLE_H_
#define HAFT_BENCH_PEERS_CDS_OBJECT_TABLE_H_

#include <cds/gc/dhp.h>
#include <cds/init.h>

#include <cstddef>
#include <optional>

#include "bench/tables.h"
#include "haft/handle_table.h"

namespace haft::bench {

// A HandleTable of pointers to objects on the heap. A look-up guards the
// pointer and then checks that its handle is still live; a deleted object waits
// in a list of the deleting thread until no guard protects it. So unlike those
// of an ObjectTable, objects are destroyed some time after they are deleted.
class CdsObjectTable {
 public:
  struct Session {
    // libcds knows the thread from its first session on, until it ends.
    explicit Session(CdsObjectTable&) {
      [[maybe_unused]] static thread_local const Attached attached;
    }
    Session(const Session&) = delete;
  };

  explicit CdsObjectTable(std::size_t capacity) : table_(capacity) {
    // For as long as the process lasts: threads may end after all tables.
    [[maybe_unused]] static const bool initialized = [] {
      cds::Initialize();
      if (!cds::gc::DHP::isUsed()) cds::gc::dhp::smr::construct();
      return true;
    }();
  }
  ~CdsObjectTable() {
    table_.ForEach([](Handle, Object** object) { delete object; });
  }

  [[gnu::always_inline]] Key New(Session&, Object* object) {
    return static_cast<Key>(table_.New(new Object*(object)));
  }
  [[gnu::always_inline]] bool Find(Key key, Object** object) {
    const Handle handle(key);
    const std::optional<Object**> found = table_.Value(handle);
    if (!found) return false;
    cds::gc::DHP::Guard guard;
    guard.assign(*found);
    // Only an object that is not deleted after it was guarded is protected.
    if (table_.Check(handle) != Status::kOk) return false;
    *object = **found;
    return true;
  }
  [[gnu::always_inline]] bool Delete(Key key) {
    const std::optional<Object**> found = table_.Delete(Handle(key));
    if (!found) return false;
    cds::gc::DHP::retire(
        *found, +[](void* object) { delete static_cast<Object**>(object); });
    return true;
  }

 private:
  struct Attached {
    Attached() { cds::gc::dhp::smr::attach_thread(); }
    ~Attached() { cds::gc::dhp::smr::detach_thread(); }
  };

  HandleTable<Object**> table_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_PEERS_CDS_OBJECT_TABLE_H_
