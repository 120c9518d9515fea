/* Haft for C and for every language that can call C: one table for the process
 * that turns objects into opaque handles, and tables of your own.
 *
 * Compiles as C99 and as C++. The following holds for every function:
 *
 *   - It may be called by any thread at any time, unless it says otherwise.
 *   - A bad handle is input, not an error of the program. Whether it is null,
 *     forged, stale, another table's or of another type, it gets its exact
 *     status, and nothing is changed.
 *   - If a status other than HAFT_OK is returned, results are not written.
 *   - It throws nothing. Only the `must` forms abort.
 *   - An object is destroyed by the thread that deletes it, or by the thread
 *     that ends its last pin. `destroy` callbacks may call back into Haft. They
 *     should return. If one does not, because it ends its thread or is left by
 *     longjmp or by an exception (which passes through the call of Haft, as
 *     through any C function), its own object is never freed and counts as live
 *     for ever, and nothing else is harmed.
 *   - It may be called in signal handlers, unless it says that it allocates or
 *     that it blocks. A call that destroys an object is as safe there as the
 *     object's `destroy` is.
 *
 * Which functions call the caller back, before they return:
 *
 *   - `destroy`: those that end a handle or a pin, release an interned object,
 *     close a scope, or destroy a table; of view.h also haft_settle,
 *     haft_return, and haft_lend in the child of a fork.
 *   - A visitor: haft_table_for_each and haft_table_report.
 *   - The callback of haft_set_refusal_callback, if there is one: those that
 *     refuse a handle or a pin, except haft_check and haft_scope_close.
 *   - Nothing: the functions that make a handle or a table, that open, reserve,
 *     add to or escape from a scope, and haft_check, haft_table_stats,
 *     haft_table_view, haft_prepare, haft_trim, haft_describe, haft_diagnose
 *     and those without a table.
 *
 * Of the last kind, haft_new, haft_check, haft_to_pointer, haft_from_pointer
 * and those that return strings or the version are short and never block, so a
 * JVM may bind them as critical; haft_new except for the process's first calls,
 * which haft_prepare makes. Without a refusal callback the same holds for
 * haft_value and haft_pin_object, and for haft_delete and haft_unpin of objects
 * whose `destroy` is null or as harmless. Go may declare all of these
 * nocallback; and noescape, except that haft_new keeps `object` and `type`.
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

/* libhaft.so exports the functions. If they come from an archive, they are
 * private to the program or library that it is linked into. */
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
 * signed integer. No handle is issued twice. (Where words have 32 bits, a table
 * issues about a billion different ones and then those again that it has not
 * issued for longest; see docs/embedding-c.md.) */
typedef uintptr_t haft_handle;

/* Never renumbered. */
typedef enum haft_status {
  HAFT_OK = 0,
  HAFT_NULL = 1,          /* the null handle */
  HAFT_MALFORMED = 2,     /* no table issues such a word */
  HAFT_NEVER_ISSUED = 3,  /* this table has not issued it: it is forged, or
                             another table's */
  HAFT_STALE = 4,         /* issued by this table, and deleted */
  HAFT_WRONG_TYPE = 5,    /* live, and of another type */
  HAFT_FULL = 6,          /* the table has no room for another handle */
  HAFT_OUT_OF_MEMORY = 7, /* there is no memory, or no room for a pin */
  HAFT_PINNED = 8,        /* live and pinned, so it was not deleted */
  HAFT_TIMED_OUT = 9,     /* deleted, and still pinned */
  HAFT_INVALID = 10,      /* invalid argument (other than the handle): null or
                             zero; or the handle was never interned */
  HAFT_DEFERRED = 11      /* deleted, and destroyed when the innermost `destroy`
                             that is running in this thread returns */
} haft_status;

/* The descriptor of a type of objects. Two descriptors are one type in two
 * cases only:
 *
 *   - They have the same address.
 *   - Both have an `identity` that is not null, the strings are equal (strcmp),
 *     and so are the sizes and the alignments, where 0 is equal to any. So each
 *     shared library of a process may have a descriptor of its own.
 *
 * A descriptor whose identity is null is therefore one type with itself only,
 * even if another one has the same content. An identity names a version of a
 * type, as "com.x.widget/1". It changes whenever the layout of the objects or
 * the meaning of what is in them changes. `name` and `destroy` are not
 * compared; each object is destroyed by the descriptor that it was created
 * with. Where a function takes the type that is wanted, a null pointer stands
 * for any type; a function that creates a handle returns HAFT_INVALID for it.
 *
 * A descriptor and the strings that it points to must never be destroyed or
 * unloaded, because a look-up may still read them when its handle has just been
 * deleted. */
