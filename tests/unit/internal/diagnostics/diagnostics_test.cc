// The C ABI with diagnostics on. Each test is a process of its own, because a
// process decides once which diagnostics are on.

#include "haft/internal/diagnostics/diagnostics.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "haft/haft.h"
#include "haft/internal/diagnostics/source_location.h"
#include "haft/internal/process/any_table.h"
#include "haft/process_table.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

constexpr haft_type kWidget = {"widget", "haft.test.widget", nullptr, 0, 0};
constexpr haft_type kGadget = {"gadget", "haft.test.gadget", nullptr, 0, 0};

std::string DescribeIn(haft_table* table, haft_handle handle) {
  char text[1000];
  EXPECT_LT(haft_table_describe(table, handle, text, sizeof(text)),
            sizeof(text));
  return text;
}
std::string Described(haft_handle handle) {
  return DescribeIn(nullptr, handle);
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

std::string ByThread() { return " by thread " + std::to_string(gettid()); }

// Runs f in a process without a table, which then exits. Returns its output on
// stderr.
std::string InProcess(const std::function<void()>& f) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    f();
    std::exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  close(ends[1]);
  std::string said;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;)
    said.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << said;
  return said;
}

// The same in a process that records sites.
std::string InDiagnosedProcess(const std::function<void()>& f) {
  return InProcess([&] {
    ASSERT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
    f();
  });
}

haft_handle Make(const haft_type& type, unsigned line) {
  haft_handle handle = 0;
  EXPECT_EQ(haft_new_at(nullptr, &type, &handle, "made.c", line), HAFT_OK);
  return handle;
}
haft_status Delete(haft_handle handle, unsigned line) {
  return haft_table_delete_at(nullptr, handle, nullptr, "gone.c", line);
}

TEST(DiagnosticsTest, AStaleHandlesCreatorAndDeleterAndSlotAreDescribed) {
  InDiagnosedProcess([] {
    const haft_handle handle = Make(kWidget, 11);
    EXPECT_TRUE(Has(Described(handle),
                    "a widget at (nil), created at made.c:11" + ByThread()));
    EXPECT_FALSE(Has(Described(handle), "deleted"));
    const std::string here = ByThread();
    std::string there;
    std::thread([&] {
      there = ByThread();
      EXPECT_EQ(Delete(handle, 22), HAFT_OK);
    }).join();
    EXPECT_EQ(Delete(handle, 33), HAFT_STALE);
    EXPECT_TRUE(Has(Described(handle), "was a widget, created at made.c:11" +
                                           here + ", deleted at gone.c:22" +
                                           there + "; its slot is now free"))
        << Described(handle);
  });
}

TEST(DiagnosticsTest, ADescriptionBeginsWithTheHandle) {
  InProcess([] {
    const haft_handle handle = Make(kWidget, 11);
    char begin[40];
    std::snprintf(begin, sizeof(begin), "0x%" PRIxPTR ": live in ", handle);
    EXPECT_EQ(Described(handle).find(begin), 0u) << Described(handle);
    ASSERT_EQ(haft_delete(handle, nullptr), HAFT_OK);
    std::snprintf(begin, sizeof(begin), "0x%" PRIxPTR ": ", handle);
    EXPECT_EQ(Described(handle).find(begin), 0u) << Described(handle);
  });
}

TEST(DiagnosticsTest, TheSlotsPresentObjectIsDescribed) {
  InDiagnosedProcess([] {
    const haft_handle handle = Make(kWidget, 11);
    ASSERT_EQ(HAFT_DELETE(handle, &kWidget), HAFT_OK);
    const std::string deleted_at =
        "deleted at " __FILE__ ":" + std::to_string(__LINE__ - 2);
    // The cache may hand out other slots before this one.
    constexpr Word kIndex = internal::AnyTraits::Layout::Index::kMask;
    haft_handle next = 0;
    for (int i = 0; i < 1000; ++i) {
      next = Make(kGadget, 44);
      if (((next ^ handle) & kIndex) == 0) break;
    }
    ASSERT_EQ((next ^ handle) & kIndex, 0u);
    const std::string text = Described(handle);
    char holds[64];
    std::snprintf(holds, sizeof(holds), "its slot now holds 0x%" PRIxPTR ", ",
                  next);
    EXPECT_TRUE(Has(
        text, holds + std::string("a gadget at (nil), created at made.c:44")))
        << text;
    EXPECT_TRUE(Has(text, deleted_at)) << text;
  });
}

TEST(DiagnosticsTest, RemembersTheLastHandlesOfASlot) {
  InProcess([] {
    ASSERT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
    constexpr Word kIndex = internal::AnyTraits::Layout::Index::kMask;
    std::vector<haft_handle> handles = {Make(kWidget, 100)};
    while (handles.size() <= 8) {
      ASSERT_EQ(Delete(handles.back(), 5), HAFT_OK);
      const auto line = static_cast<unsigned>(100 + handles.size());
      haft_handle next = 0;
      for (int i = 0; i < 1000; ++i) {
        next = Make(kWidget, line);
        if (((next ^ handles[0]) & kIndex) == 0) break;
      }
      handles.push_back(next);
    }
    std::string past = Described(handles[0]);
    past.resize(past.find("; its slot"));
    EXPECT_TRUE(Has(past, "no longer remembered")) << past;
    EXPECT_FALSE(Has(past, "created")) << past;
    EXPECT_FALSE(Has(past, "deleted")) << past;
    for (std::size_t i = 1; i <= 8; ++i)
      EXPECT_TRUE(Has(Described(handles[i]),
                      "created at made.c:" + std::to_string(100 + i)))
          << i << ": " << Described(handles[i]);
  });
}

