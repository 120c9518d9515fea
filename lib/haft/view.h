/* The layout of a table in memory, for code that looks handles up itself: for
 * languages in which a call of C costs more than the look-up, and for C and C++
 * that want it inlined. haft_value_inline is such code, and the model of it in
 * other languages.
 *
 * Compiles as C99 and as C++ with the atomic built-ins of GCC and Clang.
 *
 * How to look up a handle h, any word at all:
 *
 *   1. If *gate is HAFT_VIEW_WATCHED, diagnostics watch all calls: make the
 *      call. A relaxed load.
 *   2. The slot of h begins at (char *)slots + (h * (sizeof(haft_slot) / 2) &
 *      mask). The mask confines every word to the table, also under
 *      speculation.
 *   3. Load `state` of the slot, with acquire order. If it equals h, then h is
 *      live: every state that is not a live handle differs from all words that
 *      select its slot, also from 0. If not, make the call, which says why.
 *   4. Load `object` and `type`, both with acquire order.
 *   5. Load `state` again, in any order that keeps it behind these two. If it
 *      still equals h, the object and the type are those of h. If not, make the
 *      call.
 *   6. If a type is wanted and its address differs from the one that was
 *      loaded, make the call, which also compares identities.
 *
 * The call is haft_table_value(table, h, type, &object). It succeeds or fails
 * by itself; a step above that leads to it is not a failure. Nothing but Haft
 * may write to the memory of a table. It may be read at any time. */

#ifndef HAFT_VIEW_H_
#define HAFT_VIEW_H_

#include <stddef.h>
#include <stdint.h>

#include "haft/haft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The number of the interface of this header. It changes whenever a member, its
 * meaning or a step above does. */
#define HAFT_VIEW_ABI 1u

/* The value of *gate while diagnostics watch. */
#define HAFT_VIEW_WATCHED 1u

/* What is in a slot: eight words. */
typedef struct haft_slot {
  uintptr_t users;       /* Haft's own */
  void *object;          /* of the live handle */
  const haft_type *type; /* of the object */
  haft_handle state;     /* the live handle, or a word that is no live handle */
  uintptr_t content[4];  /* Haft's own */
} haft_slot;

typedef struct haft_view {
  haft_table *table;      /* the table, as haft_table_value takes it */
  const uintptr_t *gate;  /* see step 1 */
  const haft_slot *slots; /* see step 2 */
  uintptr_t mask;
} haft_view;

/* Gives the view of `table`, which for null is the process's table. It holds
 * until the table is destroyed, also in the child of a fork. `abi` is the
 * HAFT_VIEW_ABI that the caller was written for.
 *   Returns   HAFT_OK; HAFT_INVALID if `view` is null, or if the library that
 *             is loaded has another HAFT_VIEW_ABI, and then only calls will do;
 *             HAFT_OUT_OF_MEMORY if there is no process's table
 *   Progress  wait-free, but for the first call that makes the process's
 *             table */
HAFT_API haft_status haft_table_view(haft_table *table, unsigned abi,
                                     haft_view *view);

/* Does what haft_table_value(view->table, handle, type, object) does, and
 * returns what that returns. `view` must be one that haft_table_view has
 * given.
 *   Progress  wait-free
 *   Cost      five loads, no write and no call, if the handle is live and its
 *             type has the descriptor `type`, or if `type` is null */
static inline haft_status haft_value_inline(const haft_view *view,
                                            haft_handle handle,
                                            const haft_type *type,
                                            void **object) {
  const haft_slot *const slot =
      (const haft_slot *)((const char *)view->slots +
                          (handle * (sizeof(haft_slot) / 2) & view->mask));
  if (object != NULL &&
      __atomic_load_n(view->gate, __ATOMIC_RELAXED) != HAFT_VIEW_WATCHED &&
      __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == handle) {
    void *const live = __atomic_load_n(&slot->object, __ATOMIC_ACQUIRE);
    const haft_type *const actual =
        __atomic_load_n(&slot->type, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&slot->state, __ATOMIC_RELAXED) == handle &&
        (type == NULL || type == actual)) {
      *object = live;
      return HAFT_OK;
    }
  }
  /* By way of a local variable, so that the caller's stays in a register. */
  void *found = NULL;
  const haft_status status = haft_table_value(view->table, handle, type,
                                              object == NULL ? NULL : &found);
  if (status == HAFT_OK) *object = found;
  return status;
}

#ifdef __cplusplus
}
#endif

#endif /* HAFT_VIEW_H_ */
