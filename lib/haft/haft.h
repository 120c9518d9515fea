/* Haft for C and for every language that can call C: one table for the process
 * that turns objects into opaque handles, and tables of your own.
 *
 * Compiles as C99 and as C++. What holds for every function:
 *
 *   - It may be called by any thread at any time, unless it says otherwise.
 *   - A bad handle is input: null, forged, stale, another table's, or of
 *     another type, it gets its exact status, and nothing is changed.
 *   - Where a status other than HAFT_OK is returned, results are not written.
 *   - No exception crosses it. Only the `must` forms abort.
 *   - Objects are destroyed by the thread that deletes them, or by the one that
 *     lets go of the last pin: `destroy` callbacks may call back into Haft.
 *   - In signal handlers: all but those that say they allocate or that they
 *     block; what destroys an object is as safe there as its `destroy` is.
 */

#ifndef HAFT_HAFT_H_
#define HAFT_HAFT_H_

#include <stddef.h>
#include <stdint.h>

#define HAFT_VERSION_MAJOR 0
#define HAFT_VERSION_MINOR 1
#define HAFT_VERSION_PATCH 0
#define HAFT_VERSION \
  (HAFT_VERSION_MAJOR * 10000 + HAFT_VERSION_MINOR * 100 + HAFT_VERSION_PATCH)

/* Exported by libhaft.so. An archive's functions stay inside of what they are
 * linked into. */
#ifdef HAFT_BUILDING_SHARED_LIBRARY
#define HAFT_API __attribute__((visibility("default")))
#else
#define HAFT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* An opaque word. 0 is the null handle; every other handle is odd, so that it
 * is never the address of an aligned object, and on 64 bits positive as a
 * signed integer. No handle is issued twice. */
typedef uintptr_t haft_handle;

/* Never renumbered. */
typedef enum haft_status {
  HAFT_OK = 0,
  HAFT_NULL = 1,          /* the null handle */
  HAFT_MALFORMED = 2,     /* no table issues such a word */
  HAFT_NEVER_ISSUED = 3,  /* not by this table: forged, or another's */
  HAFT_STALE = 4,         /* issued by this table, and deleted */
  HAFT_WRONG_TYPE = 5,    /* live, and of another type */
  HAFT_FULL = 6,          /* the table has no room for another handle */
  HAFT_OUT_OF_MEMORY = 7, /* there is no memory, or no room for a pin */
  HAFT_PINNED = 8,        /* live, and in use: not deleted */
  HAFT_TIMED_OUT = 9,     /* deleted, and still in use */
  HAFT_INVALID = 10       /* an argument that is no handle is null or 0; or
                             a handle was not interned */
} haft_status;

/* What an object is. Two descriptors mean the same type if they are the same
 * one, or if both have an `identity` and those are equal strings: so each
 * shared library of a process may have a descriptor of its own. Descriptors and
 * what they point to must stay for ever: who looks a handle up may still read
 * them when it has just been deleted. */
typedef struct haft_type {
  const char *name;              /* for messages; null: without one */
  const char *identity;          /* null: this descriptor only */
  void (*destroy)(void *object); /* null: objects are borrowed */
} haft_type;

/* A table of handles. Wherever one is asked for, null means the process's. */
typedef struct haft_table haft_table;

/* Holds an object for as long as it lasts. Plain memory: it may be stored, and
 * any thread may let it go. Copies are the same pin: let go of one only. */
typedef struct haft_pin {
  uintptr_t words[4];
} haft_pin;

/* --- The process's table --------------------------------------------------
 *
 * There is one for all who load the same libhaft.so. It is made by the first
 * call that needs it, for 4,194,304 live handles (65,536 where words have 32
 * bits) or as many as the environment variable HAFT_CAPACITY says, and never
 * destroyed. That call allocates; of threads that make one at the same time one
 * keeps it, and none waits. While there is no memory for it, what needs it
 * returns HAFT_OUT_OF_MEMORY, or that there is nothing. */

