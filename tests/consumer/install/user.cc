// A C++ program that uses an installed Haft: the process-wide table, and a
// table of its own, in two threads.

#include <haft/handle_table.h>
#include <haft/object_table.h>
#include <haft/process_table.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>

int main() {
  const haft::Handle handle = haft::New(std::string("haft"));
  haft::ObjectTable<std::string> objects(10);
  const haft::Handle object = objects.Emplace("object");
  haft::HandleTable<int> table(10);
  const haft::Handle word = table.New(7);
  bool held = false;
  std::thread([&] {
    held = *haft::Value<std::string>(handle) == "haft" &&
           *objects.Pin(object) == "object" && table.Value(word) == 7;
  }).join();
  if (!held) return 1;
  if (haft::Delete(handle) != haft::Status::kOk) return 2;
  if (haft::Check(handle) != haft::Status::kStale) return 3;
  if (objects.Delete(object) != haft::Status::kOk) return 4;
  std::printf("%d.%d.%d %d %d\n", HAFT_VERSION_MAJOR, HAFT_VERSION_MINOR,
              HAFT_VERSION_PATCH, HAFT_VERSION, haft_version());
}