// The offset into this program that a location gives, less that of `function`.
std::intptr_t OffsetFrom(const std::string& text, const std::string& before,
                         const void* function) {
  char name[300];
  internal::FormatLocation(name, sizeof(name),
                           {nullptr, reinterpret_cast<Word>(function)});
  const auto offset = [](const std::string& from) {
    const std::size_t at = from.rfind("+0x");
    EXPECT_NE(at, from.npos) << from;
    return at == from.npos ? 0 : std::strtoll(&from[at + 1], nullptr, 16);
  };
  const std::size_t begin = text.find(before);
  EXPECT_NE(begin, text.npos) << text;
  if (begin == text.npos) return -1;
  const std::size_t end = text.find(" by thread", begin);
  return static_cast<std::intptr_t>(offset(text.substr(begin, end - begin)) -
                                    offset(name));
}

[[gnu::noinline]] haft_handle MakeByAddress() {
  haft_handle handle = 0;
  EXPECT_EQ(haft_new(nullptr, &kWidget, &handle), HAFT_OK);
  return handle;
}
[[gnu::noinline]] void DeleteByAddress(haft_handle handle) {
  EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
}

[[gnu::noinline]] void CloseByAddress(haft_scope* scope) {
  EXPECT_EQ(haft_scope_close(scope), 1u);
}

TEST(DiagnosticsTest, AScopesHandlesAreDeletedByTheCallThatClosesIt) {
  InDiagnosedProcess([] {
    const haft_handle handle = MakeByAddress();
    haft_scope* scope = nullptr;
    ASSERT_EQ(haft_scope_open(nullptr, &scope), HAFT_OK);
    ASSERT_EQ(haft_scope_add(scope, handle), HAFT_OK);
    CloseByAddress(scope);
    const std::string text = Described(handle);
    const std::intptr_t deleted = OffsetFrom(
        text, "deleted at ", reinterpret_cast<const void*>(&CloseByAddress));
    EXPECT_TRUE(0 < deleted && deleted < 1000) << deleted << " " << text;
  });
}

TEST(DiagnosticsTest, LocationsAreThoseOfTheCallsUnlessALineIsGiven) {
  InDiagnosedProcess([] {
    const haft_handle handle = MakeByAddress();
    DeleteByAddress(handle);
    const std::string text = Described(handle);
    const std::intptr_t made = OffsetFrom(
        text, "created at ", reinterpret_cast<const void*>(&MakeByAddress));
    EXPECT_TRUE(0 < made && made < 1000) << made << " " << text;
    const std::intptr_t deleted = OffsetFrom(
        text, "deleted at ", reinterpret_cast<const void*>(&DeleteByAddress));
    EXPECT_TRUE(0 < deleted && deleted < 1000) << deleted << " " << text;
  });
}

TEST(DiagnosticsTest, CppCallsGiveTheirLine) {
  InDiagnosedProcess([] {
    const std::string file = __FILE__ ":";
    static int object;
    const auto expect = [&](Handle handle, int line) {
      const std::string text = Described(static_cast<haft_handle>(handle));
      EXPECT_TRUE(Has(text, "created at " + file + std::to_string(line) + " "))
          << text;
    };
    expect(New(7), __LINE__);
    expect(New(&object), __LINE__);
    expect(New(std::make_unique<int>(7)), __LINE__);
    expect(New(std::make_shared<int>(7)), __LINE__);
    HandleScope scope;
    expect(scope.New(7), __LINE__);

    const Handle handle = New(7), typed = New(7);
    EXPECT_EQ(haft::Delete(handle), Status::kOk);
    EXPECT_EQ(haft::Delete<int>(typed), Status::kOk);
    for (const Handle gone : {handle, typed}) {
      const int line = __LINE__ - (gone == handle ? 3 : 2);
      const std::string text = Described(static_cast<haft_handle>(gone));
      EXPECT_TRUE(Has(text, "deleted at " + file + std::to_string(line) + " "))
          << text;
    }
  });
}

haft_handle in_destructor;
std::string seen_in_destructor;
constexpr haft_type kCurious = {
    "curious", nullptr,
    [](void*) { seen_in_destructor = Described(in_destructor); }, 0, 0};

