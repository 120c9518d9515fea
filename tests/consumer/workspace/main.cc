// A program outside Haft's own workspace: exits with 0 when the library it was
// given works.

#include <cstdio>
#include <optional>

#include "haft/handle_table.h"

namespace {

int failures = 0;

void Expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "consumer: not so: %s\n", what);
  ++failures;
}

}  // namespace

int main() {
  haft::HandleTable<void*> table(100);
  int object = 7;

  const haft::Handle handle = table.New(&object);
  Expect(handle != haft::kNullHandle, "New in an empty table returns a handle");
  Expect(table.Check(handle) == haft::Status::kOk, "a new handle is live");

  const std::optional<void*> value = table.Value(handle);
  Expect(value.has_value() && *value == &object,
         "Value returns what New was given");

  const std::optional<void*> deleted = table.Delete(handle);
  Expect(deleted.has_value() && *deleted == &object,
         "Delete returns what New was given");

  Expect(!table.Value(handle).has_value(), "Value refuses a deleted handle");
  Expect(!table.Delete(handle).has_value(), "Delete refuses a deleted handle");
  Expect(table.Check(handle) == haft::Status::kStale,
         "a deleted handle is stale");

  const haft::Handle next = table.New(&object);
  Expect(next != haft::kNullHandle && next != handle,
         "New never returns a handle twice");

  return failures == 0 ? 0 : 1;
}
