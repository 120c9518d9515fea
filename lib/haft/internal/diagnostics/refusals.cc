#include "haft/internal/diagnostics/refusals.h"

#include <cinttypes>
#include <memory>

#include "haft/handle.h"
#include "haft/internal/base/allocated_by_malloc.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/lazy_instance.h"
#include "haft/internal/base/rate_limit.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/diagnostics/describe.h"
#include "haft/internal/diagnostics/text_buffer.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// A callback that hears of refusals.
struct Listener : AllocatedByMalloc {
  Listener(haft_refusal called, void* with, std::uint32_t per_second) noexcept
      : callback(called), context(with), limit(per_second) {}
  const haft_refusal callback;
  void* const context;
  RateLimit limit;
};

// The listener of haft_set_refusal_callback and that of the environment, which
// writes to stderr. Both are constant-initialised and never destroyed.
LazyInstance<Listener> callback_listener;
LazyInstance<Listener> stderr_listener;

// Adds all that is known of a refusal; if there is no table, of the call alone.
// HAFT_INVALID is that of haft_unpin.
void AddRefusal(TextBuffer& text, const Refusal& refusal) noexcept {
  if (refusal.status == HAFT_INVALID) {
    text.Add("%s: the pin has ended before; called at ", refusal.operation);
  } else {
    text.Add("%s, wanted: %s%s: %s; called at ", refusal.operation,
             refusal.type == nullptr ? "" : "a ",
             refusal.type == nullptr ? "any type" : TypeNameOf(*refusal.type),
             haft_strerror(refusal.status));
  }
  text.Add(refusal.location);
  text.Add(" by thread %" PRIu32, sync::ThreadNumber());
  if (refusal.table == nullptr) return;
  char known[700];
  Describe(*refusal.table, Handle(refusal.handle), known, sizeof(known));
  text.Add("; %s", known);
}

void ReportTo(Listener& listener, const Refusal& refusal) noexcept {
  std::uint32_t suppressed;
  if (!listener.limit.Admit(sync::MonotonicSeconds(), &suppressed)) return;
  char buffer[1000];
  TextBuffer text(buffer, sizeof(buffer));
  if (suppressed != 0) text.Add("(%" PRIu32 " suppressed) ", suppressed);
  AddRefusal(text, refusal);
  listener.callback(listener.context, refusal.table_name, refusal.handle,
                    refusal.status, buffer);
}

// Creates a listener, unless there is one.
//   Returns   HAFT_OK, HAFT_INVALID if there is one, HAFT_OUT_OF_MEMORY
haft_status Listen(LazyInstance<Listener>& instance, haft_refusal callback,
                   void* context, std::uint32_t per_second) noexcept {
  Listener* created = nullptr;
  Listener* const present = instance.Get([&] {
    created = new (kNoThrow) Listener(callback, context, per_second);
    return std::unique_ptr<Listener>(created);
  });
  if (present == nullptr) return HAFT_OUT_OF_MEMORY;
  if (present != created) return HAFT_INVALID;
  fast_path_gate.ForceSlowPath();
  return HAFT_OK;
}

void LogDescription(void*, haft_table*, haft_handle, haft_status,
                    const char* description) {
  LogLine(description);
}

}  // namespace

void ReportRefusal(const Refusal& refusal) noexcept {
  for (LazyInstance<Listener>* const instance :
       {&callback_listener, &stderr_listener}) {
    if (Listener* const listener =
            instance->Get([] { return std::unique_ptr<Listener>(); }))
      ReportTo(*listener, refusal);
  }
}

void FatalRefusal(const Refusal& refusal) noexcept {
  char sentence[1000];
  TextBuffer text(sentence, sizeof(sentence));
  AddRefusal(text, refusal);
  Fatal(sentence);
}

haft_status SetRefusalCallback(haft_refusal callback, void* context,
                               std::uint32_t per_second) noexcept {
  return Listen(callback_listener, callback, context, per_second);
}

void LogRefusals(std::uint32_t per_second) noexcept {
  Listen(stderr_listener, &LogDescription, nullptr, per_second);
}

}  // namespace HAFT_ABI
}  // namespace haft::internal
