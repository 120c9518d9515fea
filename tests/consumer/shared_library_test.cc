// libhaft.so as a process meets it: loaded late, by several, and let go of
// before the threads that have used it end.

#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "haft/haft.h"
#include "tests/support/in_child.h"

namespace {

class Library {
 public:
  explicit Library(const std::string& name, int flags = RTLD_NOW | RTLD_LOCAL)
      : handle_(dlopen((name[0] == '/' ? name : "./" + name).c_str(), flags)) {
    EXPECT_NE(handle_, nullptr) << dlerror();
  }
  ~Library() { Close(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void Close() {
    if (handle_ != nullptr) {
      EXPECT_EQ(dlclose(handle_), 0);
    }
    handle_ = nullptr;
  }

  template <typename F>
  F* Find(const char* name) const {
    void* const found = dlsym(handle_, name);
    EXPECT_NE(found, nullptr) << name;
    return reinterpret_cast<F*>(found);
  }

 private:
  void* handle_;
};

struct Plugin : Library {
  explicit Plugin(const std::string& name) : Library(name) {}
  haft_handle (*New)(int) = Find<haft_handle(int)>("plugin_new");
  int (*Value)(haft_handle) = Find<int(haft_handle)>("plugin_value");
  haft_status (*Delete)(haft_handle) =
      Find<haft_status(haft_handle)>("plugin_delete");
  int* destroyed = Find<int>("plugin_destroyed");
};

// In children, since a library that cannot be unloaded stays for good.
using haft::testing::InChild;

constexpr char kHaft[] = "libhaft.so";

TEST(SharedLibraryTest, PluginsShareOneTableAndAgreeOnTypes) {
  InChild([] {
    const Library haft(kHaft, RTLD_NOW | RTLD_GLOBAL);
    const Plugin a("tests/consumer/plugin_a.so"),
        b("tests/consumer/plugin_b.so");
    const haft_handle handle = a.New(7);
    EXPECT_EQ(b.Value(handle), 7);
    EXPECT_EQ(b.Delete(handle), HAFT_OK);
    EXPECT_EQ(*a.destroyed, 1) << "by the descriptor it was made with";
    EXPECT_EQ(*b.destroyed, 0);
    EXPECT_EQ(a.Delete(handle), HAFT_STALE);
  });
}

TEST(SharedLibraryTest, StaticArchiveInsideAnotherLibraryHasItsOwnTable) {
  InChild([] {
    const Library haft(kHaft, RTLD_NOW | RTLD_GLOBAL);
    const Plugin shared("tests/consumer/plugin_a.so"),
        own("tests/consumer/plugin_static.so");
    const haft_handle mine = own.New(1), theirs = shared.New(2);
    EXPECT_EQ(own.Value(mine), 1);
    EXPECT_EQ(own.Value(theirs), -1);
    EXPECT_EQ(shared.Value(mine), -1);
    EXPECT_EQ(own.Delete(theirs), HAFT_NEVER_ISSUED);
    EXPECT_EQ(own.Delete(mine), HAFT_OK);
    EXPECT_EQ(shared.Delete(theirs), HAFT_OK);
  });
}

// Two copies of libhaft.so.

// Returns the name of a new copy of the file.
std::string CopyOfHaft() {
  const char* const folder = std::getenv("TEST_TMPDIR");
  std::string name =
      std::string(folder == nullptr ? "/tmp" : folder) + "/libother.so";
  std::ofstream(name, std::ios::binary)
      << std::ifstream(kHaft, std::ios::binary).rdbuf();
  return name;
}

struct Copy : Library {
  explicit Copy(const std::string& name) : Library(name) {}
  decltype(&haft_new) New = Find<decltype(haft_new)>("haft_new");
  decltype(&haft_check) Check = Find<decltype(haft_check)>("haft_check");
  decltype(&haft_value) Value = Find<decltype(haft_value)>("haft_value");
  decltype(&haft_delete) Delete = Find<decltype(haft_delete)>("haft_delete");
  decltype(&haft_must_delete) MustDelete =
      Find<decltype(haft_must_delete)>("haft_must_delete");
  decltype(&haft_set_refusal_callback) SetRefusalCallback =
      Find<decltype(haft_set_refusal_callback)>("haft_set_refusal_callback");

  std::string Describe(haft_handle handle) const {
    char text[1000];
    Find<decltype(haft_describe)>("haft_describe")(handle, text, sizeof(text));
    return text;
  }
};

constexpr haft_type kType = {"type", nullptr, nullptr, 0, 0};
constexpr char kAnother[] = "; another copy of Haft is loaded from ";

// Expects that the text names `file` as the one other copy.
void ExpectNames(const std::string& text, const std::string& file) {
  const std::size_t found = text.find(kAnother);
  ASSERT_NE(found, text.npos) << text;
  EXPECT_EQ(text.substr(found), kAnother + file);
}

// Returns a new handle of the copy's table.
haft_handle NewHandleOf(const Copy& copy) {
  static int object = 0;
  haft_handle handle = 0;
  EXPECT_EQ(copy.New(&object, &kType, &handle), HAFT_OK);
  return handle;
}

TEST(TwoCopiesTest, EachSaysOfTheOthersHandlesThatThereIsAnother) {
  const std::string other = CopyOfHaft();
  InChild([&] {
    const Copy a(kHaft), b(other);
    const haft_handle handle = NewHandleOf(a);
    EXPECT_EQ(a.Check(handle), HAFT_OK);
    EXPECT_EQ(b.Check(handle), HAFT_NEVER_ISSUED);
    ExpectNames(b.Describe(handle), "./libhaft.so");
    EXPECT_EQ(a.Describe(handle).find(kAnother), std::string::npos);
    EXPECT_EQ(a.Delete(handle, &kType), HAFT_OK);
    EXPECT_EQ(a.Describe(handle).find(kAnother), std::string::npos)
        << "its own stale handle";
    ExpectNames(a.Describe(2), other);  // malformed
    EXPECT_EQ(a.Describe(0).find(kAnother), std::string::npos) << "null";
  });
}

TEST(TwoCopiesTest, ReportsOfRefusalsSayTheSame) {
  const std::string other = CopyOfHaft();
  InChild([&] {
    const Copy a(kHaft), b(other);
    const haft_handle handle = NewHandleOf(a);
    std::string heard;
    ASSERT_EQ(
        b.SetRefusalCallback(
            [](void* heard, haft_table*, haft_handle, haft_status,
               const char* text) { *static_cast<std::string*>(heard) = text; },
            &heard, 0),
        HAFT_OK);
    void* found = nullptr;
    EXPECT_EQ(b.Value(handle, &kType, &found), HAFT_NEVER_ISSUED);
    ExpectNames(heard, "./libhaft.so");
    EXPECT_DEATH(b.MustDelete(handle, &kType),
                 "another copy of Haft is loaded from ./libhaft.so");
  });
}

TEST(TwoCopiesTest, ALibraryThatUsesItIsNoCopy) {
  InChild([] {
    const Library haft(kHaft, RTLD_NOW | RTLD_GLOBAL);
    const Plugin user("tests/consumer/plugin_a.so");
    const Copy a(kHaft);
    EXPECT_GT(a.Describe(2).size(), 10u);
    EXPECT_EQ(a.Describe(2).find(kAnother), std::string::npos);
  });
}

// An archive exports nothing, so it sees libhaft.so and is not seen by it.
TEST(TwoCopiesTest, ACopyFromAnArchiveIsNotSeen) {
  InChild([] {
    const Library haft(kHaft, RTLD_NOW | RTLD_GLOBAL);
    const Plugin own("tests/consumer/plugin_static.so");
    const Copy a(kHaft);
    const haft_handle handle = own.New(1);
    EXPECT_EQ(a.Check(handle), HAFT_NEVER_ISSUED);
    EXPECT_EQ(a.Describe(handle).find(kAnother), std::string::npos);
  });
}

// Loads, uses on several threads, closes; then the threads end.
void UseAndClose(const char* haft, const char* plugin) {
  std::atomic<int> used{0};
  std::atomic<bool> closed{false};
  std::vector<std::thread> threads;
  {
    const Library library(haft, RTLD_NOW | RTLD_GLOBAL);
    const Plugin user(plugin);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 1000; ++i) {
          const haft_handle handle = user.New(t);
          EXPECT_EQ(user.Value(handle), t);
          EXPECT_EQ(user.Delete(handle), HAFT_OK);
        }
        ++used;
        while (!closed) std::this_thread::yield();
      });
    }
    while (used != 4) std::this_thread::yield();
  }
  closed = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(SharedLibraryTest, ThreadsEndAfterItWasClosed) {
  InChild([] { UseAndClose(kHaft, "tests/consumer/plugin_a.so"); });
}

