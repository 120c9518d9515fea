// Tests of the probes that bpftrace, perf and systemtap find in the library's
// file.

#include "haft/internal/base/probes.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace {

// The provider, the name and the number of arguments of each probe's note.
std::set<std::string> ProbesIn(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  const auto read = [&bytes](auto* what, std::size_t at) {
    ASSERT_LE(at + sizeof(*what), bytes.size());
    std::memcpy(what, &bytes[at], sizeof(*what));
  };
  std::set<std::string> probes;
  Elf64_Ehdr header;
  read(&header, 0);
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    read(&section, header.e_shoff + i * sizeof(section));
    if (section.sh_type != SHT_NOTE) continue;
    for (std::size_t at = section.sh_offset;
         at < section.sh_offset + section.sh_size;) {
      Elf64_Nhdr note;
      read(&note, at);
      const char* const owner = &bytes[at + sizeof(note)];
      const std::size_t body = at + sizeof(note) + (note.n_namesz + 3) / 4 * 4;
      at = body + (note.n_descsz + 3) / 4 * 4;
      if (std::strcmp(owner, "stapsdt") != 0 || note.n_type != 3) continue;
      // Three addresses, then three strings.
      const std::string provider = &bytes[body + 3 * sizeof(Elf64_Addr)];
      const std::size_t name =
          body + 3 * sizeof(Elf64_Addr) + provider.size() + 1;
      const std::string called = &bytes[name];
      const std::string arguments = &bytes[name + called.size() + 1];
      std::size_t count = 0;
      for (const char c : arguments) count += c == '@';
      probes.insert(provider + ":" + called + "/" + std::to_string(count));
    }
  }
  return probes;
}

TEST(ProbesTest, SharedLibraryHasThem) {
#if __has_include(<sys/sdt.h>) && defined(__LP64__)
  EXPECT_EQ(
      ProbesIn("libhaft.so"),
      (std::set<std::string>{"haft:new/2", "haft:delete/2", "haft:refused/3"}));
#else
  (void)ProbesIn;
  GTEST_SKIP() << "this system has no <sys/sdt.h>";
#endif
}

TEST(ProbesTest, TakeValuesOfAnyWidth) {
  const std::size_t word = 1;
  const int number = 2;
  HAFT_PROBE2(test_two, word, number);
  HAFT_PROBE3(test_three, word, number, &number);
}

}  // namespace
