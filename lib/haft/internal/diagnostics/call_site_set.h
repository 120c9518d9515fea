// Numbers for the places at which objects are made and deleted.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_CALL_SITE_SET_H_
#define HAFT_INTERNAL_DIAGNOSTICS_CALL_SITE_SET_H_

#include <dlfcn.h>

#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A place in the program: a line of a file, or where there is no file, the code
// at an address. Two words, so that it is handed on in registers.
struct Place {
  const char* file;
  Word number;
};

// What a call returns to, as an address inside of the call.
inline Place PlaceOfReturn(const void* address) noexcept {
  return {nullptr, reinterpret_cast<Word>(address) - 1};
}
// The other way round; nullptr for a line of a file.
inline const void* ReturnOf(Place place) noexcept {
  return place.file == nullptr ? reinterpret_cast<const void*>(place.number + 1)
                               : nullptr;
}

// Writes a place as snprintf does. An address is given by the symbol before it
// if the dynamic linker knows one, and as an offset into its file. No
// allocation; the dynamic linker's lock is taken.
inline int FormatPlace(char* buffer, std::size_t size, Place place) noexcept {
  if (place.file != nullptr)
    return std::snprintf(buffer, size, "%s:%" PRIuPTR, place.file,
                         place.number);
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(place.number), &info) == 0)
    return std::snprintf(buffer, size, "0x%" PRIxPTR, place.number);
  const char* const slash = std::strrchr(info.dli_fname, '/');
  const char* const name = slash == nullptr ? info.dli_fname : slash + 1;
  const auto offset = [&](const void* base) {
    return place.number - reinterpret_cast<Word>(base);
  };
  if (info.dli_sname == nullptr)
    return std::snprintf(buffer, size, "%s+0x%" PRIxPTR, name,
                         offset(info.dli_fbase));
  return std::snprintf(buffer, size, "%s+0x%" PRIxPTR " (%s+0x%" PRIxPTR ")",
                       info.dli_sname, offset(info.dli_saddr), name,
                       offset(info.dli_fbase));
}

// A place at which objects of one type are made or deleted. It keeps copies:
// what it was told of may since have been unloaded.
class Site {
 public:
  // The empty name is that of no type.
  const char* type_name() const noexcept { return type_name_; }
  Place place() const noexcept {
    return {file_[0] == '\0' ? nullptr : file_, number_.Read()};
  }

  // Whether the two say the same.
  bool Is(const Site& other) const noexcept {
    return this == &other || Is(other.place(), other.type_name_);
  }

 private:
  friend class CallSiteSet;

  void Set(Place place, const char* type_name) noexcept {
    CopyEnd(file_, place.file);
    CopyEnd(type_name_, type_name);
    number_.Write(place.number);
  }
  bool Is(Place place, const char* type_name) const noexcept {
    return number_.Read() == place.number && IsEnd(type_name_, type_name) &&
           IsEnd(file_, place.file);
  }

  // Of what does not fit the end is kept.
  template <std::size_t kSize>
  static const char* End(const char* text, std::size_t length) noexcept {
    return length < kSize ? text : text + (length - (kSize - 1));
  }
  template <std::size_t kSize>
  static void CopyEnd(char (&copy)[kSize], const char* text) noexcept {
    if (text == nullptr) text = "";
    std::strcpy(copy, End<kSize>(text, std::strlen(text)));
  }
  template <std::size_t kSize>
  static bool IsEnd(const char (&copy)[kSize], const char* text) noexcept {
    if (text == nullptr) text = "";
    return std::strcmp(copy, End<kSize>(text, std::strlen(text))) == 0;
  }

  sync::Atomic<Word> state_;
  sync::Plain<Word> number_;
  char type_name_[72];
  char file_[104];
};

// Numbers for sites, from 1 on. Only ever grows.
class CallSiteSet {
 public:
  // `size` is a power of two: one more than there is room for.
  explicit CallSiteSet(std::size_t size) noexcept : sites_(size) {}

  bool ok() const noexcept { return sites_.ok(); }
  std::size_t size() const noexcept { return sites_.size(); }

  // The number of a site; 0 when there is no room for it: then or a little
  // before that, so that no call looks at more than kLooks others. (While
  // several threads are the first to ask for a site it may get several
  // numbers.)
  //   Progress  wait-free; async-signal-safe
  std::uint32_t NumberOf(Place place, const char* type_name) noexcept {
    const Word hash = HashOf(place, type_name);
    const std::size_t mask = sites_.size() - 1;
    for (std::size_t i = 0; i < kLooks && i <= mask; ++i) {
      const std::size_t number = (hash / kStates + i) & mask;
      if (number == 0) continue;
      Site& site = sites_[number];
      // [Y1] acquire: the site as set before [Y2].
      Word state = site.state_.load(std::memory_order_acquire);
      if (state == (hash | kReady) && site.Is(place, type_name))
        return static_cast<std::uint32_t>(number);
      // relaxed, both: only this thread will set it; [Y2] publishes it.
      if (state != 0 || !site.state_.compare_exchange_strong(
                            state, hash | kClaimed, std::memory_order_relaxed,
                            std::memory_order_relaxed))
        continue;
      site.Set(place, type_name);
      // [Y2] release: publishes the site; partner of [Y1].
      site.state_.store(hash | kReady, std::memory_order_release);
      return static_cast<std::uint32_t>(number);
    }
    return 0;
  }

  // nullptr: there is no such site.
  const Site* Find(std::uint32_t number) const noexcept {
    if (number == 0 || number >= sites_.size()) return nullptr;
    const Site& site = sites_[number];
    // As [Y1].
    const Word state = site.state_.load(std::memory_order_acquire);
    return (state & (kStates - 1)) == kReady ? &site : nullptr;
  }

 private:
  static constexpr Word kClaimed = 1, kReady = 2, kStates = 4;
  static constexpr std::size_t kLooks = 64;

  static Word HashOf(Place place, const char* type_name) noexcept {
    // FNV-1a.
    std::uint64_t hash = 0xcbf29ce484222325u;
    const auto add = [&](const char* text) {
      for (; text != nullptr && *text != '\0'; ++text)
        hash = (hash ^ static_cast<unsigned char>(*text)) * 0x100000001b3u;
    };
    add(type_name);
    add(place.file);
    hash = (hash ^ place.number) * 0x9e3779b97f4a7c15u;
    return static_cast<Word>(hash ^ hash >> 29) & ~(kStates - 1);
  }

  ReservedArray<Site> sites_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_CALL_SITE_SET_H_