typedef struct haft_type {
  const char *name;              /* for messages; may be null */
  const char *identity;          /* null: no other descriptor is this type */
  void (*destroy)(void *object); /* null: objects are borrowed */
  size_t size;                   /* of an object; 0: unknown */
  size_t alignment;              /* of an object; 0: unknown */
} haft_type;

/* A table of handles. Every function takes null for the process's table. */
typedef struct haft_table haft_table;

/* A pin keeps its object alive until haft_unpin. It is plain memory: it may be
 * stored, and any thread may end it. Copies are the same pin; end only one. */
typedef struct haft_pin {
  uintptr_t words[4];
} haft_pin;

/* Declares a pin that ends where its block ends, however that is left (except
 * by longjmp): HAFT_SCOPED_PIN(pin); haft_pin_object(handle, type, &pin, ...);
 */
#define HAFT_SCOPED_PIN(name) \
  __attribute__((cleanup(haft_unpin))) haft_pin name = {{0, 0, 0, 0}}

/* --- The process's table --------------------------------------------------
 *
 * All code that loads the same libhaft.so shares one table. The first call that
 * needs it creates it, for 4,194,304 live handles (65,536 where words have 32
 * bits) or as many as the environment variable HAFT_CAPACITY says, in decimal
 * digits. If the process has no address space for that, it is for a half, a
 * quarter and so on, down to 4,096; haft_table_stats tells. (Where a program
 * runs with the rights of another user than the one who started it, the
 * variable is ignored.) The table is never destroyed. The first call allocates.
 * If several threads create the table at the same time, one of them succeeds
 * and the others use its table; none waits. If the table cannot be allocated,
 * calls return HAFT_OUT_OF_MEMORY (or 0, if they return a count). */

/* Makes `object` reachable through a new handle. `type->destroy(object)` is
 * called when the handle has been deleted and the object is no longer in use.
 *   Returns   HAFT_OK, HAFT_FULL, HAFT_OUT_OF_MEMORY, HAFT_INVALID
 *   Progress  lock-free; wait-free while this thread's cache holds a handle
 *   Cost      no allocation and no system call, except for the first uses */
HAFT_API haft_status haft_new(void *object, const haft_type *type,
                              haft_handle *handle);

/* As haft_new, but calls `destroy(context)` instead of `type->destroy(object)`,
 * or nothing if `destroy` is null. */
HAFT_API haft_status haft_new_with(void *object, const haft_type *type,
                                   void (*destroy)(void *context),
                                   void *context, haft_handle *handle);

/* Gives the object of `handle`, if it is of `type` (null: any type). Nothing
 * keeps the object alive; take a pin if another thread may delete it.
 *   Returns   HAFT_OK; HAFT_INVALID; or why the handle is refused: HAFT_NULL,
 *             HAFT_MALFORMED, HAFT_NEVER_ISSUED, HAFT_STALE, HAFT_WRONG_TYPE
 *   Progress  wait-free
 *   Cost      five loads, no write */
HAFT_API haft_status haft_value(haft_handle handle, const haft_type *type,
                                void **object);

/* Returns HAFT_OK if `handle` is live, or why it is refused.
 *   Progress  wait-free */
HAFT_API haft_status haft_check(haft_handle handle);

/* Gives the object and keeps it alive until haft_unpin.
 *   Returns   as haft_value; HAFT_OUT_OF_MEMORY if the object has 4,294,967,295
 *             pins besides the first 14 of each thread
 *   Progress  wait-free for the first 14 pins that a thread holds, except for
 *             one retry for each haft_delete_unless_pinned and haft_take of the
 *             same handle that is under way; lock-free for further ones
 *   Cost      one compare-and-swap: for the first 14 pins on a line of the
 *             thread's own, for further ones on a line of the object */
HAFT_API haft_status haft_pin_object(haft_handle handle, const haft_type *type,
                                     haft_pin *pin, void **object);

