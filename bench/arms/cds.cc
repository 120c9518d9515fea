// The hash maps of libcds, with each of its ways of reclamation.

#include "haft_study/arm.h"

#if __has_include(<cds/init.h>)

#include <cds/container/feldman_hashmap_dhp.h>
#include <cds/container/michael_kvlist_dhp.h>
#include <cds/gc/dhp.h>
#include <cds/version.h>

#include <cstddef>

#include "bench/peers/cds_tables.h"

namespace {

using haft::bench::FeldmanTableOf;
using haft::bench::MichaelTableOf;

// The library with the reclamation that is called `Gc`. The thread that makes
// it is attached, and other threads are attached by their sessions.
template <typename Gc>
class Library;

template <>
class Library<cds::gc::HP> {
 public:
  explicit Library(std::size_t threads) : library_(threads) {}

 private:
  haft::bench::CdsLibrary library_;
};

template <>
class Library<cds::gc::DHP> {
 public:
  explicit Library(std::size_t) : initialized_() {
    cds::threading::Manager::attachThread();
  }
  ~Library() { cds::threading::Manager::detachThread(); }

 private:
  struct Initialized {
    Initialized() { cds::Initialize(); }
    ~Initialized() { cds::Terminate(); }
  };
  Initialized initialized_;
  cds::gc::DHP reclamation_;
};

// The library is there before the map, and outlives it.
template <typename Gc, typename Map>
struct Cds : private Library<Gc>, public Map {
  using typename Map::Session;
  static constexpr const char* kVersion = CDS_VERSION_STRING;
  static constexpr const char* kProgress = "lock-free";

  Cds(std::size_t capacity, std::size_t threads)
      : Library<Gc>(threads), Map(capacity) {}
};

using cds::gc::DHP;
using cds::gc::HP;
HAFT_STUDY_ARM("libcds/feldman-hp", Cds<HP, FeldmanTableOf<HP, Value>>);
HAFT_STUDY_ARM("libcds/feldman-dhp", Cds<DHP, FeldmanTableOf<DHP, Value>>);
HAFT_STUDY_ARM("libcds/michael-hp", Cds<HP, MichaelTableOf<HP, Value>>);
HAFT_STUDY_ARM("libcds/michael-dhp", Cds<DHP, MichaelTableOf<DHP, Value>>);

}  // namespace

#else

HAFT_STUDY_UNAVAILABLE("libcds/feldman-hp", "package libcds-dev");
HAFT_STUDY_UNAVAILABLE("libcds/feldman-dhp", "package libcds-dev");
HAFT_STUDY_UNAVAILABLE("libcds/michael-hp", "package libcds-dev");
HAFT_STUDY_UNAVAILABLE("libcds/michael-dhp", "package libcds-dev");

#endif
