// An arm of the contention study, whose loops run.sh looks at. With
// HAFT_SEEDED_FUNCTION its look-up goes through a std::function, and with
// HAFT_SEEDED_VIRTUAL through a virtual call, which must be noticed.

#include "haft_study/arm.h"

#include <cstddef>
#include <functional>

#include "haft/handle_table.h"

struct Interface {
  virtual ~Interface() = default;
  virtual bool Find(Key, Value*) = 0;
};
extern Interface* const implementation;
extern const std::function<bool(Key, Value*)> function;

namespace {

class Arm {
 public:
  explicit Arm(std::size_t capacity) : table_(capacity) {}

  Key New(Value value) { return static_cast<Key>(table_.New(value)); }
  bool Find(Key key, Value* value) {
#if defined(HAFT_SEEDED_FUNCTION)
    return function(key, value);
#elif defined(HAFT_SEEDED_VIRTUAL)
    return implementation->Find(key, value);
#else
    const auto found = table_.Value(haft::Handle(key));
    if (found) *value = *found;
    return found.has_value();
#endif
  }
  bool Delete(Key key) { return table_.Delete(haft::Handle(key)).has_value(); }

 private:
  haft::HandleTable<Value> table_;
};

HAFT_STUDY_ARM("arm", Arm);

}  // namespace
