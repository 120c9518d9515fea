// A plugin that uses the program's tables and has one of its own.

#include <cstdint>

#include "tests/consumer/copies/shared.h"

namespace {

haft::HandleTable<int> own(1000);

}  // namespace

extern "C" {

[[gnu::visibility("default")]] void plugin_work(void* tables,
                                                std::uint64_t seed,
                                                int rounds) {
  Work(*static_cast<Tables*>(tables), seed, rounds);
}
[[gnu::visibility("default")]] void plugin_chain(void* tables) {
  WorkOnChain(*static_cast<Tables*>(tables));
}
// Uses the plugin's own table.
[[gnu::visibility("default")]] int plugin_own(int value) {
  const haft::Handle handle = own.New(value);
  const int found = own.Value(handle).value_or(-1);
  own.Delete(handle);
  return found;
}

}  // extern "C"
