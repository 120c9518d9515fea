// The common part of the program and its plugins: tables, and the functions
// that each of them has for them.

#ifndef TESTS_CONSUMER_COPIES_SHARED_H_
#define TESTS_CONSUMER_COPIES_SHARED_H_

#include <atomic>
#include <cstdint>

#include "haft/handle_table.h"
#include "haft/object_table.h"

// Objects know whether they are alive.
struct Object {
  explicit Object(std::uint64_t v) : value(v), copy(~v) { ++alive; }
  ~Object() {
    copy = value;
    --alive;
  }
  std::uint64_t value, copy;
  static inline std::atomic<long> alive{0};  // of each copy
};

struct Tables {
  haft::HandleTable<std::uint64_t> words{10'000};
  haft::ObjectTable<Object> objects{10'000};
  haft::ObjectTable<struct Chain> chains{100'000};
  // Of all threads, wherever their code is.
  std::atomic<long> wrong{0};
  std::atomic<haft::Word> hot{0};  // a handle that all replace
};

// Each destructor deletes the next object.
struct Chain {
  Chain(Tables* t, haft::Handle n) : tables(t), next(n) {}
  Chain(Chain&&) = delete;
  ~Chain();
  Tables* tables;
  haft::Handle next;
};

// One thread's work on the tables. Counts what it finds wrong.
inline void Work(Tables& tables, std::uint64_t seed, int rounds) {
  const auto expect = [&](bool right) { tables.wrong += !right; };
  std::uint64_t next = seed * 0x9e3779b97f4a7c15u;
  for (int i = 0; i < rounds; ++i) {
    const std::uint64_t value = ++next;
    const haft::Handle word = tables.words.New(value);
    const auto found = tables.words.Value(word);
    expect(found && *found == value);
    expect(tables.words.Delete(word) == value);
    expect(!tables.words.Delete(word));

    // Pins of the hot object, which another thread may just delete.
    const haft::Handle mine = tables.objects.Emplace(value);
    {
      const auto own = tables.objects.Pin(mine);
      expect(own && own->value == value && own->copy == ~value);
      const haft::Handle hot(tables.hot.load());
      if (const auto pin = tables.objects.Pin(hot)) {
        const std::uint64_t read = pin->value;
        expect(pin->copy == ~read);
      }
      const haft::ReadScope<Object, haft::DefaultTraits> scope(tables.objects);
      expect(scope.ok());
      if (const Object* const object = scope.Find(hot)) {
        const std::uint64_t read = object->value;
        expect(object->copy == ~read);
      }
    }
    const haft::Handle old(tables.hot.exchange(static_cast<haft::Word>(mine)));
    if (old != haft::kNullHandle)
      expect(tables.objects.Delete(old) == haft::Status::kOk);
  }
}

// Deletes a chain that is longer than a stack has room for.
inline void WorkOnChain(Tables& tables) {
  haft::Handle first = haft::kNullHandle;
  for (int i = 0; i < 50'000; ++i)
    first = tables.chains.Emplace(&tables, first);
  tables.wrong += tables.chains.Delete(first) != haft::Status::kOk;
  tables.wrong += tables.chains.Stats().live != 0;
}

inline Chain::~Chain() {
  if (next != haft::kNullHandle) tables->chains.Delete(next);
}

#endif  // TESTS_CONSUMER_COPIES_SHARED_H_