/* Makes `object` reachable through a new handle. `type->destroy(object)` is
 * called when it has been deleted and is no longer in use.
 *   Returns   HAFT_OK, HAFT_FULL, HAFT_OUT_OF_MEMORY, HAFT_INVALID
 *   Progress  lock-free; wait-free while this thread's cache holds a handle
 *   Cost      no allocation, no system call but for the first uses */
HAFT_API haft_status haft_new(void *object, const haft_type *type,
                              haft_handle *handle);

/* The same where something else than the object is to be destroyed: calls
 * `destroy(context)` instead of `type->destroy(object)`; null: nothing. */
HAFT_API haft_status haft_new_with(void *object, const haft_type *type,
                                   void (*destroy)(void *context),
                                   void *context, haft_handle *handle);

/* The object of `handle`, if it is of `type` (null: of any). Nothing keeps it
 * alive: where another thread may delete it, take a pin.
 *   Returns   HAFT_OK; HAFT_INVALID; or why not: HAFT_NULL, HAFT_MALFORMED,
 *             HAFT_NEVER_ISSUED, HAFT_STALE, HAFT_WRONG_TYPE
 *   Progress  wait-free
 *   Cost      five loads, no write */
HAFT_API haft_status haft_value(haft_handle handle, const haft_type *type,
                                void **object);

/* Why `handle` is refused, or HAFT_OK.
 *   Progress  wait-free */
HAFT_API haft_status haft_check(haft_handle handle);

/* The object, kept alive until haft_unpin.
 *   Returns   as haft_value; HAFT_OUT_OF_MEMORY when there are 917,504 pins
 *             beside the 14 of each thread
 *   Progress  wait-free but for a retry for each haft_delete_unless_pinned and
 *             haft_take of the same handle that is under way
 *   Cost      one compare-and-swap on a line of the thread's own */
HAFT_API haft_status haft_pin_object(haft_handle handle, const haft_type *type,
                                     haft_pin *pin, void **object);

/* Lets go; if the object has been deleted and this was its last pin, destroys
 * it before this returns. Zeroes `*pin` before that, so the pin may lie in the
 * object; of a zeroed one it does nothing. May be called by another thread than
 * the one that took it. */
HAFT_API void haft_unpin(haft_pin *pin);

/* Ends `handle`, if it is of `type` (null: of any): from now on it is stale.
 * The object is destroyed before this returns, or if it is pinned, by the last
 * unpin before that returns. (Inside `destroy` callbacks nested deeper than 32
 * it may be destroyed later, by the outermost one.)
 *   Returns   HAFT_OK, once for each handle; else as haft_value
 *   Progress  lock-free but for `destroy` */
HAFT_API haft_status haft_delete(haft_handle handle, const haft_type *type);

/* The same if it is not pinned: else HAFT_PINNED, and the handle stays live. */
HAFT_API haft_status haft_delete_unless_pinned(haft_handle handle,
                                               const haft_type *type);

/* Ends `handle`, then waits until the object is destroyed, for `nanoseconds` at
 * most. A thread that waits for a pin of its own waits in vain.
 *   Returns   as haft_delete; HAFT_TIMED_OUT when it is still pinned: it is
 *             deleted all the same, and destroyed by the last unpin
 *   Progress  blocking: the one call that waits */
HAFT_API haft_status haft_delete_and_wait(haft_handle handle,
                                          const haft_type *type,
                                          uint64_t nanoseconds);

/* Ends `handle` unless it is pinned, and gives the object back: it is not
 * destroyed. (What haft_new_with was told to call instead is forgotten.)
 *   Returns   as haft_delete_unless_pinned */
HAFT_API haft_status haft_take(haft_handle handle, const haft_type *type,
                               void **object);

/* The same, with what was to destroy it: (*destroy)(*context), which is left to
 * the caller; a null *destroy: nothing. */
HAFT_API haft_status haft_take_owned(haft_handle handle, const haft_type *type,
                                     void **object,
                                     void (**destroy)(void *context),
                                     void **context);

/* haft_value and haft_delete for callers that hold a handle they know is live:
 * otherwise they report all that is known about it on stderr and abort. */