TEST(DiagnosticsTest, ADestructorFindsTheDeleterOfItsHandle) {
  InDiagnosedProcess([] {
    haft_status (*const ways[])(haft_handle) = {
        [](haft_handle handle) { return Delete(handle, 2); },
        [](haft_handle handle) {
          return haft_delete_unless_pinned(handle, nullptr);
        },
        [](haft_handle handle) {
          return haft_delete_and_wait(handle, nullptr, 1'000'000'000);
        }};
    for (const auto way : ways) {
      seen_in_destructor.clear();
      in_destructor = Make(kCurious, 1);
      ASSERT_EQ(way(in_destructor), HAFT_OK);
      EXPECT_TRUE(Has(seen_in_destructor, ", created at made.c:1 "));
      EXPECT_TRUE(Has(seen_in_destructor, ", deleted at "));
      EXPECT_TRUE(Has(seen_in_destructor, ByThread() + "; its slot"))
          << seen_in_destructor;
    }
    void* object;
    const haft_handle handle = Make(kCurious, 1);
    ASSERT_EQ(haft_take(handle, nullptr, &object), HAFT_OK);
    EXPECT_TRUE(Has(Described(handle), ", deleted at ")) << Described(handle);
  });
}

TEST(DiagnosticsTest, TheDeleterIsKnownWhileItWaits) {
  InDiagnosedProcess([] {
    const haft_handle handle = Make(kWidget, 1);
    haft_pin pin;
    void* object;
    ASSERT_EQ(haft_pin_object(handle, &kWidget, &pin, &object), HAFT_OK);
    EXPECT_EQ(haft_delete_and_wait(handle, nullptr, 0), HAFT_TIMED_OUT);
    EXPECT_TRUE(Has(Described(handle), ", deleted at ")) << Described(handle);
    EXPECT_TRUE(Has(Described(handle), "; its slot is now retired"));
    haft_unpin(&pin);
  });
}

TEST(DiagnosticsTest, ARefusedCallIsNotRecordedAsTheDeleter) {
  InDiagnosedProcess([] {
    const haft_handle handle = Make(kWidget, 1);
    haft_pin pin;
    void* object;
    ASSERT_EQ(haft_pin_object(handle, &kWidget, &pin, &object), HAFT_OK);
    EXPECT_EQ(haft_delete_unless_pinned(handle, nullptr), HAFT_PINNED);
    EXPECT_EQ(haft_take(handle, nullptr, &object), HAFT_PINNED);
    EXPECT_EQ(haft_delete(handle, &kGadget), HAFT_WRONG_TYPE);
    haft_unpin(&pin);
    EXPECT_FALSE(Has(Described(handle), "deleted")) << Described(handle);
  });
}

TEST(DiagnosticsTest, OfRacingDeletersTheSuccessfulOneIsRecorded) {
  InDiagnosedProcess([] {
    for (int round = 0; round < 300; ++round) {
      const haft_handle handle = Make(kWidget, 1);
      std::atomic<unsigned> winner{0};
      testing::Barrier start(3);
      testing::RunThreads(3, [&](unsigned t) {
        start.Wait();
        if (Delete(handle, 10 + t) == HAFT_OK) winner = 10 + t;
      });
      EXPECT_TRUE(Has(Described(handle),
                      "deleted at gone.c:" + std::to_string(winner) + " "))
          << Described(handle);
    }
  });
}

TEST(DiagnosticsTest, AReusedSlotKeepsItsHandlesApart) {
  InDiagnosedProcess([] {
    constexpr unsigned kRounds = testing::kSanitized ? 3'000 : 30'000;
    constexpr unsigned kLines = 5000;
    // Creates the table now, because an emulator has no room for one of each
    // thread.
    Delete(Make(kWidget, 1), 1);
    std::atomic<haft_handle> last{0};
    std::atomic<unsigned> makers{2};
    std::atomic<int> described{0};
    testing::Barrier start(4);
    testing::RunThreads(4, [&](unsigned t) {
      start.Wait();
      if (t < 2) {
        haft_handle before = 0;
        // Runs until the others have had their turn, too.
        for (unsigned i = 1; i <= kRounds || described == 0; ++i) {
          const unsigned object = 2 * i + t;
          haft_handle handle = 0;
          ASSERT_EQ(haft_new_at(reinterpret_cast<void*>(std::uintptr_t{object}),
                                &kWidget, &handle, "made.c", object % kLines),
                    HAFT_OK);
          last = handle;
          if (before != 0) {
            ASSERT_EQ(Delete(before, 1), HAFT_OK);
          }
          before = handle;
        }
        --makers;
        return;
      }
      while (makers != 0) {
        const std::string text = Described(last);
        const std::string live = "a widget at ", made = ", created at made.c:";
        std::size_t at = text.find(live + "0x");
        if (at == text.npos) continue;
        const auto object = std::strtoul(&text[at + live.size()], nullptr, 16);
        at = text.find(made, at);
        // It may not have been recorded yet.
        if (at == text.npos) continue;
        ASSERT_EQ(object % kLines,
                  std::strtoul(&text[at + made.size()], nullptr, 10))
            << text;
        described.fetch_add(1);
      }
    });
  });
}

TEST(DiagnosticsTest, ReportCountsByTypeAndPlaceWhileThreadsRun) {
  InDiagnosedProcess([] {
    for (int i = 0; i < 3; ++i) Make(kWidget, 1);
    for (int i = 0; i < 5; ++i) Make(kWidget, 2);
    Make(kGadget, 2);
    std::atomic<bool> done{false};
    std::atomic<int> rounds{0};
    std::thread other([&] {
      for (; !done; ++rounds)
        EXPECT_EQ(haft_delete(Make(kGadget, 9), nullptr), HAFT_OK);
    });
    while (rounds == 0) std::this_thread::yield();
    std::vector<std::string> lines;
    for (int i = 0; i < 50; ++i) {
      lines.clear();
      const std::size_t live = haft_table_report(
          nullptr, 0,
          [](void* context, const char* text) {
            static_cast<std::vector<std::string>*>(context)->push_back(text);
          },
          &lines);
      EXPECT_GE(live, 9u);
      ASSERT_GE(lines.size(), 3u);
      EXPECT_EQ(lines[0], "5 live of type widget, created at made.c:2");
      EXPECT_EQ(lines[1], "3 live of type widget, created at made.c:1");
      EXPECT_TRUE(lines[2] == "1 live of type gadget, created at made.c:2" ||
                  lines[3] == "1 live of type gadget, created at made.c:2");
    }
    done = true;
    other.join();
  });
}

TEST(DiagnosticsTest, ReportNamesTheFirstHandles) {
  InDiagnosedProcess([] {
    const haft_handle handle = Make(kWidget, 1);
    Make(kWidget, 1);
    std::vector<std::string> lines;
    EXPECT_EQ(
        haft_table_report(
            nullptr, 1,
            [](void* context, const char* text) {
              static_cast<std::vector<std::string>*>(context)->push_back(text);
            },
            &lines),
        2u);
    char expected[100];
    std::snprintf(expected, sizeof(expected),
                  "0x%" PRIxPTR ": a widget at (nil), created at made.c:1 by",
                  handle);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_TRUE(Has(lines[0], expected)) << lines[0];
    EXPECT_EQ(lines[1], "2 live of type widget, created at made.c:1");
  });
}

TEST(DiagnosticsTest, ReportWithoutSitesCountsByType) {
  InProcess([] {
    static constexpr haft_type kSameWidget = {"also widget", "haft.test.widget",
                                              nullptr, 0, 0};
    for (int i = 0; i < 2; ++i) Make(kGadget, 1);
    for (int i = 0; i < 3; ++i) Make(kWidget, 1);
    Make(kSameWidget, 1);
    std::vector<std::string> lines;
    const auto report = [&] {
      lines.clear();
      return haft_table_report(
          nullptr, 0,
          [](void* context, const char* text) {
            static_cast<std::vector<std::string>*>(context)->push_back(text);
          },
          &lines);
    };
    EXPECT_EQ(report(), 6u);
    EXPECT_EQ(lines, (std::vector<std::string>{"4 live of type widget",
                                               "2 live of type gadget"}));
    for (int i = 0; i < 2; ++i) Make(kGadget, 1);
    EXPECT_EQ(report(), 8u);
    EXPECT_EQ(lines, (std::vector<std::string>{"4 live of type gadget",
                                               "4 live of type widget"}))
        << "equal numbers stand in the order of names";
  });
}

TEST(DiagnosticsTest, WithoutATableNoLeakIsReported) {
  EXPECT_EQ(
      InProcess([] { EXPECT_EQ(haft_diagnose(HAFT_DIAGNOSE_LEAKS), HAFT_OK); }),
      "");
}

TEST(DiagnosticsTest, ABadCapacityIsReported) {
  EXPECT_TRUE(Has(InProcess([] {
                    setenv("HAFT_CAPACITY", "many", 1);
                    Make(kWidget, 1);
                  }),
                  "HAFT_CAPACITY: must be a decimal number above 0"));
}

TEST(DiagnosticsTest, LeaksAreReportedAtExit) {
  const std::string said = InProcess([] {
    setenv("HAFT_DIAGNOSE", "leaks", 1);
    Make(kWidget, 77);
    Make(kWidget, 77);
    EXPECT_EQ(haft_delete(Make(kWidget, 78), nullptr), HAFT_OK);
    // Runs before the report, whenever it was registered.
    static haft_handle last;
    last = Make(kWidget, 79);
    EXPECT_EQ(atexit([] { haft_delete(last, nullptr); }), 0);
  });
  EXPECT_EQ(said,
            "haft: 2 live of type widget, created at made.c:77\n"
            "haft: live handles at exit: 2\n");
}

TEST(DiagnosticsTest, NothingIsReportedUnlessAskedFor) {
  EXPECT_EQ(
      InProcess([] {
        const haft_handle handle = Make(kWidget, 77);
        EXPECT_FALSE(Has(Described(handle), "created"));
        EXPECT_EQ(Delete(Make(kGadget, 1), 1), HAFT_OK);
        EXPECT_EQ(Delete(2, 1), HAFT_MALFORMED);
        std::vector<std::string> lines;
        haft_table_report(
            nullptr, 0,
            [](void* context, const char* text) {
              static_cast<std::vector<std::string>*>(context)->push_back(text);
            },
            &lines);
        EXPECT_EQ(lines, std::vector<std::string>{"1 live of type widget"});
      }),
      "");
}

TEST(DiagnosticsTest, RefusalsAreReportedIfTheEnvironmentAsksForThem) {
  const std::string said = InProcess([] {
    setenv("HAFT_DIAGNOSE", "sites,refusals=1000000", 1);
    const haft_handle handle = Make(kWidget, 5);
    EXPECT_EQ(Delete(handle, 6), HAFT_OK);
    void* object;
    EXPECT_EQ(haft_value(handle, &kWidget, &object), HAFT_STALE);
  });
  EXPECT_TRUE(Has(said,
                  "haft: haft_value, wanted: a widget: the handle has been "
                  "deleted; called at "))
      << said;
  EXPECT_TRUE(Has(said, "created at made.c:5")) << said;
  EXPECT_TRUE(Has(said, "deleted at gone.c:6")) << said;
}

TEST(DiagnosticsTest, RefusalsAreLimitedToANumberASecond) {
  const std::string said = InProcess([] {
    setenv("HAFT_DIAGNOSE", "refusals=1", 1);
    void* object;
    for (int i = 0; i < 1000; ++i)
      EXPECT_EQ(haft_value(2, nullptr, &object), HAFT_MALFORMED);
  });
  const auto lines = std::count(said.begin(), said.end(), '\n');
  EXPECT_GE(lines, 1);
  EXPECT_LT(lines, 1000) << said.substr(0, 500);
}

TEST(DiagnosticsTest, UnknownWordsOfTheEnvironmentAreReported) {
  for (const char* words : {"sights", "sites,,leaks", "refusals=", "refusals=0",
                            "refusals=7x", "site"}) {
    EXPECT_TRUE(Has(InProcess([words] {
                      setenv("HAFT_DIAGNOSE", words, 1);
                      Make(kWidget, 1);
                    }),
                    "each word must be sites, leaks or refusals=NUMBER"))
        << words;
  }
}

TEST(DiagnosticsTest, FlagsAreSetOnceAndBeforeTheFirstTable) {
  InProcess([] {
    EXPECT_EQ(haft_diagnose(8), HAFT_INVALID);
    Make(kWidget, 1);
    EXPECT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_INVALID);
  });
  InProcess([] {
    haft_table* table;
    ASSERT_EQ(haft_table_create(1, &table), HAFT_OK);
    EXPECT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_INVALID);
    haft_table_destroy(table);
  });
  InProcess([] {
    EXPECT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
    EXPECT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_INVALID);
  });
}