/* Ends a pin. If the object has been deleted and this was its last pin, the
 * object is destroyed before this returns. `*pin` is zeroed before that, so it
 * may be part of the object. A zeroed pin, and null, are ignored. Any thread
 * may end a pin, whichever has taken it.
 *
 * A copy of a pin that has ended is refused: it is counted (`refused_unpins` of
 * haft_stats), reported if diagnostics are on, and changes nothing. It is taken
 * for a good pin if its thread has pinned the same object again since, or if
 * two threads end copies of one pin at the same time. Its table must still
 * exist. */
HAFT_API void haft_unpin(haft_pin *pin);

/* Ends `handle`, if it is of `type` (null: any type). From now on it is stale.
 * The object is destroyed before this returns or, if it is pinned, before the
 * last haft_unpin returns. (If `destroy` callbacks are nested deeper than 32 in
 * this thread, it is destroyed when the innermost of them returns.)
 *   Returns   HAFT_OK, once for each handle; otherwise as haft_value
 *   Progress  lock-free except for `destroy` */
HAFT_API haft_status haft_delete(haft_handle handle, const haft_type *type);

/* As haft_delete, if the object is not pinned.
 *   Returns   HAFT_PINNED if it is; the handle then stays live */
HAFT_API haft_status haft_delete_unless_pinned(haft_handle handle,
                                               const haft_type *type);

/* Ends `handle`, then waits until the object is destroyed, for `nanoseconds` at
 * most. A thread that has the object pinned itself waits until the time is
 * over.
 *   Returns   as haft_delete. HAFT_TIMED_OUT if the object is still pinned: the
 *             handle is deleted all the same, and the last haft_unpin destroys
 *             the object. HAFT_DEFERRED if callbacks are nested deeper than 32
 *             in this thread: the handle is deleted, and waiting is in vain
 *   Progress  blocking */
HAFT_API haft_status haft_delete_and_wait(haft_handle handle,
                                          const haft_type *type,
                                          uint64_t nanoseconds);

/* Ends `handle` unless the object is pinned, and gives the object back instead
 * of destroying it. (The `destroy` of haft_new_with is forgotten.)
 *   Returns   as haft_delete_unless_pinned */
HAFT_API haft_status haft_take(haft_handle handle, const haft_type *type,
                               void **object);

/* As haft_take, and leaves the destruction to the caller, who calls
 * (*destroy)(*context), unless *destroy is null. */
HAFT_API haft_status haft_take_owned(haft_handle handle, const haft_type *type,
                                     void **object,
                                     void (**destroy)(void *context),
                                     void **context);

/* haft_value and haft_delete for callers that know that their handle is live.
 * If it is not, they report all that is known about it on stderr and abort. */
HAFT_API void *haft_must_value(haft_handle handle, const haft_type *type);
HAFT_API void haft_must_delete(haft_handle handle, const haft_type *type);

/* --- Tables of your own ----------------------------------------------------
 *
 * haft_table_x does in `table` what haft_x does in the process's table. */

/* Creates a table for `capacity` live handles. Allocates.
 *   Returns   HAFT_OK, HAFT_FULL if no table can have so many, HAFT_INVALID,
 *             HAFT_OUT_OF_MEMORY */
HAFT_API haft_status haft_table_create(size_t capacity, haft_table **table);

/* Destroys all live objects, and the table. No thread may be inside a call.
 * Objects that are still pinned are reported on stderr and stay in memory
 * permanently. Null is ignored, because the process's table is never
 * destroyed. */
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

/* Calls haft_table_new for each of objects[0..count-1].
 *   Returns   HAFT_OK, and *made == count; or why it stopped. If `made` is not
 *             null, *made is always written: handles[0..*made-1] were made */
HAFT_API haft_status haft_table_new_batch(haft_table *table,
                                          void *const *objects, size_t count,
                                          const haft_type *type,
                                          haft_handle *handles, size_t *made);

/* Calls haft_table_delete for each of handles[0..count-1]. If `statuses` is not
 * null, statuses[i] is what the call for handles[i] has returned.
 *   Returns   how many were live and of `type`; 0 if `handles` is null */
HAFT_API size_t haft_table_delete_batch(haft_table *table,
                                        const haft_handle *handles,
                                        size_t count, const haft_type *type,
                                        haft_status *statuses);

/* Calls visit(context, handle, type, object) for live handles, each pinned for
 * the call, in no particular order. Other threads may go on; a handle that is
 * live throughout is visited exactly once. `visit` may call Haft. It ends the
 * walk by returning non-zero.
 *   Returns   the result of the last visit, or 0 if there was none */
