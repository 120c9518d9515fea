// A program with plugins, each of which has a copy of Haft or shares one:
//   program same PLUGIN...    the plugins were built from the same headers:
//                             all use the program's tables at the same time
//   program other PLUGIN...   the plugins were built from other headers: each
//                             uses its own table
// Prints "N wrong", and exits with 1 unless N is 0.

#include <dlfcn.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/consumer/copies/shared.h"

namespace {

struct Plugin {
  explicit Plugin(const char* file)
      : library(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
    if (library == nullptr) {
      std::fprintf(stderr, "%s\n", dlerror());
      std::exit(2);
    }
    work = Find<void(void*, std::uint64_t, int)>("plugin_work");
    chain = Find<void(void*)>("plugin_chain");
    own = Find<int(int)>("plugin_own");
  }
  template <typename F>
  F* Find(const char* name) const {
    return reinterpret_cast<F*>(dlsym(library, name));
  }
  void* library;
  void (*work)(void*, std::uint64_t, int);
  void (*chain)(void*);
  int (*own)(int);
};

long wrong = 0;
void Expect(bool right, const char* what) {
  if (right) return;
  ++wrong;
  std::printf("not so: %s\n", what);
}

// Threads of the program and of all plugins, and threads that change from one
// to the other.
void UseTheProgramsTables(const std::vector<Plugin>& plugins) {
  constexpr int kRounds = 20'000;
  const auto tables = std::make_unique<Tables>();
  std::vector<std::thread> threads;
  threads.emplace_back([&] { Work(*tables, 1, kRounds); });
  for (const Plugin& plugin : plugins) {
    threads.emplace_back([&, seed = threads.size() + 1] {
      plugin.work(tables.get(), seed, kRounds);
    });
    threads.emplace_back([&, seed = threads.size() + 1] {
      for (int i = 0; i < kRounds / 100; ++i) {
        Work(*tables, seed * 1000 + i, 50);
        plugin.work(tables.get(), seed * 2000 + i, 50);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (const haft::Handle hot{tables->hot.exchange(0)}; hot != haft::kNullHandle)
    Expect(tables->objects.Delete(hot) == haft::Status::kOk,
           "the last is live");
  for (const Plugin& plugin : plugins) {
    plugin.chain(tables.get());
    std::thread([&] { plugin.chain(tables.get()); }).join();
  }
  WorkOnChain(*tables);
  Expect(tables->wrong == 0, "all answers are right");
  Expect(tables->words.Stats().live == 0, "no word is left");
  const haft::ObjectTableStats stats = tables->objects.Stats();
  Expect(stats.live == 0 && stats.retired_objects == 0, "no object is left");
  Expect(stats.created == stats.deleted, "none was lost");
}

// Threads that live on after the plugins that they used were closed.
void ClosePluginsUnderThreads(const std::vector<Plugin>& plugins) {
  std::mutex mutex;
  std::condition_variable condition;
  int ready = 0;
  bool is_closed = false;
  std::vector<std::thread> threads;
  for (const Plugin& plugin : plugins) {
    threads.emplace_back([&, own = plugin.own] {
      const int found = own(7);
      std::unique_lock<std::mutex> lock(mutex);
      Expect(found == 7, "a plugin's own table gives the value");
      ++ready;
      condition.notify_all();
      condition.wait(lock, [&] { return is_closed; });
    });
  }
  {
    std::unique_lock<std::mutex> lock(mutex);
    condition.wait(lock, [&] { return ready == int(plugins.size()); });
    for (const Plugin& plugin : plugins) dlclose(plugin.library);
    is_closed = true;
    condition.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  alarm(120);  // rather than hang
  std::vector<Plugin> plugins;
  for (int i = 2; i < argc; ++i) plugins.emplace_back(argv[i]);
  if (std::strcmp(argv[1], "same") == 0) {
    UseTheProgramsTables(plugins);
  } else {
    // So that the program's copy is in use as well.
    Tables tables;
    Work(tables, 1, 100);
    Expect(tables.wrong == 0, "the program's tables go on");
    for (const Plugin& plugin : plugins)
      Expect(plugin.own(3) == 3, "a plugin of other headers works");
    Work(tables, 2, 100);
    Expect(tables.wrong == 0, "the program's tables still go on");
  }
  ClosePluginsUnderThreads(plugins);
  std::printf("%ld wrong\n", wrong);
  return wrong == 0 ? 0 : 1;
}
