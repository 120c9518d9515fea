// The C interface behind the interface of tables.h. The objects are borrowed.

#ifndef HAFT_BENCH_C_TABLES_H_
#define HAFT_BENCH_C_TABLES_H_

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "bench/tables.h"
#include "haft/haft.h"

namespace haft::bench {

inline constexpr haft_type kCType = {"object", nullptr, nullptr, 0, 0};

// The table of the process, in which one workload at a time has handles. A
// look-up is haft_value, which protects nothing.
class CTable {
 public:
  struct Session {
    explicit Session(CTable&) {}
  };
  // A pin that is held until it is destroyed.
  class Held {
   public:
    explicit Held(Key key)
        : is_held_(haft_pin_object(key, &kCType, &pin_, &object_) == HAFT_OK) {}
    ~Held() {
      if (is_held_) haft_unpin(&pin_);
    }
    Held(const Held&) = delete;
    explicit operator bool() const { return is_held_; }
    Object* object() const { return static_cast<Object*>(object_); }

   private:
    haft_pin pin_;
    void* object_;
    bool is_held_;
  };

  explicit CTable(std::size_t /*capacity*/) {}
  // The table outlives this, and its handles must not.
  ~CTable() {
    const auto end = [](void*, haft_handle handle, const haft_type* type,
                        void*) -> int {
      (void)haft_delete(handle, type);
      return 0;
    };
    haft_table_for_each(nullptr, end, nullptr);
  }
  CTable(const CTable&) = delete;
  CTable& operator=(const CTable&) = delete;

  [[gnu::always_inline]] Key New(Session&, Object* object) {
    haft_handle handle = kNoKey;
    (void)haft_new(object, &kCType, &handle);
    return handle;
  }
  [[gnu::always_inline]] bool Find(Key key, Object** object) {
    void* found;
    if (haft_value(key, &kCType, &found) != HAFT_OK) return false;
    *object = static_cast<Object*>(found);
    return true;
  }
  [[gnu::always_inline]] bool Delete(Key key) {
    return haft_delete(key, &kCType) == HAFT_OK;
  }
  Held Hold(Key key) { return Held(key); }
};

// The same, but each look-up is haft_pin_object, a read and haft_unpin.
class CPinTable : public CTable {
 public:
  using CTable::CTable;
  [[gnu::always_inline]] bool Find(Key key, Object** object) {
    const Held held(key);
    if (!held) return false;
    *object = held.object();
    return true;
  }
};

// A table of its own.
class COwnTable {
 public:
  struct Session {
    explicit Session(COwnTable&) {}
  };

  explicit COwnTable(std::size_t capacity) {
    if (const haft_status status = haft_table_create(capacity, &table_)) {
      std::fprintf(stderr, "haft_table_create: %s\n", haft_strerror(status));
      std::abort();
    }
  }
  ~COwnTable() { haft_table_destroy(table_); }
  COwnTable(const COwnTable&) = delete;
  COwnTable& operator=(const COwnTable&) = delete;

  [[gnu::always_inline]] Key New(Session&, Object* object) {
    haft_handle handle = kNoKey;
    (void)haft_table_new(table_, object, &kCType, &handle);
    return handle;
  }

 private:
  haft_table* table_ = nullptr;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_C_TABLES_H_
