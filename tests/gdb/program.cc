// Handles and tables in every state, for run.sh to inspect in gdb: it stops at
// TablesAreReady(), and in a destructor.

#include <memory>
#include <optional>

#include "haft/counted_reclamation.h"
#include "haft/haft.h"
#include "haft/handle_table.h"
#include "haft/object_table.h"
#include "haft/process_table.h"
#include "tests/support/inspector.h"

struct Point {
  int x, y;
};

struct Declared {
  int number;
};
template <>
inline constexpr const char* haft::kTypeIdentity<Declared> = "test.Declared/1";

struct Widget {
  explicit Widget(int number) : number(number) {}
  ~Widget();
  int number;
  long more[5] = {};
};

// 8 slots of 3 generations each, and a marker.
struct TinyTraits : haft::DefaultTraits {
  using Layout = haft::HandleLayout<3, 2, haft::Word{1} << 30>;
};
struct CompactTraits : TinyTraits {
  static constexpr std::size_t kCompactAlignment = alignof(Point);
};
struct CountedTraits : haft::DefaultTraits {
  using Reclamation = haft::CountedReclamation;
};

using Points = haft::HandleTable<Point>;
using Widgets = haft::ObjectTable<Widget>;

Points points(8);
std::unique_ptr<Widgets> widgets = Widgets::Create(8);
haft::HandleTable<int, TinyTraits> tiny(8);
haft::HandleTable<Point*, CompactTraits> compact(8);
Point a_point = {1, 2};
haft::ObjectTable<Widget, CountedTraits> counted(8);

haft::Handle point, stale_point, next_point;
haft::Handle live, pinned, retired, deferred, stale, destroying, frozen;
haft::Handle tiny_last, tiny_marked;
haft::Handle compact_last, compact_live, compact_stale;
haft::Handle counted_pinned;
haft::Handle null;
haft::Handle in_process, in_process_declared, in_process_stale;
haft_handle in_c, in_c_pinned;
haft_table* c_table;
haft_handle c_table_handle;
int c_object = 5;
const haft_type c_type = {"c.object", "c.object", nullptr, 0, 0};

[[gnu::noinline]] void TablesAreReady() { asm volatile(""); }
[[gnu::noinline]] void AnObjectIsBeingDestroyed() { asm volatile(""); }

Widget::~Widget() {
  if (number == 16) AnObjectIsBeingDestroyed();
}

// Freezes a handle, as DeleteUnlessPinned does for a moment.
void Freeze(haft::Handle handle) {
  using Layout = haft::DefaultLayout;
  using Slot = haft::internal::ObjectSlot<Widget, Layout,
                                          haft::HazardReclamation::Usage>;
  const haft::PinWords words = widgets->Pin(handle).Detach();
  Widgets::Pinned::Attach(words).Unpin();
  reinterpret_cast<Slot*>(words.words[2])
      ->Initialize(haft::internal::SlotState<Layout>::Frozen(
          static_cast<haft::Word>(handle), 7, 4096));
}

int main() {
  stale_point = points.New({1, 2});
  point = points.New({3, 4});
  points.Delete(stale_point);
  haft::internal::Inspector::ForEachFree(points, [](haft::Handle handle) {
    if (points.Check(handle) == haft::Status::kNeverIssued &&
        static_cast<haft::Word>(handle) > static_cast<haft::Word>(next_point))
      next_point = handle;
  });

  for (haft::Handle* handle :
       {&live, &pinned, &retired, &deferred, &stale, &destroying, &frozen}) {
    static int number = 11;
    *handle = widgets->Emplace(number++);
  }
  Widgets::Pinned pin = widgets->Pin(pinned), again = widgets->Pin(pinned);
  Widgets::Pinned pin_of_retired = widgets->Pin(retired);
  Widgets::Pinned pin_of_destroying = widgets->Pin(destroying);
  for (haft::Handle handle : {retired, destroying, stale})
    widgets->Delete(handle);
  std::optional<Widgets::ReadScope> scope(*widgets);
  if (scope->Find(deferred) == nullptr) return 1;
  widgets->Delete(deferred);
  Freeze(frozen);

  for (int i = 0; i < 3; ++i) {
    tiny_last = tiny.New(i);
    tiny.Delete(tiny_last);
  }
  tiny_marked = tiny.New(77);
  for (int i = 0; i < 3; ++i) {
    compact_last = compact.New(nullptr);
    compact.Delete(compact_last);
  }
  compact_live = compact.New(&a_point);
  compact_stale = compact.New(nullptr);
  compact.Delete(compact_stale);

  counted_pinned = counted.Emplace(21);
  const auto counted_pin = counted.Pin(counted_pinned);

  in_process = haft::New(Point{5, 6});
  in_process_declared = haft::New(Declared{9});
  in_process_stale = haft::New(Point{7, 8});
  haft::Delete(in_process_stale);
  haft_pin c_pin;
  void* object;
  if (haft_new(&c_object, &c_type, &in_c) != HAFT_OK ||
      haft_new(&c_object, &c_type, &in_c_pinned) != HAFT_OK ||
      haft_pin_object(in_c_pinned, &c_type, &c_pin, &object) != HAFT_OK ||
      haft_table_create(8, &c_table) != HAFT_OK ||
      haft_table_new(c_table, &c_object, &c_type, &c_table_handle) != HAFT_OK)
    return 1;

  TablesAreReady();
  pin_of_destroying.Unpin();
  haft_unpin(&c_pin);
  return 0;
}