HAFT_API void *haft_must_value(haft_handle handle, const haft_type *type);
HAFT_API void haft_must_delete(haft_handle handle, const haft_type *type);

/* --- Tables of your own ----------------------------------------------------
 *
 * As above, in `table`; null: the process's. */

/* A table for `capacity` live handles.
 *   Returns   HAFT_OK, HAFT_FULL when no table can have so many, HAFT_INVALID,
 *             HAFT_OUT_OF_MEMORY (allocates) */
HAFT_API haft_status haft_table_create(size_t capacity, haft_table **table);

/* Destroys what is live, and the table. No thread may be inside a call. Objects
 * still pinned are reported on stderr and stay for ever. Not the process's:
 * null does nothing. */
HAFT_API void haft_table_destroy(haft_table *table);

HAFT_API haft_status haft_table_new(haft_table *table, void *object,
                                    const haft_type *type, haft_handle *handle);
HAFT_API haft_status haft_table_new_with(haft_table *table, void *object,
                                         const haft_type *type,
                                         void (*destroy)(void *context),
                                         void *context, haft_handle *handle);
HAFT_API haft_status haft_table_value(haft_table *table, haft_handle handle,
                                      const haft_type *type, void **object);
HAFT_API haft_status haft_table_check(haft_table *table, haft_handle handle);
HAFT_API haft_status haft_table_pin_object(haft_table *table,
                                           haft_handle handle,
                                           const haft_type *type, haft_pin *pin,
                                           void **object);
HAFT_API haft_status haft_table_delete(haft_table *table, haft_handle handle,
                                       const haft_type *type);
HAFT_API haft_status haft_table_delete_unless_pinned(haft_table *table,
                                                     haft_handle handle,
                                                     const haft_type *type);
HAFT_API haft_status haft_table_delete_and_wait(haft_table *table,
                                                haft_handle handle,
                                                const haft_type *type,
                                                uint64_t nanoseconds);
HAFT_API haft_status haft_table_take(haft_table *table, haft_handle handle,
                                     const haft_type *type, void **object);
HAFT_API haft_status haft_table_take_owned(haft_table *table,
                                           haft_handle handle,
                                           const haft_type *type, void **object,
                                           void (**destroy)(void *context),
                                           void **context);

/* haft_table_new for each of objects[0..count-1].
 *   Returns   HAFT_OK, and *made == count; or why it stopped. *made is always
 *             written: handles[0..*made-1] are made */
HAFT_API haft_status haft_table_new_batch(haft_table *table,
                                          void *const *objects, size_t count,
                                          const haft_type *type,
                                          haft_handle *handles, size_t *made);

/* haft_table_delete for each of handles[0..count-1]; statuses[i], if given, is
 * what it has returned.
 *   Returns   how many were live and of `type`; 0 when `handles` is null */
HAFT_API size_t haft_table_delete_batch(haft_table *table,
                                        const haft_handle *handles,
                                        size_t count, const haft_type *type,
                                        haft_status *statuses);

/* Calls visit(context, handle, type, object) for live handles, each pinned for
 * the call, in no particular order, while others go on: what is live throughout
 * is seen exactly once. `visit` may call Haft; it ends the walk by returning
 * non-zero.
 *   Returns   what the last visit returned; 0 */
HAFT_API int haft_table_for_each(haft_table *table,
                                 int (*visit)(void *context, haft_handle handle,
                                              const haft_type *type,
                                              void *object),
                                 void *context);

/* Figures; exact when no other thread is inside a call. */
typedef struct haft_stats {
  uint64_t live;            /* handles issued and not deleted */
  uint64_t retired_objects; /* objects deleted and still in use */
  uint64_t created;         /* handles ever issued */
  uint64_t deleted;         /* handles ever deleted */
  uint64_t exhausted_slots; /* slots that have used up their generations */
  uint64_t high_water;      /* slots ever taken into use, free ones included */
  uint64_t capacity; /* objects that can always exist, less the exhausted */
} haft_stats;
HAFT_API haft_status haft_table_stats(haft_table *table, haft_stats *stats);

