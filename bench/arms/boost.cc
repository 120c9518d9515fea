// Slots whose free list is a container of Boost.Lockfree.

#include "haft_study/arm.h"

#if __has_include(<boost/lockfree/stack.hpp>)

#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/stack.hpp>
#include <boost/version.hpp>
#include <cstddef>
#include <cstdint>

#include "bench/arms/slot_table.h"

namespace {

template <typename Container>
class FreeList {
 public:
  explicit FreeList(std::size_t capacity) : container_(capacity) {}
  bool Pop(std::uint32_t* index) { return container_.pop(*index); }
  void Push(std::uint32_t index) { container_.push(index); }

 private:
  Container container_;
};

template <typename Container>
struct Slots : haft::study::SlotTable<FreeList<Container>> {
  using haft::study::SlotTable<FreeList<Container>>::SlotTable;
  static constexpr const char* kVersion = BOOST_LIB_VERSION;
  static constexpr const char* kProgress = "lock-free";
};

HAFT_STUDY_ARM("boost/stack", Slots<boost::lockfree::stack<std::uint32_t>>);
HAFT_STUDY_ARM("boost/queue", Slots<boost::lockfree::queue<std::uint32_t>>);

}  // namespace

#else

HAFT_STUDY_UNAVAILABLE("boost/stack", "package libboost-dev");
HAFT_STUDY_UNAVAILABLE("boost/queue", "package libboost-dev");

#endif