TEST(SharedLibraryTest, ThreadsEndAfterALibraryWithItInsideWasClosed) {
  InChild([] { UseAndClose(kHaft, "tests/consumer/plugin_static.so"); });
}

// The file itself.

class ElfFile {
 public:
  explicit ElfFile(const char* name) {
    std::ifstream file(name, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    EXPECT_GT(bytes_.size(), sizeof(ElfW(Ehdr)));
    header_ = At<ElfW(Ehdr)>(0);
    sections_ = At<ElfW(Shdr)>(header_->e_shoff);
  }

  const ElfW(Shdr) * Section(unsigned type) const {
    for (unsigned i = 0; i < header_->e_shnum; ++i) {
      if (sections_[i].sh_type == type) return &sections_[i];
    }
    return nullptr;
  }
  template <typename T>
  const T* At(std::size_t offset) const {
    return reinterpret_cast<const T*>(bytes_.data() + offset);
  }
  const char* String(const ElfW(Shdr) * section, std::size_t offset) const {
    return At<char>(sections_[section->sh_link].sh_offset + offset);
  }

 private:
  std::vector<char> bytes_;
  const ElfW(Ehdr) * header_;
  const ElfW(Shdr) * sections_;
};

TEST(SharedLibraryFileTest, ExportsTheFunctionsOfTheHeadersAndNothingElse) {
  std::set<std::string> declared;
  std::string text;
  for (const char* const name : {"lib/haft/haft.h", "lib/haft/view.h"}) {
    std::ifstream header(name);
    text.append(std::istreambuf_iterator<char>(header), {});
  }
  for (std::size_t at = 0; (at = text.find("HAFT_API ", at)) != text.npos;) {
    const std::size_t end = text.find('(', at);
    std::size_t begin = text.rfind(' ', end) + 1;
    if (text[begin] == '*') ++begin;
    const std::string name = text.substr(begin, end - begin);
    if (name.rfind("haft_", 0) == 0) declared.insert(name);
    at = end;
  }
  EXPECT_GT(declared.size(), 30u);

  const ElfFile file(kHaft);
  const ElfW(Shdr)* const symbols = file.Section(SHT_DYNSYM);
  ASSERT_NE(symbols, nullptr);
  std::set<std::string> exported;
  const auto* symbol = file.At<ElfW(Sym)>(symbols->sh_offset);
  for (std::size_t i = 0; i < symbols->sh_size / sizeof(*symbol); ++i) {
    if (symbol[i].st_shndx == SHN_UNDEF || symbol[i].st_shndx == SHN_ABS ||
        (symbol[i].st_info >> 4) == STB_LOCAL)
      continue;
    exported.insert(file.String(symbols, symbol[i].st_name));
  }
  EXPECT_EQ(exported, declared);
}

TEST(SharedLibraryFileTest, HasItsNameAndVersionAndIsNeverUnloaded) {
  const ElfFile file(kHaft);
  const ElfW(Shdr)* const dynamic = file.Section(SHT_DYNAMIC);
  ASSERT_NE(dynamic, nullptr);
  std::string name;
  bool stays = false, is_versioned = false;
  for (const auto* entry = file.At<ElfW(Dyn)>(dynamic->sh_offset);
       entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_SONAME)
      name = file.String(dynamic, entry->d_un.d_val);
    if (entry->d_tag == DT_FLAGS_1)
      stays = (entry->d_un.d_val & DF_1_NODELETE) != 0;
    if (entry->d_tag == DT_VERDEF) is_versioned = true;
  }
  EXPECT_EQ(name, "libhaft.so.0");
  EXPECT_TRUE(stays);
  EXPECT_TRUE(is_versioned);
}