struct Heard {
  int count = 0;
  haft_status status = HAFT_OK;
  haft_handle handle = 0;
  haft_table* table = nullptr;
  std::string description;
};

void Hear(void* context, haft_table* table, haft_handle handle,
          haft_status status, const char* description) {
  auto* const to = static_cast<Heard*>(context);
  *to = {to->count + 1, status, handle, table, description};
}

TEST(DiagnosticsTest, TheCallbackHearsOfRefusals) {
  InProcess([] {
    // A call has taken the fast path before.
    const haft_handle ours = Make(kWidget, 1);
    ASSERT_EQ(haft_check(ours), HAFT_OK);
    haft_table* table = nullptr;
    ASSERT_EQ(haft_table_create(10, &table), HAFT_OK);
    haft_handle handle = 0;
    ASSERT_EQ(haft_table_new(table, nullptr, &kWidget, &handle), HAFT_OK);

    static Heard heard;
    EXPECT_EQ(haft_set_refusal_callback(nullptr, &heard, 0), HAFT_INVALID);
    ASSERT_EQ(haft_set_refusal_callback(&Hear, &heard, 0), HAFT_OK);
    EXPECT_EQ(haft_set_refusal_callback(&Hear, &heard, 0), HAFT_INVALID);
    void* object;
    haft_pin pin;
    EXPECT_EQ(haft_table_value(table, handle, &kGadget, &object),
              HAFT_WRONG_TYPE);
    EXPECT_EQ(heard.status, HAFT_WRONG_TYPE);
    EXPECT_EQ(heard.table, table);
    EXPECT_EQ(heard.handle, handle);
    EXPECT_TRUE(Has(heard.description,
                    "haft_value, wanted: a gadget: the object is of another "
                    "type; called at "))
        << heard.description;
    EXPECT_EQ(haft_table_pin_object(table, 2, nullptr, &pin, &object),
              HAFT_MALFORMED);
    EXPECT_EQ(heard.status, HAFT_MALFORMED);
    EXPECT_EQ(haft_delete(ours, &kGadget), HAFT_WRONG_TYPE);
    EXPECT_EQ(heard.table, nullptr);
    EXPECT_EQ(haft_table_delete(table, handle, nullptr), HAFT_OK);
    EXPECT_EQ(heard.count, 3);
    EXPECT_EQ(haft_table_delete(table, handle, nullptr), HAFT_STALE);
    EXPECT_EQ(haft_table_delete_unless_pinned(table, handle, nullptr),
              HAFT_STALE);
    EXPECT_EQ(haft_table_delete_and_wait(table, handle, nullptr, 0),
              HAFT_STALE);
    EXPECT_EQ(haft_table_take(table, handle, nullptr, &object), HAFT_STALE);
    EXPECT_EQ(haft_table_delete_batch(table, &handle, 1, nullptr, nullptr), 0u);
    EXPECT_EQ(heard.count, 8);
    // Checks, the null handle and pinned objects are not reported.
    EXPECT_EQ(haft_table_check(table, handle), HAFT_STALE);
    EXPECT_EQ(haft_table_value(table, 0, nullptr, &object), HAFT_NULL);
    EXPECT_EQ(haft_pin_object(ours, &kWidget, &pin, &object), HAFT_OK);
    EXPECT_EQ(haft_delete_unless_pinned(ours, nullptr), HAFT_PINNED);
    haft_unpin(&pin);
    haft_scope* scope;
    ASSERT_EQ(haft_scope_open(table, &scope), HAFT_OK);
    ASSERT_EQ(haft_scope_add(scope, handle), HAFT_OK);
    EXPECT_EQ(haft_scope_close(scope), 0u);
    EXPECT_EQ(heard.count, 8);
    haft_table_destroy(table);
  });
}

