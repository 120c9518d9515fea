// tests/consumer/shared_library_test.cc tests copies of libhaft.so that
// describe each other's handles. The library finds __wrap_dl_iterate_phdr
// before the C library's function (-Wl,--wrap).

#include "haft/internal/diagnostics/other_copies.h"

#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "haft/haft.h"

namespace {

using Callback = int (*)(dl_phdr_info*, std::size_t, void*);

// If it is not null, then this is the only file that is loaded.
dl_phdr_info* only_file;

}  // namespace

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
int __real_dl_iterate_phdr(Callback callback, void* data);
int __wrap_dl_iterate_phdr(Callback callback, void* data) {
  return only_file != nullptr ? callback(only_file, sizeof(*only_file), data)
                              : __real_dl_iterate_phdr(callback, data);
}
// NOLINTEND(bugprone-reserved-identifier)
}

namespace haft::internal {
namespace {

std::string OtherCopies() {
  char buffer[1000];
  TextBuffer text(buffer, sizeof(buffer));
  AddOtherCopies(text);
  return buffer;
}

// This program has a copy of its own, from the archive.
TEST(OtherCopiesTest, ALoadedLibraryIsNamedAndTheOwnFileIsNot) {
  EXPECT_EQ(OtherCopies(), "");
  ASSERT_NE(dlopen("./libhaft.so", RTLD_NOW | RTLD_LOCAL), nullptr)
      << dlerror();
  EXPECT_EQ(OtherCopies(),
            "; another copy of Haft is loaded from ./libhaft.so");
}

TEST(OtherCopiesTest, EachOtherCopyIsNamed) {
  const std::string second = ::testing::TempDir() + "/second.so";
  std::ofstream(second, std::ios::binary)
      << std::ifstream("./libhaft.so", std::ios::binary).rdbuf();
  for (const char* const path : {"./libhaft.so", second.c_str()})
    ASSERT_NE(dlopen(path, RTLD_NOW | RTLD_LOCAL), nullptr) << dlerror();
  const std::string text = OtherCopies();
  EXPECT_NE(text.find("is loaded from ./libhaft.so"), std::string::npos)
      << text;
  EXPECT_NE(text.find("is loaded from " + second), std::string::npos) << text;
}

TEST(OtherCopiesTest, OfAHandleThatMayBeAnotherCopysTheyAreNamed) {
  ASSERT_NE(dlopen("./libhaft.so", RTLD_NOW | RTLD_LOCAL), nullptr)
      << dlerror();
  const auto names_them = [](haft_table* table, haft_handle handle) {
    char text[1000];
    EXPECT_LT(haft_table_describe(table, handle, text, sizeof(text)),
              sizeof(text));
    return std::string(text).find("another copy of Haft") != std::string::npos;
  };
  constexpr haft_type kType = {"borrowed", nullptr, nullptr, 0, 0};
  haft_table* tables[2] = {};
  haft_handle handles[2] = {};
  for (const int i : {0, 1}) {
    ASSERT_EQ(haft_table_create(10, &tables[i]), HAFT_OK);
    ASSERT_EQ(haft_table_new(tables[i], nullptr, &kType, &handles[i]), HAFT_OK);
  }
  ASSERT_EQ(haft_table_check(tables[0], handles[1]), HAFT_NEVER_ISSUED);
  EXPECT_TRUE(names_them(tables[0], handles[1]));
  EXPECT_TRUE(names_them(tables[0], 2)) << "it is malformed";
  EXPECT_FALSE(names_them(tables[0], handles[0])) << "it is live";
  EXPECT_FALSE(names_them(tables[0], 0)) << "it is null";
  ASSERT_EQ(haft_table_delete(tables[0], handles[0], nullptr), HAFT_OK);
  EXPECT_FALSE(names_them(tables[0], handles[0])) << "it is stale";
  for (haft_table* const table : tables) haft_table_destroy(table);
}

// ---- files that are made

std::uint32_t HashOf(const std::string& name) {
  std::uint32_t hash = 5381;
  for (const char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
  return hash;
}

// Returns a name whose hash has the second lowest bit set.
std::string NameWithThatBit() {
  std::string name = "a";
  while ((HashOf(name) & 2) == 0) ++name[0];
  return name;
}

// A file that is loaded at the address 0, so that its offsets are addresses.
class MadeFile {
 public:
  // Exports `names`, which share a bucket.
  explicit MadeFile(const std::vector<std::string>& names = {"haft_version"}) {
    constexpr std::uint32_t kFirst = 1;
    hashes_ = {1, kFirst, 1, 0};
    hashes_.resize(hashes_.size() + sizeof(ElfW(Addr)) / sizeof(std::uint32_t));
    hashes_.push_back(kFirst);
    symbols_.resize(kFirst);
    for (const std::string& name : names) {
      ElfW(Sym) symbol = {};
      symbol.st_name = static_cast<ElfW(Word)>(strings_.size());
      symbol.st_shndx = 1;
      symbols_.push_back(symbol);
      strings_ += name + '\0';
      hashes_.push_back(HashOf(name) & ~1u);
    }
    hashes_.back() |= 1;
    dynamic_ = {Entry(DT_SYMTAB, symbols_.data()),
                Entry(DT_STRTAB, strings_.data()),
                Entry(DT_GNU_HASH, hashes_.data())};
  }

  // What AddOtherCopies says while it is the only file.
  std::string Described(const char* name = "made.so") {
    dynamic_.push_back({});  // DT_NULL
    std::vector<ElfW(Phdr)> headers = headers_before;
    if (is_dynamic) headers.push_back(Header(PT_DYNAMIC, dynamic_.data(), 0));
    headers.insert(headers.end(), headers_after.begin(), headers_after.end());
    dl_phdr_info info = {};
    info.dlpi_name = name;
    info.dlpi_phdr = headers.data();
    info.dlpi_phnum = static_cast<ElfW(Half)>(headers.size());
    only_file = &info;
    std::string text = OtherCopies();
    only_file = nullptr;
    dynamic_.pop_back();
    return text;
  }
  bool IsNamed() { return !Described().empty(); }

  static ElfW(Phdr) Header(unsigned type, const void* place, std::size_t size) {
    ElfW(Phdr) header = {};
    header.p_type = type;
    header.p_vaddr = reinterpret_cast<ElfW(Addr)>(place);
    header.p_memsz = size;
    return header;
  }

  std::vector<ElfW(Dyn)>& dynamic() { return dynamic_; }
  ElfW(Sym) & symbol() { return symbols_.back(); }
  std::uint32_t& buckets() { return hashes_[0]; }
  std::uint32_t& bucket() {
    return hashes_[4 + sizeof(ElfW(Addr)) / sizeof(std::uint32_t)];
  }

  bool is_dynamic = true;
  std::vector<ElfW(Phdr)> headers_before, headers_after;

 private:
  static ElfW(Dyn) Entry(int tag, const void* table) {
    ElfW(Dyn) entry = {};
    entry.d_tag = tag;
    entry.d_un.d_ptr = reinterpret_cast<ElfW(Addr)>(table);
    return entry;
  }

  std::vector<ElfW(Sym)> symbols_;
  std::string strings_ = std::string(1, '\0');
  std::vector<std::uint32_t> hashes_;
  std::vector<ElfW(Dyn)> dynamic_;
};

TEST(OtherCopiesTest, AFileThatExportsTheFunctionIsNamed) {
  MadeFile file;
  const std::string text = "; another copy of Haft is loaded from ";
  EXPECT_EQ(file.Described(), text + "made.so");
  EXPECT_EQ(file.Described("x"), text + "x");
  EXPECT_EQ(file.Described(""), text + "the program's file");
  EXPECT_FALSE(MadeFile({"other"}).IsNamed());
  ASSERT_EQ(HashOf("haft_versjNn"), HashOf("haft_version"));
  EXPECT_FALSE(MadeFile({"haft_versjNn"}).IsNamed());
  file.symbol().st_shndx = SHN_UNDEF;
  EXPECT_FALSE(file.IsNamed()) << "it needs the function, and has none";
}

// The last of a bucket is marked by the lowest bit, and no other bit counts.
TEST(OtherCopiesTest, ItsPlaceInTheBucketDoesNotMatter) {
  const std::string name = NameWithThatBit();
  EXPECT_TRUE(MadeFile({name, "haft_version"}).IsNamed());
  EXPECT_TRUE(MadeFile({"haft_version", name}).IsNamed());
  EXPECT_TRUE(MadeFile({name, "haft_version", name}).IsNamed());
}

TEST(OtherCopiesTest, AFileWithoutSymbolsIsNotNamed) {
  MadeFile without_buckets;
  without_buckets.buckets() = 0;
  EXPECT_FALSE(without_buckets.IsNamed());
  MadeFile with_an_empty_bucket;
  with_an_empty_bucket.bucket() = 0;
  EXPECT_FALSE(with_an_empty_bucket.IsNamed());
}

TEST(OtherCopiesTest, AFileThatLacksATableIsNotNamed) {
  for (std::size_t lacking = 0; lacking < 3; ++lacking) {
    MadeFile file;
    file.dynamic().erase(file.dynamic().begin() +
                         static_cast<std::ptrdiff_t>(lacking));
    EXPECT_FALSE(file.IsNamed()) << lacking;
  }
  MadeFile without_any;
  without_any.is_dynamic = false;
  EXPECT_FALSE(without_any.IsNamed());
}

TEST(OtherCopiesTest, TheOrderOfTheTablesDoesNotMatter) {
  MadeFile file;
  const auto by_tag = [](const ElfW(Dyn) & a, const ElfW(Dyn) & b) {
    return a.d_tag < b.d_tag;
  };
  std::sort(file.dynamic().begin(), file.dynamic().end(), by_tag);
  do {
    EXPECT_TRUE(file.IsNamed());
  } while (std::next_permutation(file.dynamic().begin(), file.dynamic().end(),
                                 by_tag));
}

// Its tables are those of the dynamic section alone.
TEST(OtherCopiesTest, OtherPartsThatLookLikeADynamicSectionDoNotCount) {
  MadeFile other({"other"});
  other.dynamic().push_back({});  // DT_NULL
  const ElfW(Phdr) note = MadeFile::Header(PT_NOTE, other.dynamic().data(), 0);
  MadeFile file;
  file.headers_before = {note};
  file.headers_after = {note};
  EXPECT_TRUE(file.IsNamed());
}

// A file that contains this code is no other copy, and only what is loaded of a
// file can contain it.
TEST(OtherCopiesTest, TheOwnFileIsThatWhichIsLoadedAroundTheCode) {
  std::pair<std::uintptr_t, std::uintptr_t> own = {UINTPTR_MAX, 0};
  __real_dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* to) {
        auto& [begin, end] = *static_cast<decltype(own)*>(to);
        for (std::size_t i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr)& header = info->dlpi_phdr[i];
          if (header.p_type != PT_LOAD) continue;
          const std::uintptr_t place = info->dlpi_addr + header.p_vaddr;
          begin = std::min(begin, place);
          end = std::max(end, place + header.p_memsz);
        }
        return 1;  // The first one is the program.
      },
      &own);
  ASSERT_LT(own.first, own.second);
  const auto is_named = [&](unsigned type) {
    MadeFile file;
    ElfW(Phdr) header = MadeFile::Header(type, nullptr, own.second - own.first);
    header.p_vaddr = own.first;
    file.headers_after = {header};
    return file.IsNamed();
  };
  EXPECT_FALSE(is_named(PT_LOAD));
  EXPECT_TRUE(is_named(PT_NOTE));
}

}  // namespace
}  // namespace haft::internal
