// A C++ program with a table of objects: exits with 0 if the library works.

#include <string>

#include "haft/object_table.h"

int main() {
  haft::ObjectTable<std::string> table(100);
  const haft::Handle handle = table.Emplace("object");
  {
    const auto pin = table.Pin(handle);
    if (!pin || *pin != "object") return 1;
  }
  if (table.Delete(handle) != haft::Status::kOk) return 2;
  if (table.Pin(handle)) return 3;
  return table.Delete(handle) == haft::Status::kStale ? 0 : 4;
}
