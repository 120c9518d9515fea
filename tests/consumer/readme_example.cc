#include <cassert>

#include "haft/handle_table.h"

int main() {
  haft::HandleTable<int*> table(/*capacity=*/1000);
  int object = 42;
  const haft::Handle handle = table.New(&object);
  void* user_data = handle.ToPointer();  // what a C callback carries
  assert(**table.Value(haft::Handle::FromPointer(user_data)) == 42);
  table.Delete(handle);
  assert(!table.Value(handle));  // used too late: refused, for ever
  assert(table.Check(handle) == haft::Status::kStale);
}