// Its call of haft_unpin is in its first bytes, and it is not a tail call.
[[gnu::noinline]] void UnpinFromHere(haft_pin* pin) {
  haft_unpin(pin);
  asm volatile("" ::: "memory");
}

// Returns how far behind the start of `function` a call is that `description`
// gives as "called at FILE+0xOFFSET".
std::uintptr_t CallOffset(const std::string& description,
                          void (*function)(haft_pin*)) {
  Dl_info info;
  EXPECT_NE(dladdr(reinterpret_cast<void*>(function), &info), 0);
  const std::size_t site = description.find("called at ");
  const std::size_t offset = description.find("+0x", site);
  EXPECT_NE(offset, std::string::npos) << description;
  if (offset == std::string::npos) return 0;
  return reinterpret_cast<std::uintptr_t>(info.dli_fbase) +
         std::stoul(description.substr(offset + 1), nullptr, 16) -
         reinterpret_cast<std::uintptr_t>(function);
}

TEST(DiagnosticsTest, TheCallbackHearsOfPinsThatHadEnded) {
  InProcess([] {
    static Heard heard;
    const haft_handle ours = Make(kWidget, 1);
    haft_table* table = nullptr;
    ASSERT_EQ(haft_table_create(10, &table), HAFT_OK);
    haft_handle theirs = 0;
    ASSERT_EQ(haft_table_new(table, nullptr, &kWidget, &theirs), HAFT_OK);
    const auto unpin_twice = [](haft_table* of, haft_handle handle) {
      haft_pin pin;
      void* object;
      ASSERT_EQ(haft_table_pin_object(of, handle, nullptr, &pin, &object),
                HAFT_OK);
      haft_pin copy = pin;
      haft_unpin(&pin);
      UnpinFromHere(&copy);
    };
    unpin_twice(nullptr, ours);
    EXPECT_EQ(heard.count, 0) << "diagnostics are off";
    ASSERT_EQ(haft_set_refusal_callback(&Hear, &heard, 0), HAFT_OK);
    unpin_twice(nullptr, ours);
    EXPECT_EQ(heard.count, 1);
    EXPECT_EQ(heard.status, HAFT_INVALID);
    EXPECT_EQ(heard.handle, ours);
    EXPECT_EQ(heard.table, nullptr);
    EXPECT_TRUE(Has(heard.description,
                    "haft_unpin: the pin has ended before; called at "))
        << heard.description;
    EXPECT_LT(CallOffset(heard.description, &UnpinFromHere), 100u)
        << heard.description;
    EXPECT_TRUE(Has(heard.description, "live in table ")) << heard.description;
    unpin_twice(table, theirs);
    EXPECT_EQ(heard.count, 2);
    EXPECT_EQ(heard.handle, theirs);
    EXPECT_EQ(heard.table, table);
    haft_table_destroy(table);
  });
}

