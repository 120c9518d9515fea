#include "bench/first_handle.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>

#include "bench/bystanders.h"
#include "bench/worker/clock.h"
#include "haft/haft.h"
#include "haft/handle_table.h"
#include "haft/object_table.h"

namespace haft::bench {
namespace {

constexpr char kOption[] = "--first-handle=";
constexpr std::size_t kCapacity = 1000;

// Returns whether there is a handle.
bool CallNew() {
  static constexpr haft_type kType = {"object", nullptr, nullptr, 0, 0};
  static int object;
  haft_handle handle;
  return haft_new(&object, &kType, &handle) == HAFT_OK;
}
template <typename Table>
bool MakeTable() {
  // Never destroyed, so that this takes no time.
  auto* const table = new Table(kCapacity);
  if constexpr (std::is_same_v<Table, HandleTable<void*>>) {
    return table->New(nullptr) != kNullHandle;
  } else {
    return table->Emplace(nullptr) != kNullHandle;
  }
}

bool GetFirst(First first) {
  switch (first) {
    case First::kNothing:
      return true;
    case First::kC:
    case First::kCBesideThreads:
      return CallNew();
    case First::kWords:
      return MakeTable<HandleTable<void*>>();
    case First::kObjects:
      return MakeTable<ObjectTable<void*>>();
  }
  return false;
}

}  // namespace

double TimeOfFirst(First first) {
  int ends[2];
  if (pipe(ends) != 0) return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  std::string program = "/proc/self/exe";
  std::string option = kOption + std::to_string(static_cast<int>(first));
  char* const arguments[] = {program.data(), option.data(), nullptr};
  pid_t child;
  const int error = posix_spawn(&child, program.c_str(), &actions, nullptr,
                                arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  char text[32] = {};
  const ssize_t size = read(ends[0], text, sizeof(text) - 1);
  close(ends[0]);
  if (error != 0) return -1;
  int status;
  if (waitpid(child, &status, 0) != child || status != 0 || size <= 0)
    return -1;
  return std::strtod(text, nullptr);
}

int MaybeRunFirst(int argc, char** argv) {
  const std::string option = kOption;
  if (argc != 2 || std::string(argv[1]).rfind(option, 0) != 0) return -1;
  const auto first = static_cast<First>(std::atoi(argv[1] + option.size()));
  const Bystanders bystanders(first == First::kCBesideThreads ? 3 : 0,
                              [] { return 0; });
  // The clock's own first look is not part of the time.
  (void)study::NowNs();
  const std::int64_t begin = study::NowNs();
  const bool has_handle = GetFirst(first);
  const std::int64_t end = study::NowNs();
  if (!has_handle) return 1;
  std::printf("%lld\n", static_cast<long long>(end - begin));
  return 0;
}

}  // namespace haft::bench