HAFT_API int haft_table_for_each(haft_table *table,
                                 int (*visit)(void *context, haft_handle handle,
                                              const haft_type *type,
                                              void *object),
                                 void *context);

/* Figures of a table. They are exact if no other thread is inside a call. */
typedef struct haft_stats {
  uint64_t live;            /* handles issued and not deleted */
  uint64_t retired_objects; /* objects deleted and still in use */
  uint64_t created;         /* handles ever issued */
  uint64_t deleted;         /* handles ever deleted */
  uint64_t exhausted_slots; /* slots that have used up their generations */
  uint64_t high_water;      /* slots ever taken into use, free ones included */
  uint64_t capacity;        /* objects that can always exist at the same time,
                               after subtraction of the exhausted slots */
  uint64_t lost_caches;     /* thread caches that a fork has left half written,
                               so that no thread uses them any more */
  uint64_t refused_unpins;  /* pins of all tables that haft_unpin has refused,
                               because they had ended before */
} haft_stats;
HAFT_API haft_status haft_table_stats(haft_table *table, haft_stats *stats);

/* Does now what the first calls would do later, for callers that must not pay
 * then. Makes the process's table if that is asked for and does not exist yet.
 * Claims the calling thread's numbers and registers the process for the barrier
 * of haft_delete, which takes milliseconds if other threads run. Gives memory
 * to the pages that are needed while up to `expected` handles are live and no
 * other thread holds free ones back. Each other thread that must not pay calls
 * it, too, with 0, say. Interned objects need memory of their own later.
 *   Returns   HAFT_OK; HAFT_FULL if `expected` is more than the capacity in
 *             haft_table_stats, and then no page has changed;
 *             HAFT_OUT_OF_MEMORY if there is no table or the system lacks
 *             memory, and then some pages may have theirs
 *   Progress  lock-free, O(expected) system time; not in signal handlers
 *   Cost      the memory of `expected` slots and 8 bytes for each; haft_trim
 *             takes the pages of slots back. Without MADV_POPULATE_WRITE (Linux
 *             5.14) a page fault for each page, and the system ends the process
 *             if it lacks memory
 *   Ordering  none */
HAFT_API haft_status haft_table_prepare(haft_table *table, size_t expected);
/* The same for the process's table. */
HAFT_API haft_status haft_prepare(size_t expected);

/* Gives the system back the memory of those pages of `table` that contain only
 * free slots. Handles and objects stay as they are, and every other call may go
 * on beside it. A handle that was never issued, for a slot of such a page, may
 * be HAFT_STALE afterwards, if another slot has issued its generation.
 *   Returns   how many bytes; 0 also if another call is trimming the table, or
 *             if there is no table
 *   Progress  lock-free, O(slots) steps; async-signal-safe if the table exists
 *   Cost      O(high_water), eight bytes a slot until it returns, and a system
 *             call for each 1,024 slots at most, which interrupts the process's
 *             running threads. The free slots in the caches of other threads,
 *             up to 256 for each, keep their pages */
HAFT_API size_t haft_table_trim(haft_table *table);
/* The same for the process's table, which it does not create. It also frees the
 * memory that haft_intern keeps of handles which have ended, of all tables.
 *   Progress  blocking; not in signal handlers */
HAFT_API size_t haft_trim(void);

/* --- Scopes ----------------------------------------------------------------
 *
 * Closing a scope deletes the handles that were added to it, unless they have
 * escaped. Only one thread at a time may use a scope. */
typedef struct haft_scope haft_scope;

/* Opens a scope for handles of `table`. Allocates.
 *   Returns   HAFT_OK, HAFT_OUT_OF_MEMORY, HAFT_INVALID */
HAFT_API haft_status haft_scope_open(haft_table *table, haft_scope **scope);

/* Makes room for one handle, so that the next haft_scope_add succeeds: for
 * callers that must know so before they make the handle. Allocates.
 *   Returns   HAFT_OK, HAFT_OUT_OF_MEMORY, HAFT_INVALID */
HAFT_API haft_status haft_scope_reserve(haft_scope *scope);

/* Adds a handle. Allocates.
 *   Returns   HAFT_OK; HAFT_OUT_OF_MEMORY, and the handle is not in the scope;
 *             HAFT_INVALID if `scope` is null */
HAFT_API haft_status haft_scope_add(haft_scope *scope, haft_handle handle);