TEST(DiagnosticsTest, TheCallbackMayCallTheTable) {
  InDiagnosedProcess([] {
    static std::string seen;
    ASSERT_EQ(haft_set_refusal_callback(
                  [](void*, haft_table*, haft_handle handle, haft_status,
                     const char*) {
                    seen = Described(handle);
                    EXPECT_EQ(Delete(Make(kGadget, 1), 1), HAFT_OK);
                  },
                  nullptr, 0),
              HAFT_OK);
    const haft_handle handle = Make(kWidget, 3);
    EXPECT_EQ(Delete(handle, 4), HAFT_OK);
    EXPECT_EQ(Delete(handle, 4), HAFT_STALE);
    EXPECT_TRUE(Has(seen, "created at made.c:3")) << seen;
  });
}

TEST(DiagnosticsTest, InternedHandlesAreRecordedByTheFirstIntern) {
  InDiagnosedProcess([] {
    int object;
    haft_handle handle = 0, again = 0;
    ASSERT_EQ(haft_intern(&object, &kWidget, &handle), HAFT_OK);
    const std::string text = Described(handle);
    EXPECT_TRUE(Has(text, ", created at ")) << text;
    ASSERT_EQ(haft_intern(&object, &kWidget, &again), HAFT_OK);
    ASSERT_EQ(again, handle);
    EXPECT_EQ(Described(handle), text);
    EXPECT_EQ(haft_release(handle), HAFT_OK);
    EXPECT_FALSE(Has(Described(handle), "deleted"));
    EXPECT_EQ(haft_release(handle), HAFT_OK);
    EXPECT_TRUE(Has(Described(handle), ", deleted at ")) << Described(handle);
    static Heard heard;
    ASSERT_EQ(haft_set_refusal_callback(&Hear, &heard, 0), HAFT_OK);
    EXPECT_EQ(haft_release(handle), HAFT_STALE);
    EXPECT_TRUE(Has(heard.description, "haft_release, ")) << heard.description;
  });
}

