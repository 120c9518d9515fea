// A set that numbers the call sites at which objects are created and deleted.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_CALL_SITE_SET_H_
#define HAFT_INTERNAL_DIAGNOSTICS_CALL_SITE_SET_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/diagnostics/source_location.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A location at which objects of one type are created or deleted. A call site
// keeps copies of the texts, because the library that they belong to may have
// been unloaded since.
class CallSite {
 public:
  // Returns the empty string if the site has no type.
  const char* type_name() const noexcept { return type_name_; }
  SourceLocation location() const noexcept {
    return {file_[0] == '\0' ? nullptr : file_, number_.Read()};
  }

  // Returns whether both sites have the same location and type.
  bool Equals(const CallSite& other) const noexcept {
    return this == &other || Equals(other.location(), other.type_name_);
  }

 private:
  friend class CallSiteSet;

  void Set(SourceLocation location, const char* type_name) noexcept {
    CopyTail(file_, location.file);
    CopyTail(type_name_, type_name);
    number_.Write(location.number);
  }
  bool Equals(SourceLocation location, const char* type_name) const noexcept {
    return number_.Read() == location.number && IsTail(type_name_, type_name) &&
           IsTail(file_, location.file);
  }

  // If a text does not fit, its tail is kept.
  template <std::size_t kSize>
  static const char* Tail(const char* text, std::size_t length) noexcept {
    return length < kSize ? text : text + (length - (kSize - 1));
  }
  template <std::size_t kSize>
  static void CopyTail(char (&copy)[kSize], const char* text) noexcept {
    if (text == nullptr) text = "";
    std::strcpy(copy, Tail<kSize>(text, std::strlen(text)));
  }
  template <std::size_t kSize>
  static bool IsTail(const char (&copy)[kSize], const char* text) noexcept {
    if (text == nullptr) text = "";
    return std::strcmp(copy, Tail<kSize>(text, std::strlen(text))) == 0;
  }

  sync::Atomic<Word> state_;
  sync::Plain<Word> number_;
  char type_name_[72];
  char file_[104];
};

// Numbers call sites from 1 on. The set only ever grows.
class CallSiteSet {
 public:
  // `size` is a power of two, one more than the number of sites that fit.
  explicit CallSiteSet(std::size_t size) noexcept : sites_(size) {}

  bool ok() const noexcept { return sites_.ok(); }
  std::size_t size() const noexcept { return sites_.size(); }

  // Returns the number of a site, or 0 if there is no room for it. A set that
  // is nearly full may return 0 too, because a call examines kProbes sites at
  // most. If several threads are the first to ask for a site at the same time,
  // it may get several numbers.
  //   Progress  wait-free; async-signal-safe
  std::uint32_t NumberOf(SourceLocation location,
                         const char* type_name) noexcept {
    const Word hash = HashOf(location, type_name);
    const std::size_t mask = sites_.size() - 1;
    for (std::size_t i = 0; i < kProbes && i <= mask; ++i) {
      const std::size_t number = (hash / kStates + i) & mask;
      if (number == 0) continue;
      CallSite& site = sites_[number];
      // [Y1] acquire: the site as it was set before [Y2].
      Word state = site.state_.load(std::memory_order_acquire);
      if (state == (hash | kReady) && site.Equals(location, type_name))
        return static_cast<std::uint32_t>(number);
      // relaxed, both: only this thread will set the site; [Y2] publishes it.
      if (state != 0 || !site.state_.compare_exchange_strong(
                            state, hash | kClaimed, std::memory_order_relaxed,
                            std::memory_order_relaxed))
        continue;
      site.Set(location, type_name);
      // [Y2] release: publishes the site; partner of [Y1].
      site.state_.store(hash | kReady, std::memory_order_release);
      return static_cast<std::uint32_t>(number);
    }
    return 0;
  }

  // Returns the site of a number, or nullptr if there is none.
  const CallSite* Find(std::uint32_t number) const noexcept {
    if (number == 0 || number >= sites_.size()) return nullptr;
    const CallSite& site = sites_[number];
    // As [Y1].
    const Word state = site.state_.load(std::memory_order_acquire);
    return (state & (kStates - 1)) == kReady ? &site : nullptr;
  }

 private:
  static constexpr Word kClaimed = 1, kReady = 2, kStates = 4;
  static constexpr std::size_t kProbes = 64;

  static Word HashOf(SourceLocation location, const char* type_name) noexcept {
    // FNV-1a.
    std::uint64_t hash = 0xcbf29ce484222325u;
    const auto add = [&](const char* text) {
      for (; text != nullptr && *text != '\0'; ++text)
        hash = (hash ^ static_cast<unsigned char>(*text)) * 0x100000001b3u;
    };
    add(type_name);
    add(location.file);
    hash = (hash ^ location.number) * 0x9e3779b97f4a7c15u;
    return static_cast<Word>(hash ^ hash >> 29) & ~(kStates - 1);
  }

  ReservedArray<CallSite> sites_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_CALL_SITE_SET_H_