/* Takes a handle out again and, if `outer` is not null, adds it to `outer`,
 * which allocates. Returns   HAFT_OK; HAFT_NEVER_ISSUED if the handle is not in
 * `scope`; HAFT_OUT_OF_MEMORY, and the handle stays in `scope`; HAFT_INVALID if
 * `scope` is null, or if `outer` is of another table, and then the handle stays
 * in `scope`, too */
HAFT_API haft_status haft_scope_escape(haft_scope *scope, haft_handle handle,
                                       haft_scope *outer);

/* Deletes the remaining handles, newest first, and the scope. Handles already
 * deleted are skipped. Null is ignored.
 *   Returns   how many handles it has deleted */
HAFT_API size_t haft_scope_close(haft_scope *scope);

/* --- Words -----------------------------------------------------------------*/

/* Converts a handle to the `void *` that callbacks carry, and back. The pointer
 * must never be dereferenced. Call these functions in C; do not cast in a
 * language whose garbage collector may follow pointers. */
HAFT_API void *haft_to_pointer(haft_handle handle);
HAFT_API haft_handle haft_from_pointer(const void *pointer);

/* Return static strings for a haft_status: a name such as "HAFT_STALE", and a
 * sentence. For any other number: "HAFT_UNKNOWN" and "unknown status". */
HAFT_API const char *haft_status_name(int status);
HAFT_API const char *haft_strerror(int status);

/* Returns the HAFT_VERSION of the library that is loaded. */
HAFT_API int haft_version(void);

/* --- Diagnostics -----------------------------------------------------------
 *
 * Diagnostics are off, and then cost nothing, until a program asks for them by
 * haft_diagnose or haft_set_refusal_callback, or a user does by the environment
 * variable HAFT_DIAGNOSE. The variable has one or more of these words,
 * separated by commas, as in HAFT_DIAGNOSE=leaks,refusals=10:
 *
 *   sites       records where and by which thread handles are created and
 *               deleted, for haft_describe and all reports about a handle
 *   leaks       as sites, and reports on stderr, when the program exits, which
 *               handles are live in the process's table
 *   refusals=N  reports on stderr all that is known about refused handles, N
 *               times a second at most
 *
 * The variable is read once, when the first table is created or by
 * haft_diagnose. See docs/diagnosing.md. */

#define HAFT_DIAGNOSE_SITES 1u
#define HAFT_DIAGNOSE_LEAKS 2u

/* Turns diagnostics on: `flags`, and those that the environment asks for. It
 * can be called once, before any table has been created. Returns   HAFT_OK;
 * HAFT_INVALID if it is too late, or if there is no such flag */
HAFT_API haft_status haft_diagnose(unsigned flags);

/* As haft_new, haft_table_new_with and haft_table_delete, and give the line
 * that is recorded instead of the address of the call. `file` is copied (only
 * the end of a long name), and may be null. */
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

/* A callback for handles that were refused as malformed, never issued, stale or
 * of another type; and with HAFT_INVALID and the pinned handle, for pins that
 * haft_unpin has refused. It is called by the same thread, before the call that
 * has refused the handle returns. `table` is null for the process's table;
 * `description` is valid until the callback returns. */
typedef void (*haft_refusal)(void *context, haft_table *table,
                             haft_handle handle, haft_status status,
                             const char *description);

/* From now on calls `callback` for refusals, `per_second` times a second at
 * most (0: without a limit). If refusals were suppressed, the next
 * `description` begins with their number. One callback serves all tables and
 * cannot be removed. haft_check and haft_scope_close never invoke it.
 * Allocates. Returns   HAFT_OK; HAFT_INVALID if there is a callback already, or
 * if `callback` is null; HAFT_OUT_OF_MEMORY */
HAFT_API haft_status haft_set_refusal_callback(haft_refusal callback,
                                               void *context,
                                               uint32_t per_second);

/* Writes all that is known about `handle` into a buffer, as snprintf does: its
 * status and object; for a stale handle, what its slot holds now; and if sites
 * are recorded, the call and the thread that created and deleted it, for the
 * last 8 handles of each slot. For a handle that is malformed or was never
 * issued: from which files other copies of libhaft are loaded, one of which may
 * have issued it.
 *   Returns   the length of the text, which may be more than fits
 *   Progress  takes the dynamic linker's lock if sites are recorded, or if the
 *             handle is malformed or was never issued */
HAFT_API size_t haft_describe(haft_handle handle, char *buffer, size_t size);
HAFT_API size_t haft_table_describe(haft_table *table, haft_handle handle,
                                    char *buffer, size_t size);