// Only the release that ends the handle is its deletion.
TEST(DiagnosticsTest, TheLastReleaseIsRecordedAsTheDeletion) {
  InDiagnosedProcess([] {
    int object;
    haft_handle handle = 0;
    const auto release_elsewhere = [&](haft_status expected) {
      std::thread([&] { EXPECT_EQ(haft_release(handle), expected); }).join();
    };
    for (int i = 0; i < 2; ++i)
      ASSERT_EQ(haft_intern(&object, &kWidget, &handle), HAFT_OK);
    release_elsewhere(HAFT_OK);
    EXPECT_EQ(haft_release(handle), HAFT_OK);
    const std::string text = Described(handle);
    const std::size_t deleted = text.find(", deleted at ");
    ASSERT_NE(deleted, text.npos) << text;
    EXPECT_TRUE(Has(text.substr(deleted), ByThread())) << text;
    release_elsewhere(HAFT_STALE);
    EXPECT_EQ(Described(handle), text);
  });
}

TEST(DiagnosticsTest, ARefusedReleaseIsNotRecordedAsTheDeletion) {
  InDiagnosedProcess([] {
    int object;
    static haft_handle handle = 0;
    // Runs before the last release is recorded.
    const auto destroy = [](void*) {
      std::thread([] { EXPECT_EQ(haft_release(handle), HAFT_STALE); }).join();
    };
    ASSERT_EQ(haft_intern_with(&object, &kWidget, destroy, nullptr, &handle),
              HAFT_OK);
    EXPECT_EQ(haft_release(handle), HAFT_OK);
    const std::string text = Described(handle);
    const std::size_t deleted = text.find(", deleted at ");
    ASSERT_NE(deleted, text.npos) << text;
    EXPECT_TRUE(Has(text.substr(deleted), ByThread())) << text;
  });
}

TEST(DiagnosticsTest, ReleasesNeedNoHistory) {
  InProcess([] {
    static Heard heard;
    ASSERT_EQ(haft_set_refusal_callback(&Hear, &heard, 0), HAFT_OK);
    int object;
    haft_handle handle = 0;
    for (int i = 0; i < 2; ++i)
      ASSERT_EQ(haft_intern(&object, &kWidget, &handle), HAFT_OK);
    EXPECT_EQ(haft_release(handle), HAFT_OK);
    EXPECT_EQ(haft_release(handle), HAFT_OK);
    EXPECT_EQ(heard.count, 0);
    EXPECT_EQ(haft_release(handle), HAFT_STALE);
    EXPECT_EQ(heard.count, 1);
  });
}

TEST(DiagnosticsTest, AFullTableMakesNothing) {
  InDiagnosedProcess([] {
    haft_table* table = nullptr;
    ASSERT_EQ(haft_table_create(2, &table), HAFT_OK);
    haft_handle handle = 0;
    while (haft_table_new(table, nullptr, &kWidget, &handle) == HAFT_OK) {
    }
    handle = 7;
    EXPECT_EQ(haft_table_new(table, nullptr, &kWidget, &handle), HAFT_FULL);
    EXPECT_EQ(handle, 7u);
    haft_table_destroy(table);
  });
}

TEST(DiagnosticsTest, TheNextReportTellsHowManyWereSuppressed) {
  InProcess([] {
    static Heard heard;
    ASSERT_EQ(haft_set_refusal_callback(&Hear, &heard, 1), HAFT_OK);
    void* object;
    unsigned long refused = 0;
    while (heard.count == 0 || !Has(heard.description, "suppressed")) {
      EXPECT_EQ(haft_value(2, nullptr, &object), HAFT_MALFORMED);
      // A second may have begun after the first report.
      ASSERT_LE(heard.count, 3);
      ++refused;
    }
    unsigned long suppressed = 0;
    ASSERT_EQ(std::sscanf(heard.description.c_str(),
                          "(%lu suppressed) haft_value, ", &suppressed),
              1);
    EXPECT_GT(suppressed, 0u);
    EXPECT_EQ(suppressed + heard.count, refused);
  });
}

