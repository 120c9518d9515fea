#include "haft/internal/diagnostics/other_copies.h"

#include <elf.h>
#include <link.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// A file that is loaded. It is read as the dynamic linker has mapped it, and
// not by dlopen and dlsym, because these must not be called by a function that
// dl_iterate_phdr calls.
class LoadedFile {
 public:
  explicit LoadedFile(const dl_phdr_info& info) noexcept : info_(info) {
    for (const ElfW(Phdr) & header : *this) {
      if (header.p_type != PT_DYNAMIC) continue;
      for (const auto* entry = At<ElfW(Dyn)>(header.p_vaddr);
           entry->d_tag != DT_NULL; ++entry)
        Note(*entry);
    }
  }

  bool Contains(const void* address) const noexcept {
    const auto place = reinterpret_cast<std::uintptr_t>(address);
    for (const ElfW(Phdr) & header : *this) {
      // Wraps around for a place before it.
      if (header.p_type == PT_LOAD &&
          place - info_.dlpi_addr - header.p_vaddr < header.p_memsz)
        return true;
    }
    return false;
  }

  // Returns whether the file exports `name` by a table of the GNU kind, which
  // has been the usual one since 2006.
  bool Exports(const char* name) const noexcept {
    if (symbols_ == nullptr || strings_ == nullptr || hashes_ == nullptr)
      return false;
    std::uint32_t hash = 5381;
    for (const char* c = name; *c != '\0'; ++c)
      hash = hash * 33 + static_cast<unsigned char>(*c);
    // Four numbers, a filter, a bucket for each remainder, and the hashes of
    // the symbols from the first one on. The last of a bucket is marked.
    const std::uint32_t buckets = hashes_[0], first = hashes_[1],
                        filter_words = hashes_[2];
    if (buckets == 0) return false;
    const std::uint32_t* const bucket =
        hashes_ + 4 + filter_words * (sizeof(ElfW(Addr)) / sizeof(*hashes_));
    const std::uint32_t* const chain = bucket + buckets;
    std::uint32_t i = bucket[hash % buckets];
    if (i < first) return false;
    for (;; ++i) {
      const std::uint32_t found = chain[i - first];
      if ((found | 1) == (hash | 1) && symbols_[i].st_shndx != SHN_UNDEF &&
          std::strcmp(strings_ + symbols_[i].st_name, name) == 0)
        return true;
      if ((found & 1) != 0) return false;
    }
  }

 private:
  const ElfW(Phdr) * begin() const noexcept { return info_.dlpi_phdr; }
  const ElfW(Phdr) * end() const noexcept {
    return info_.dlpi_phdr + info_.dlpi_phnum;
  }
  template <typename T>
  const T* At(ElfW(Addr) offset) const noexcept {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the linker gives numbers.
    return reinterpret_cast<const T*>(info_.dlpi_addr + offset);
  }
  // Returns the table that an entry of the dynamic section names. Some dynamic
  // linkers have replaced the offset by an address there.
  template <typename T>
  const T* TableOf(const ElfW(Dyn) & entry) const noexcept {
    const ElfW(Addr) place = entry.d_un.d_ptr;
    return At<T>(place < info_.dlpi_addr ? place : place - info_.dlpi_addr);
  }
  void Note(const ElfW(Dyn) & entry) noexcept {
    switch (entry.d_tag) {
      case DT_SYMTAB:
        symbols_ = TableOf<ElfW(Sym)>(entry);
        break;
      case DT_STRTAB:
        strings_ = TableOf<char>(entry);
        break;
      case DT_GNU_HASH:
        hashes_ = TableOf<std::uint32_t>(entry);
        break;
      default:
        break;
    }
  }

  const dl_phdr_info& info_;
  const ElfW(Sym) * symbols_ = nullptr;
  const char* strings_ = nullptr;
  const std::uint32_t* hashes_ = nullptr;
};

}  // namespace

void AddOtherCopies(TextBuffer& text) noexcept {
  const auto add = [](dl_phdr_info* info, std::size_t, void* to) {
    static constexpr char kHere = 0;
    const LoadedFile file(*info);
    if (file.Contains(&kHere) || !file.Exports("haft_version")) return 0;
    static_cast<TextBuffer*>(to)->Add(
        "; another copy of Haft is loaded from %s",
        info->dlpi_name[0] != '\0' ? info->dlpi_name : "the program's file");
    return 0;
  };
  dl_iterate_phdr(add, &text);
}

}  // namespace HAFT_ABI
}  // namespace haft::internal