/* --- Scopes ----------------------------------------------------------------
 *
 * Handles put into a scope are deleted when it ends, unless they have escaped.
 * A scope belongs to one thread at a time. */
typedef struct haft_scope haft_scope;

/* A scope for handles of `table`.
 *   Returns   HAFT_OK, HAFT_OUT_OF_MEMORY (allocates), HAFT_INVALID */
HAFT_API haft_status haft_scope_open(haft_table *table, haft_scope **scope);

/* Puts a handle into it.
 *   Returns   HAFT_OK; HAFT_OUT_OF_MEMORY (allocates): it is not in it then */
HAFT_API haft_status haft_scope_add(haft_scope *scope, haft_handle handle);

/* Takes a handle out again, into `outer` if that is given.
 *   Returns   HAFT_OK; HAFT_NEVER_ISSUED: it is not in it; else it stays in it:
 *             HAFT_OUT_OF_MEMORY, or HAFT_INVALID: `outer` is of another table
 *             than `scope`, or that is null */
HAFT_API haft_status haft_scope_escape(haft_scope *scope, haft_handle handle,
                                       haft_scope *outer);

/* Deletes, the last first, what is in it; what has been deleted before is no
 * matter. Null does nothing.
 *   Returns   how many it has deleted */
HAFT_API size_t haft_scope_close(haft_scope *scope);

/* --- Words -----------------------------------------------------------------*/

/* The handle as the `void *` that callbacks carry, and back. The pointer must
 * never be dereferenced. Call these from C, never do the cast in a language
 * whose collector may look at pointers. */
HAFT_API void *haft_to_pointer(haft_handle handle);
HAFT_API haft_handle haft_from_pointer(const void *pointer);

/* Static strings of a haft_status: "HAFT_STALE", and a sentence. Of any other
 * number: "HAFT_UNKNOWN", "unknown status". */
HAFT_API const char *haft_status_name(int status);
HAFT_API const char *haft_strerror(int status);

/* The HAFT_VERSION of the library that is loaded. */
HAFT_API int haft_version(void);

/* --- Diagnostics -----------------------------------------------------------
 *
 * All of it is off, and then costs nothing, until it is asked for: by
 * haft_diagnose and haft_set_refusal_callback, or of a program as it is by the
 * environment, as HAFT_DIAGNOSE=leaks,refusals=10. There several words may
 * stand, with commas between them:
 *
 *   sites       remember where and by which thread handles are made and
 *               deleted, for haft_describe and whatever else says what is known
 *               of a handle
 *   leaks       that, and when the program exits report on stderr what is live
 *               in the process's table
 *   refusals=N  say on stderr of handles that are refused all that is known, N
 *               times a second at most
 *
 * It is read, once, when the first table is made or by haft_diagnose. See
 * docs/diagnosing.md. */

#define HAFT_DIAGNOSE_SITES 1u
#define HAFT_DIAGNOSE_LEAKS 2u

/* Asks for these, beside what the environment asks for. Before there is a table
 * of any kind, and once.
 *   Returns   HAFT_OK; HAFT_INVALID: it is too late, or there is no such flag
 */
HAFT_API haft_status haft_diagnose(unsigned flags);

/* haft_new, and the rest, with the place that is to be remembered instead of
 * the address of the call. `file` is copied (of a long one, the end), and may
 * be null. */
HAFT_API haft_status haft_new_at(void *object, const haft_type *type,
                                 haft_handle *handle, const char *file,
                                 unsigned line);
HAFT_API haft_status haft_table_new_with_at(haft_table *table, void *object,
                                            const haft_type *type,
                                            void (*destroy)(void *context),
                                            void *context, haft_handle *handle,
                                            const char *file, unsigned line);
HAFT_API haft_status haft_table_delete_at(haft_table *table, haft_handle handle,
                                          const haft_type *type,
                                          const char *file, unsigned line);
#define HAFT_NEW(object, type, handle) \
  haft_new_at((object), (type), (handle), __FILE__, __LINE__)
#define HAFT_DELETE(handle, type) \
  haft_table_delete_at(NULL, (handle), (type), __FILE__, __LINE__)