TEST(DiagnosticsTest, EachTableHasAHistoryOfItsOwn) {
  InDiagnosedProcess([] {
    haft_table* tables[2];
    haft_handle handles[2] = {};
    for (unsigned i : {0u, 1u}) {
      ASSERT_EQ(haft_table_create(10, &tables[i]), HAFT_OK);
      ASSERT_EQ(haft_table_new_with_at(tables[i], nullptr, &kWidget, nullptr,
                                       nullptr, &handles[i], "own.c", i + 1),
                HAFT_OK);
    }
    EXPECT_TRUE(Has(DescribeIn(tables[0], handles[0]), "created at own.c:1 "));
    EXPECT_TRUE(Has(DescribeIn(tables[1], handles[1]), "created at own.c:2 "));
    EXPECT_FALSE(Has(DescribeIn(tables[1], handles[0]), "own.c"));
    for (haft_table* table : tables) haft_table_destroy(table);
  });
}

haft_table* destroyed_table;
haft_handle kept_by_object;
constexpr haft_type kOwner = {
    "owner", nullptr,
    [](void*) {
      EXPECT_EQ(haft_table_delete(destroyed_table, kept_by_object, nullptr),
                HAFT_OK);
      EXPECT_TRUE(
          Has(DescribeIn(destroyed_table, kept_by_object), "deleted at"));
    },
    0, 0};

TEST(DiagnosticsTest, DestructorsMayCallATableThatIsBeingDestroyed) {
  InDiagnosedProcess([] {
    ASSERT_EQ(haft_table_create(10, &destroyed_table), HAFT_OK);
    haft_handle owner;
    ASSERT_EQ(haft_table_new(destroyed_table, nullptr, &kOwner, &owner),
              HAFT_OK);
    ASSERT_EQ(
        haft_table_new(destroyed_table, nullptr, &kWidget, &kept_by_object),
        HAFT_OK);
    haft_table_destroy(destroyed_table);
  });
}

TEST(DiagnosticsDeathTest, MustFormsReportAllThatIsKnown) {
  const auto stale = [] {
    EXPECT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
    const haft_handle handle = Make(kWidget, 11);
    EXPECT_EQ(Delete(handle, 22), HAFT_OK);
    return handle;
  };
  const std::string known =
      "wanted: a gadget: the handle has been deleted; called at "
      ".*\\+0x.* by thread [0-9]+; .*stale in table .*, was a "
      "widget, created at made.c:11 by thread [0-9]+, deleted at gone.c:22 by "
      "thread [0-9]+; its slot is now free";
  EXPECT_DEATH(haft_must_value(stale(), &kGadget), "haft_must_value, " + known);
  EXPECT_DEATH(haft_must_delete(stale(), &kGadget),
               "haft_must_delete, " + known);
  EXPECT_DEATH(haft_must_value(Make(kWidget, 1), &kGadget),
               "haft_must_value, wanted: a gadget: the object is of another "
               "type; called at .*; .*live in table .*, a widget");
}

TEST(DiagnosticsTest, MustFormsReturnIfTheHandleIsGood) {
  InDiagnosedProcess([] {
    int object = 7;
    haft_handle handle;
    ASSERT_EQ(haft_new(&object, &kWidget, &handle), HAFT_OK);
    EXPECT_EQ(haft_must_value(handle, &kWidget), &object);
    haft_must_delete(handle, &kWidget);
    EXPECT_TRUE(Has(Described(handle), "deleted at")) << Described(handle);
  });
}

std::atomic<std::uint64_t> handled{0};
void MakeAndDelete(int) {
  haft_handle handle = 0;
  if (haft_new_at(nullptr, &kGadget, &handle, "handler.c", 1) == HAFT_OK &&
      Delete(handle, 2) == HAFT_OK)
    handled.fetch_add(1, std::memory_order_relaxed);
}

TEST(DiagnosticsTest, SignalHandlersMayMakeAndDelete) {
  InDiagnosedProcess([] {
    struct sigaction action = {};
    action.sa_handler = &MakeAndDelete;
    ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    Make(kWidget, 1);
    std::atomic<bool> done{false};
    const pthread_t main = pthread_self();
    std::thread sender([&] {
      while (!done) {
        pthread_kill(main, SIGUSR1);
        std::this_thread::yield();
      }
    });
    std::uint64_t rounds = 0;
    for (; rounds < 2'000 || handled.load() < 200; ++rounds) {
      const haft_handle handle = Make(kWidget, 2);
      const std::string live = Described(handle);
      EXPECT_TRUE(Has(live, "created at made.c:2" + ByThread())) << live;
      EXPECT_EQ(Delete(handle, 3), HAFT_OK);
      // Handlers may have reused the slot more often than it has records.
      const std::string gone = Described(handle);
      EXPECT_TRUE(Has(gone, "deleted at gone.c:3" + ByThread()) ||
                  Has(gone, "no longer remembered"))
          << gone;
    }
    done = true;
    sender.join();
    haft_stats stats;
    ASSERT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
    EXPECT_EQ(stats.live, 1u);
    EXPECT_EQ(stats.deleted, rounds + handled.load());
  });
}

}  // namespace
}  // namespace haft
