/* The layout of a table in memory, for code that looks handles up, makes them
 * and ends them by itself: for languages in which a call of C costs more than
 * the operation, and for C and C++ that want it inlined. The inline functions
 * below are such code, and the model of it in other languages.
 *
 * Compiles as C99 and as C++ with the atomic built-ins of GCC and Clang.
 *
 * Nothing but Haft may write to the memory of a table, except as this header
 * says. It may be read at any time. */

#ifndef HAFT_VIEW_H_
#define HAFT_VIEW_H_

#include <stddef.h>
#include <stdint.h>

#include "haft/haft.h"

/* NOLINTBEGIN(modernize-use-nullptr): it is C, too. */

#ifdef __cplusplus
extern "C" {
#endif

/* The number of the interface of this header. It changes whenever a member, its
 * meaning or a step below does. */
#define HAFT_VIEW_ABI 1u

/* The value of *gate while diagnostics watch. */
#define HAFT_VIEW_WATCHED 1u

/* What is in a slot: eight words. */
typedef struct haft_slot {
  uintptr_t users;       /* Haft's own */
  void *object;          /* of the live handle */
  const haft_type *type; /* of the object */
  haft_handle state;     /* the live handle, or a word that is no live handle */
  void *content_object;  /* these four are what Haft destroys the object with */
  const haft_type *content_type;
  void (*content_destroy)(void *context);
  void *content_context;
} haft_slot;

/* The slot of a handle h, any word at all, begins at
 * (char *)slots + (h * (sizeof(haft_slot) / 2) & mask). The mask confines every
 * word to the table, also under speculation. */
typedef struct haft_view {
  haft_table *table;     /* the table, as haft_table_value takes it */
  const uintptr_t *gate; /* the word HAFT_VIEW_WATCHED while every operation
                            must be a call, because diagnostics watch */
  haft_slot *slots;      /* the first slot */
  uintptr_t mask;        /* see above */
  uintptr_t generation;  /* the distance between two handles of a slot */
  uintptr_t generations; /* the bits that are set in a slot's last handle */
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

/* --- Look-ups --------------------------------------------------------------
 *
 * How to look up a handle h, any word at all:
 *
 *   1. If *gate is HAFT_VIEW_WATCHED, make the call. A relaxed load.
 *   2. Load `state` of the slot of h, with acquire order. If it equals h, then
 *      h is live: every state that is not a live handle differs from all words
 *      that select its slot, also from 0. If not, make the call, which says
 *      why.
 *   3. Load `object` and `type`, both with acquire order.
 *   4. Load `state` again, in any order that keeps it behind these two. If it
 *      still equals h, the object and the type are those of h. If not, make the
 *      call.
 *   5. If a type is wanted and its address differs from the one that was
 *      loaded, make the call, which also compares identities.
 *
 * The call is haft_table_value(table, h, type, &object). It succeeds or fails
 * by itself; a step above that leads to it is not a failure. */

/* For programs in C++ that are compiled with -Wold-style-cast. */
#ifdef __cplusplus
#define HAFT_VIEW_CAST(type, pointer) reinterpret_cast<type>(pointer)
#else
#define HAFT_VIEW_CAST(type, pointer) ((type)(pointer))
#endif

/* Returns the slot that a word, any word at all, selects. */
static inline haft_slot *haft_view_slot(const haft_view *view,
                                        haft_handle handle) {
  char *const first = HAFT_VIEW_CAST(char *, view->slots);
  const uintptr_t distance = handle * (sizeof(haft_slot) / 2) & view->mask;
  return HAFT_VIEW_CAST(haft_slot *, first + distance);
}
#undef HAFT_VIEW_CAST

/* Returns whether diagnostics watch, so that every operation must be a call. */
static inline int haft_view_is_watched(const haft_view *view) {
  return __atomic_load_n(view->gate, __ATOMIC_RELAXED) == HAFT_VIEW_WATCHED;
}

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
  const haft_slot *const slot = haft_view_slot(view, handle);
  if (object != NULL && !haft_view_is_watched(view) &&
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

/* --- Loans -----------------------------------------------------------------
 *
 * A loan is a store of up to 128 handles that are ready to be issued, and of up
 * to 128 that have been ended. With it a borrower, such as the thread cache of
 * another language, makes and ends handles of one type itself, and makes one
 * call for every 128 of them. The handles are like any others: every thread may
 * look them up, pin and end them by calls, and the borrower ends any handles,
 * not only those that it has made.
 *
 * One thread at a time may use a loan, and no signal handler that interrupts
 * it. Handles that wait in a loan are free slots that other callers cannot
 * have; every table has slots set aside for that, so its capacity stays what it
 * is. haft_table_stats counts ready handles as not yet created, and ended ones
 * as deleted. In the child of a fork a loan works on, but if another thread was
 * inside step 3 to 5 of making a handle or step 4 to 6 of ending one, then that
 * one slot is lost in the child.
 *
 * How to make a handle of the loan's type for `object`:
 *
 *   1. If *gate is HAFT_VIEW_WATCHED, make the call.
 *   2. If ready_count is 0, call haft_settle. If it still is 0, make the call.
 *   3. Take h = ready[ready_count - 1], and then store ready_count - 1, by a
 *      relaxed store that the compiler keeps before the next steps.
 *   4. In the slot of h, write content_object and content_context, plainly, and
 *      `object`, with release order. They are null until then, so that there is
 *      nothing to do for a null object.
 *   5. Store h in `state`, with release order. Now it is live.
 *
 * The call is haft_table_new(table, object, loan->type, &h).
 *
 * How to end a handle h, any word at all:
 *
 *   1. If *gate is HAFT_VIEW_WATCHED, make the call.
 *   2. If `state` of the slot of h, loaded with acquire order, is not h, make
 *      the call. If a type is wanted and `type` differs, make the call.
 *   3. If (h & generations) == generations, make the call: h is the last handle
 *      of its slot. If ended_count is HAFT_LOAN_HANDLES, make the call.
 *   4. Exchange `state` from h to (h + generation) ^ HAFT_VIEW_FREE, by a
 *      sequentially consistent compare-and-swap. If it fails, make the call.
 *   5. Write h to ended[ended_count], and then store ended_count + 1, relaxed.
 *   6. If ended_count is HAFT_LOAN_HANDLES, call haft_settle.
 *
 * The call is haft_table_delete(table, h, type). The object is destroyed by
 * haft_settle, or when its last pin ends.
 *
 * A borrower must not issue a handle that it has not taken out of `ready`, put
 * one into `ended` that it has not ended itself, or let a count grow beyond
 * HAFT_LOAN_HANDLES. haft_settle and haft_return check the counts, and of each
 * handle whether its slot is in the state that it must be in. They leave out
 * those that are not, so that a borrower which has lost its way loses slots and
 * harms no other handles; but a handle that was put in twice is not noticed. */

#define HAFT_LOAN_HANDLES 128u

/* What step 4 of ending a handle marks the next one by: the slot is free. */
#define HAFT_VIEW_FREE 2u

/* What a borrower reads and writes. */
typedef struct haft_loan {
  uint32_t ready_count; /* of the handles in `ready`; the last is taken first */
  uint32_t ended_count; /* of those in `ended` */
  const haft_type *type; /* of the objects of ready handles */
  haft_handle ready[HAFT_LOAN_HANDLES];
  haft_handle ended[HAFT_LOAN_HANDLES];
} haft_loan;

/* For haft_lend: the loan belongs to the calling thread. If the thread ends
 * first, the loan ends with it, as by haft_return. */
#define HAFT_LEND_TO_THREAD 1u

/* Opens a loan of `table` for handles of `type`, with ready handles. It lasts
 * until haft_return. (haft_table_destroy takes all handles back that are in
 * loans of the table. While it destroys objects, a `destroy` that makes or ends
 * handles by such a loan is led to the calls.) `flags` is 0 or
 * HAFT_LEND_TO_THREAD. Allocates.
 *   Returns   HAFT_OK; HAFT_INVALID if `type` or `loan` is null, or there is no
 *             such flag; HAFT_FULL if the table has 240 loans already (fewer if
 *             its layout has little room; none for 65,536 handles where words
 *             have 32 bits) or no free handle: then make calls;
 *             HAFT_OUT_OF_MEMORY
 *   Progress  lock-free, but for allocation; not in signal handlers */
HAFT_API haft_status haft_lend(haft_table *table, const haft_type *type,
                               unsigned flags, haft_loan **loan);

/* Destroys the objects of the ended handles, and fetches ready handles if there
 * are none. `destroy` may call everything, also with this loan.
 *   Returns   HAFT_OK; HAFT_FULL if there is no ready handle;
 *             HAFT_INVALID if `loan` is null, or a count or a handle in it was
 *             not valid: those are left out
 *   Progress  as haft_delete and haft_new */
HAFT_API haft_status haft_settle(haft_loan *loan);

/* Settles a loan, gives its ready handles back, and ends it. Null is ignored.
 * Any thread may do it, but no `destroy` that haft_settle or haft_return calls
 * for this loan. If the table has been destroyed, this only ends the loan.
 *   Progress  as haft_delete */
HAFT_API void haft_return(haft_loan *loan);

/* Does what haft_table_new(view->table, object, loan->type, handle) does, and
 * returns what that returns. `loan` must be of the table of `view`. `handle`
 * must not be null.
 *   Progress  as haft_new
 *   Cost      no call and no read-modify-write, except for one haft_settle in
 *             128 */
static inline haft_status haft_new_inline(const haft_view *view,
                                          haft_loan *loan, void *object,
                                          haft_handle *handle) {
  if (!haft_view_is_watched(view) &&
      (loan->ready_count != 0 || haft_settle(loan) == HAFT_OK)) {
    const uint32_t left = loan->ready_count - 1;
    const haft_handle next = loan->ready[left];
    haft_slot *const slot = haft_view_slot(view, next);
    __atomic_store_n(&loan->ready_count, left, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    slot->content_object = object;
    slot->content_context = object;
    __atomic_store_n(&slot->object, object, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->state, next, __ATOMIC_RELEASE);
    *handle = next;
    return HAFT_OK;
  }
  return haft_table_new(view->table, object, loan->type, handle);
}

/* Does what haft_table_delete(view->table, handle, type) does, and returns what
 * that returns; but the object may be destroyed later, by haft_settle or
 * haft_return. `loan` must be of the table of `view`.
 *   Progress  as haft_delete
 *   Cost      one compare-and-swap and no call, except for one haft_settle in
 *             128 */
static inline haft_status haft_delete_inline(const haft_view *view,
                                             haft_loan *loan,
                                             haft_handle handle,
                                             const haft_type *type) {
  haft_slot *const slot = haft_view_slot(view, handle);
  haft_handle state = handle;
  if (!haft_view_is_watched(view) &&
      __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == handle &&
      (type == NULL ||
       __atomic_load_n(&slot->type, __ATOMIC_ACQUIRE) == type) &&
      (handle & view->generations) != view->generations &&
      loan->ended_count < HAFT_LOAN_HANDLES &&
      __atomic_compare_exchange_n(&slot->state, &state,
                                  (handle + view->generation) ^ HAFT_VIEW_FREE,
                                  0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
    const uint32_t count = loan->ended_count;
    loan->ended[count] = handle;
    __atomic_store_n(&loan->ended_count, count + 1, __ATOMIC_RELAXED);
    if (count + 1 == HAFT_LOAN_HANDLES) (void)haft_settle(loan);
    return HAFT_OK;
  }
  return haft_table_delete(view->table, handle, type);
}

#ifdef __cplusplus
}
#endif

/* NOLINTEND(modernize-use-nullptr) */

#endif /* HAFT_VIEW_H_ */