/* Hears of a handle that was refused as malformed, never issued, stale or of
 * another type, on the thread and inside the call that was refused. `table` is
 * null for the process's; `description` is good until it returns. */
typedef void (*haft_refusal)(void *context, haft_table *table,
                             haft_handle handle, haft_status status,
                             const char *description);

/* Has `callback` hear of refusals from now on, of `per_second` in each second
 * at most (0: of all); `description` then begins with how many it has not heard
 * of. There is one for all tables, and for ever. haft_check refuses nothing,
 * nor does haft_scope_close.
 *   Returns   HAFT_OK; HAFT_INVALID: there is one, or it is null;
 *             HAFT_OUT_OF_MEMORY (allocates) */
HAFT_API haft_status haft_set_refusal_callback(haft_refusal callback,
                                               void *context,
                                               uint32_t per_second);

/* Writes all that is known about `handle` into a buffer, as snprintf does: what
 * it is and, of a stale one, what its slot holds now; if sites are remembered,
 * who made and who deleted it, of the last 8 handles of each slot.
 *   Returns   the length it has, which may be more than fits
 *   Progress  takes the dynamic linker's lock if sites are remembered */
HAFT_API size_t haft_describe(haft_handle handle, char *buffer, size_t size);
HAFT_API size_t haft_table_describe(haft_table *table, haft_handle handle,
                                    char *buffer, size_t size);

/* Calls line(context, text) for each of the first `most` live handles, and then
 * for a summary of what is live in `table` by type and, if sites are
 * remembered, by the place it was made at, the most frequent first. Others may
 * go on.
 *   Returns   how many were live (allocates) */
HAFT_API size_t haft_table_report(haft_table *table, size_t most,
                                  void (*line)(void *context, const char *text),
                                  void *context);

/* --- One handle for one object ---------------------------------------------
 *
 * haft_new makes a handle each time, haft_intern one for each object, which is
 * its address and its type: a struct and its first member are two objects. The
 * handle is like any other, and as weak: it does not keep the object alive. Who
 * deletes or takes it ends it for all who have interned the object, and the
 * next haft_intern makes a new one, counted from 1.
 *
 * Not in signal handlers, nor in those of pthread_atfork. A child of fork has
 * the handles and the counts. */

/* The handle of `object`: the one it has, or a new one as haft_new's. The first
 * call's `type->destroy` will be called with the object when the handle has
 * ended and is no longer in use; it may intern the same address again.
 *   Returns   HAFT_OK: to be released once more; HAFT_FULL, HAFT_OUT_OF_MEMORY,
 *             HAFT_INVALID (also of a null object)
 *   Progress  blocking, never while `destroy` or an allocator runs
 *   Cost      a hash look-up under a mutex of its part of the map; the first
 *             of an object allocates */
HAFT_API haft_status haft_intern(void *object, const haft_type *type,
                                 haft_handle *handle);

/* The same, ended as haft_new_with's; `destroy` and `context` do not matter
 * where the object has a handle already. */
HAFT_API haft_status haft_intern_with(void *object, const haft_type *type,
                                      void (*destroy)(void *context),
                                      void *context, haft_handle *handle);

/* Takes back one haft_intern; the last of them ends the handle as haft_delete.
 *   Returns   HAFT_OK; HAFT_INVALID for a live handle that was not interned; as
 *             haft_check; HAFT_OUT_OF_MEMORY when the last finds the object
 *             pinned and there is no room for a pin
 *   Progress  blocking, never while `destroy` runs */
HAFT_API haft_status haft_release(haft_handle handle);

HAFT_API haft_status haft_table_intern(haft_table *table, void *object,
                                       const haft_type *type,
                                       haft_handle *handle);
HAFT_API haft_status haft_table_intern_with(haft_table *table, void *object,
                                            const haft_type *type,
                                            void (*destroy)(void *context),
                                            void *context, haft_handle *handle);
HAFT_API haft_status haft_table_release(haft_table *table, haft_handle handle);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* HAFT_HAFT_H_ */
