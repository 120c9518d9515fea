// Arrays without checks whose elements are kept alive while they are read.

#ifndef HAFT_BENCH_PROTECTED_ARRAYS_H_
#define HAFT_BENCH_PROTECTED_ARRAYS_H_

#include <cds/gc/hp.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "bench/tables.h"

namespace haft::bench {

// Element::Read protects and reads.
template <typename Element>
class ArrayOf {
 public:
  struct Session {
    explicit Session(ArrayOf&) {}
  };

  explicit ArrayOf(std::size_t capacity) : elements_(capacity + 1) {}

  [[gnu::always_inline]] Key New(Session&, Object* object) {
    elements_[++size_].Set(object);
    return size_;
  }
  [[gnu::always_inline]] bool Find(Key key, Object** object) {
    return elements_[key].Read(object);
  }

 private:
  std::vector<Element> elements_;
  std::size_t size_ = 0;
};

// A shared_ptr that is copied for each use.
class Counted {
 public:
  void Set(Object* object) { pointer_ = std::make_shared<Object*>(object); }
  [[gnu::always_inline]] bool Read(Object** object) const {
    const std::shared_ptr<Object*> copy = pointer_;
    *object = *copy;
    return true;
  }

 private:
  std::shared_ptr<Object*> pointer_;
};

// A pointer that is guarded by libcds's hazard pointers for each use.
class Guarded {
 public:
  void Set(Object* object) { pointer_ = object; }
  [[gnu::always_inline]] bool Read(Object** object) const {
    cds::gc::HP::Guard guard;
    *object = guard.protect(pointer_);
    return true;
  }

 private:
  std::atomic<Object*> pointer_{nullptr};
};

struct CdsThread {
  CdsThread() { cds::threading::Manager::attachThread(); }
  ~CdsThread() { cds::threading::Manager::detachThread(); }
};
class GuardedArray : public ArrayOf<Guarded> {
 public:
  struct Session : ArrayOf<Guarded>::Session {
    explicit Session(GuardedArray& table) : ArrayOf<Guarded>::Session(table) {}
    CdsThread thread;
  };
  using ArrayOf<Guarded>::ArrayOf;
  [[gnu::always_inline]] Key New(Session& session, Object* object) {
    return ArrayOf<Guarded>::New(session, object);
  }
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_PROTECTED_ARRAYS_H_