/* Calls line(context, text) for each of the first `most` live handles, and then
 * for each line of a summary: how many handles are live in `table`, by type
 * and, if sites are recorded, by the place of their creation, the most frequent
 * first. Other threads may go on. Allocates.
 *   Returns   how many handles were live */
HAFT_API size_t haft_table_report(haft_table *table, size_t most,
                                  void (*line)(void *context, const char *text),
                                  void *context);

/* --- One handle for one object ---------------------------------------------
 *
 * haft_new creates a handle each time; haft_intern has one handle for each
 * object. An object is an address and a type, so a struct and its first member
 * are two objects. The handle is like any other, and as weak: it does not keep
 * the object alive. Deleting or taking it ends it for every caller that has
 * interned the object, and the next haft_intern creates a new handle, whose
 * count begins at 1.
 *
 * These functions must not be called in signal handlers, nor in those of
 * pthread_atfork. The functions that end, take or unpin a handle may be called
 * there whether it is interned or not, also if the handler has interrupted one
 * of these: they take no mutex, and leave the rest of the map's work, and the
 * memory of an entry in the map, to a later haft_intern or haft_release. */

/* Gives the handle of `object`: the one it has, or a new one as haft_new does.
 * When the handle has ended and the object is no longer in use, the
 * `type->destroy` of the first call is called with the object. It may intern
 * the same address again. Returns   HAFT_OK, and the handle must be released
 * once more; HAFT_FULL, HAFT_OUT_OF_MEMORY, HAFT_INVALID (also for a null
 * object) Progress  blocking, but never while `destroy` or an allocator runs
 *   Cost      a hash look-up under the mutex of a part of the map; the first
 *             call for an object allocates */
HAFT_API haft_status haft_intern(void *object, const haft_type *type,
                                 haft_handle *handle);

/* As haft_intern, but destroys as haft_new_with does. `destroy` and `context`
 * are ignored if the object has a handle already. */
HAFT_API haft_status haft_intern_with(void *object, const haft_type *type,
                                      void (*destroy)(void *context),
                                      void *context, haft_handle *handle);

/* Takes back one haft_intern. The last one ends the handle as haft_delete does.
 *   Returns   HAFT_OK; HAFT_INVALID if a live handle was not interned;
 * otherwise as haft_check; HAFT_OUT_OF_MEMORY if the last call finds the object
 *             pinned and there is no room for another pin
 *   Progress  blocking, but never while `destroy` runs */
HAFT_API haft_status haft_release(haft_handle handle);

HAFT_API haft_status haft_table_intern(haft_table *table, void *object,
                                       const haft_type *type,
                                       haft_handle *handle);
HAFT_API haft_status haft_table_intern_with(haft_table *table, void *object,
                                            const haft_type *type,
                                            void (*destroy)(void *context),
                                            void *context, haft_handle *handle);
HAFT_API haft_status haft_table_release(haft_table *table, haft_handle handle);

/* --- Fork ------------------------------------------------------------------
 *
 * A child of fork has a copy of every table and may call every function. From
 * then on the two processes share nothing. In the parent nothing changes. In
 * the child:
 *
 *   Handles  The handles of the parent are good in the child, with the same
 *            counts of haft_intern. A handle that one process has issued since
 *            is refused by the other, as a handle of another table is.
 *   Objects  An object that was live at the fork exists in both processes, and
 *            each destroys its own: `destroy` may run once in each. At exit,
 *            the process's table destroys nothing.
 *   Caches   The calling thread keeps its cache. Threads that begin in the
 *            child take the places of the parent's other threads, with the free
 *            slots in their caches. If such a thread was inside a call, its
 *            cache in that table is lost (`lost_caches` of haft_stats). The
 *            capacity is the same, because every table has room for that.
 *   Pins     All pins are held in the child, too. If another thread of the
 *            parent held one, nobody ends it unless the child passes its words
 *            to haft_unpin. Until then its object, once deleted, stays in
 *            memory, and haft_delete_and_wait times out.
 *   Calls    If another thread was inside a call, that call has taken effect in
 *            the child, or it has not, or it never completes: a deleted object
 *            may then stay in memory, and a slot may be lost to the capacity,
 *            one for each such call. No call of the child waits for it.
 *
 * fork waits until no thread changes the map of haft_intern. So once a process
 * has called haft_intern, it must not call fork in a signal handler. */

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* HAFT_HAFT_H_ */