// The operators of libstdc++ end the process if there is no memory for an
// exception.
TEST(SharedLibraryFileTest, AllocatesWithoutNewAndThrowsNothing) {
  const ElfFile file(kHaft);
  const ElfW(Shdr)* const symbols = file.Section(SHT_DYNSYM);
  ASSERT_NE(symbols, nullptr);
  const auto* symbol = file.At<ElfW(Sym)>(symbols->sh_offset);
  std::size_t imported = 0;
  for (std::size_t i = 1; i < symbols->sh_size / sizeof(*symbol); ++i) {
    if (symbol[i].st_shndx != SHN_UNDEF) continue;
    ++imported;
    const std::string name = file.String(symbols, symbol[i].st_name);
    for (const char* const prefix :
         {"_Znw", "_Zna", "_Zdl", "_Zda", "__cxa_allocate", "__cxa_throw",
          "__gxx_personality"})
      EXPECT_NE(name.rfind(prefix, 0), 0u) << name;
  }
  EXPECT_GT(imported, 10u);
}

// The one entry is the compiler's own.
TEST(SharedLibraryFileTest, HasNoStaticConstructors) {
  const ElfFile file(kHaft);
  const ElfW(Shdr)* const constructors = file.Section(SHT_INIT_ARRAY);
  if (constructors != nullptr) {
    EXPECT_LE(constructors->sh_size, sizeof(void*));
  }
}

}  // namespace
