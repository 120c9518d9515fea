#include "tests/support/borrower.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic(haft_handle) atomic_handle;
typedef _Atomic(uint32_t) atomic_count;
typedef _Atomic(void *) atomic_object;
typedef _Atomic(const haft_type *) atomic_type;

static haft_slot *slot_of(const haft_view *view, haft_handle h) {
  return (haft_slot *)((char *)view->slots +
                       (h * (sizeof(haft_slot) / 2) & view->mask));
}

static int is_watched(const haft_view *view) {
  const atomic_handle *const gate = (const atomic_handle *)view->gate;
  return atomic_load_explicit(gate, memory_order_relaxed) == HAFT_VIEW_WATCHED;
}

static haft_handle load_state(haft_slot *slot) {
  return atomic_load_explicit((atomic_handle *)&slot->state,
                              memory_order_acquire);
}

static const haft_type *load_type(haft_slot *slot) {
  return atomic_load_explicit((atomic_type *)&slot->type, memory_order_acquire);
}

static void store_count(uint32_t *count, uint32_t value) {
  atomic_store_explicit((atomic_count *)count, value, memory_order_relaxed);
}

haft_status borrower_value(const haft_view *view, haft_handle handle,
                           const haft_type *type, void **object) {
  haft_slot *const slot = slot_of(view, handle);
  if (!is_watched(view) && load_state(slot) == handle) {
    void *const found = atomic_load_explicit((atomic_object *)&slot->object,
                                             memory_order_acquire);
    const haft_type *const actual = load_type(slot);
    if (load_state(slot) == handle && (type == NULL || type == actual)) {
      *object = found;
      return HAFT_OK;
    }
  }
  return haft_table_value(view->table, handle, type, object);
}

haft_status borrower_new(const haft_view *view, haft_loan *loan, void *object,
                         haft_handle *handle) {
  if (is_watched(view) || loan->ready_count == 0)
    return haft_table_new(view->table, object, loan->type, handle);
  const haft_handle h = loan->ready[loan->ready_count - 1];
  store_count(&loan->ready_count, loan->ready_count - 1);
  atomic_signal_fence(memory_order_seq_cst);
  haft_slot *const slot = slot_of(view, h);
  if (object != NULL) {
    slot->content_object = object;
    slot->content_context = object;
    atomic_store_explicit((atomic_object *)&slot->object, object,
                          memory_order_release);
  }
  atomic_store_explicit((atomic_handle *)&slot->state, h, memory_order_release);
  *handle = h;
  return HAFT_OK;
}

haft_status borrower_delete(const haft_view *view, haft_loan *loan,
                            haft_handle handle, const haft_type *type,
                            int *lent) {
  haft_slot *const slot = slot_of(view, handle);
  haft_handle expected = handle;
  *lent = !is_watched(view) && load_state(slot) == handle &&
          (type == NULL || load_type(slot) == type) &&
          (handle & view->generations) != view->generations &&
          loan->ended_count != HAFT_LOAN_HANDLES &&
          atomic_compare_exchange_strong_explicit(
              (atomic_handle *)&slot->state, &expected,
              (handle + view->generation) ^ HAFT_VIEW_FREE,
              memory_order_seq_cst, memory_order_relaxed);
  if (!*lent) return haft_table_delete(view->table, handle, type);
  loan->ended[loan->ended_count] = handle;
  store_count(&loan->ended_count, loan->ended_count + 1);
  return HAFT_OK;
}
