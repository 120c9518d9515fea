// The C interface, with a table of its own.

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "bench/tables/haft_version.h"
#include "haft/haft.h"
#include "haft_study/arm.h"

namespace {

// The objects are borrowed: a value is the address of one.
constexpr haft_type kType = {"object", nullptr, nullptr, 0, 0};

class CTable {
 public:
  static constexpr const char* kVersion = haft::bench::kHaftVersion;
  static constexpr const char* kProgress = "lock-free";

  explicit CTable(std::size_t capacity) {
    if (const haft_status status = haft_table_create(capacity, &table_)) {
      std::fprintf(stderr, "haft_table_create: %s\n", haft_strerror(status));
      std::abort();
    }
  }
  ~CTable() { haft_table_destroy(table_); }
  CTable(const CTable&) = delete;
  CTable& operator=(const CTable&) = delete;

  Key New(Value value) {
    haft_handle handle = kNoKey;
    (void)haft_table_new(table_, reinterpret_cast<void*>(value), &kType,
                         &handle);
    return handle;
  }
  bool Find(Key key, Value* value) {
    void* object;
    if (haft_table_value(table_, key, &kType, &object) != HAFT_OK) return false;
    *value = reinterpret_cast<Value>(object);
    return true;
  }
  bool Delete(Key key) {
    return haft_table_delete(table_, key, &kType) == HAFT_OK;
  }
  bool DeleteUnlessPinned(Key key) {
    return haft_table_delete_unless_pinned(table_, key, &kType) == HAFT_OK;
  }

  std::size_t NewBatch(const Value* values, std::size_t count, Key* keys) {
    std::size_t made = 0;
    // A value is a word, and so is a pointer.
    (void)haft_table_new_batch(table_, reinterpret_cast<void* const*>(values),
                               count, &kType, keys, &made);
    return made;
  }
  std::size_t DeleteBatch(const Key* keys, std::size_t count) {
    return haft_table_delete_batch(table_, keys, count, &kType, nullptr);
  }

  struct Pinned {
    explicit operator bool() const { return is_held; }
    Value value() const { return reinterpret_cast<Value>(object); }
    haft_pin pin;
    void* object;
    bool is_held;
  };
  Pinned Pin(Key key) {
    Pinned pinned;
    pinned.is_held = haft_table_pin_object(table_, key, &kType, &pinned.pin,
                                           &pinned.object) == HAFT_OK;
    return pinned;
  }
  void Unpin(Pinned& pinned) { haft_unpin(&pinned.pin); }

  haft_stats Stats() {
    haft_stats stats{};
    (void)haft_table_stats(table_, &stats);
    return stats;
  }

 private:
  haft_table* table_ = nullptr;
};

HAFT_STUDY_ARM("haft/c", CTable);

}  // namespace
