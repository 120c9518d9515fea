/* The natives of the package haft for Node. JavaScript calls them for what it
 * cannot do itself in the memory of the table.
 *
 * A handle is a number in JavaScript: the double whose 64 bits are the word.
 * JavaScript objects stay in JavaScript, in arrays that are indexed by the slot
 * of their handle; C finds a null object. Arguments and results are in a buffer
 * that both sides see ("scratch"), because that costs less than values. */

#define NAPI_VERSION 8
#include <node_api.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haft/haft.h"
#include "haft/view.h"

/* The layout of the scratch buffer, as lib/table.js knows it, too. */
enum {
  kArgument = 0, /* 64 bits: the word of an argument or a result */
  kStatus = 2,   /* 32 bits: the haft_status of the call */
  kCount = 3,    /* 32 bits: how many slots there are from kSlots on */
  kAll = 4,      /* 32 bits: whether all slots must be looked at */
  kSlots = 16,   /* 32 bits each */
  kMostSlots = 1000,
  kScratchSize = (kSlots + kMostSlots) * 4
};

/* A chunk is what JavaScript knows about this many slots. */
enum { kChunkSlots = 1024 };

/* In place of the number of a slot that is not known. */
#define NO_SLOT UINT32_C(0x7fffffff)

/* The words of a chunk: of the handles that this environment has made for its
 * objects, and of those of C's objects that it owns. 0 or NaN is none. */
typedef struct {
  haft_handle *made;
  haft_handle *owned;
  napi_ref kept[2]; /* their buffers */
} Chunk;

/* The main thread and each worker have an environment. It is never freed,
 * because C may still have pinned objects of it; another worker uses it again.
 */
typedef struct Environment {
  struct Environment *next_free;
  uint32_t number;
  napi_env env;
  haft_loan *loan;  /* null: handles are made by calls */
  int is_seen;      /* JavaScript sees the memory of the table */
  haft_handle last; /* that `make` has made; JavaScript may have been terminated
                       before it put it into a chunk */
  uint32_t *scratch;
  napi_ref kept; /* the buffer of `scratch` */
  Chunk *chunks; /* one for each kChunkSlots of the table; null until opened */
  uint32_t chunk_count;

  /* The slots whose objects other code has destroyed: a bit for each slot, and
   * a bit for each word of those. */
  _Atomic uint64_t *marks;
  _Atomic uint64_t *marked_words;
  atomic_int all_marked;
  atomic_int has_marks;

  pthread_mutex_t mutex;         /* of these two */
  int has_ended;                 /* `wake` may not be used any more */
  napi_threadsafe_function wake; /* calls JavaScript to look at the marks */
} Environment;

#define MOST_ENVIRONMENTS 4096
static _Atomic(Environment *) environments[MOST_ENVIRONMENTS];
static pthread_mutex_t environments_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint32_t environment_count;
static Environment *free_environments;

/* Whether this thread ends handles of its own environment, whose JavaScript
 * lets go of the objects itself. */
static _Thread_local int ends_own;

static haft_view view;
static atomic_int is_viewed;

static uint32_t SlotOf(haft_handle word) {
  return (uint32_t)((word * (sizeof(haft_slot) / 2) & view.mask) /
                    sizeof(haft_slot));
}
static uint32_t SlotCount(void) {
  return (uint32_t)(view.mask / sizeof(haft_slot) + 1);
}

/* --- Objects that other code destroys -------------------------------------*/

static void Wake(Environment *self) {
  if (atomic_exchange(&self->has_marks, 1)) return;
  pthread_mutex_lock(&self->mutex);
  /* If there is no memory for it, the next refill looks at the marks. */
  if (!self->has_ended)
    napi_call_threadsafe_function(self->wake, NULL, napi_tsfn_nonblocking);
  pthread_mutex_unlock(&self->mutex);
}

/* The `destroy` of the objects: tells their environment that the handle in a
 * slot has ended. `context` has the number of the environment in its upper 32
 * bits, and below it twice the number of the slot and 1. If the environment has
 * ended, another one may have its number, and will find nothing to do. */
static void OnDestroy(void *context) {
  const uintptr_t bits = (uintptr_t)context;
  if (ends_own || bits == 0) return;
  Environment *const self = atomic_load(&environments[bits >> 32]);
  const uint32_t slot = (uint32_t)bits >> 1;
  if (slot == NO_SLOT) {
    atomic_store(&self->all_marked, 1);
  } else {
    atomic_fetch_or(&self->marks[slot / 64], UINT64_C(1) << slot % 64);
    atomic_fetch_or(&self->marked_words[slot / 4096], UINT64_C(1)
                                                          << slot / 64 % 64);
  }
  Wake(self);
}

/* It has no identity: another copy of this package has objects of its own. */
static const haft_type kType = {"JavaScript object", NULL, &OnDestroy, 0, 0};

static void *ContextOf(const Environment *self, uint32_t slot) {
  return (void *)((uintptr_t)self->number << 32 | (uintptr_t)slot << 1 | 1);
}

/* --- The calls of JavaScript ----------------------------------------------*/

static Environment *Self(napi_env env, napi_callback_info info) {
  void *data = NULL;
  napi_get_cb_info(env, info, NULL, NULL, NULL, &data);
  return data;
}

static haft_handle Argument(const Environment *self) {
  haft_handle word;
  memcpy(&word, self->scratch + kArgument, sizeof(word));
  return word;
}
static void SetResult(const Environment *self, haft_handle word) {
  memcpy(self->scratch + kArgument, &word, sizeof(word));
}
static void SetStatus(const Environment *self, int status) {
  self->scratch[kStatus] = (uint32_t)status;
}

static int IsWord(haft_handle word) {
  /* Other words are NaN as doubles: those of the last generations of a slot. */
  return (word >> 52 & 0x7ff) != 0x7ff;
}

/* settle(): ends and makes handles of the loan. As make(), it also tells
 * whether there are marks. */
static napi_value Settle(napi_env env, napi_callback_info info) {
  Environment *const self = Self(env, info);
  ends_own = 1;
  SetStatus(self, self->loan == NULL ? HAFT_FULL : haft_settle(self->loan));
  ends_own = 0;
  self->scratch[kCount] =
      (uint32_t)atomic_load_explicit(&self->has_marks, memory_order_relaxed);
  return NULL;
}

/* The file and the line of the JavaScript that runs, if they were given. */
typedef struct {
  char file[256];
  uint32_t line;
} Place;

static Environment *SelfAndPlace(napi_env env, napi_callback_info info,
                                 Place *place) {
  napi_value values[2];
  size_t count = 2;
  void *data = NULL;
  napi_get_cb_info(env, info, &count, values, NULL, &data);
  place->file[0] = '\0';
  place->line = 0;
  if (count == 2) {
    napi_get_value_string_utf8(env, values[0], place->file, sizeof(place->file),
                               NULL);
    napi_get_value_uint32(env, values[1], &place->line);
  }
  return data;
}

static const char *FileOf(const Place *place) {
  return place->file[0] == '\0' ? NULL : place->file;
}

/* Makes a handle of the loan, as view.h says. Gives 0 if there is none. */
static haft_handle MakeLent(const Environment *self) {
  haft_loan *const loan = self->loan;
  haft_handle word;
  if (loan == NULL || haft_view_is_watched(&view)) return 0;
  do {
    if (loan->ready_count == 0) {
      ends_own = 1;
      const haft_status status = haft_settle(loan);
      ends_own = 0;
      if (status != HAFT_OK) return 0;
    }
    const uint32_t left = loan->ready_count - 1;
    word = loan->ready[left];
    __atomic_store_n(&loan->ready_count, left, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    /* A slot whose handle is no number is lost to the table. */
  } while (!IsWord(word));
  haft_slot *const slot = haft_view_slot(&view, word);
  slot->content_context = ContextOf(self, SlotOf(word));
  __atomic_store_n(&slot->state, word, __ATOMIC_RELEASE);
  return word;
}

/* make(): makes a handle, for JavaScript that does not do it itself. make(file,
 * line): by a call, while diagnostics watch. */
static napi_value Make(napi_env env, napi_callback_info info) {
  Place place;
  Environment *const self = SelfAndPlace(env, info, &place);
  haft_handle word = MakeLent(self);
  haft_status status = HAFT_OK;
  if (word == 0) do {
      /* A handle that is no number is left live, so that its slot is not used
       * again. */
      status = haft_table_new_with_at(NULL, NULL, &kType, &OnDestroy,
                                      ContextOf(self, NO_SLOT), &word,
                                      FileOf(&place), place.line);
    } while (status == HAFT_OK && !IsWord(word));
  SetStatus(self, status);
  self->scratch[kCount] =
      (uint32_t)atomic_load_explicit(&self->has_marks, memory_order_relaxed);
  if (status == HAFT_OK) SetResult(self, self->last = word);
  return NULL;
}

/* end(): ends a handle that this environment has made. */
static napi_value End(napi_env env, napi_callback_info info) {
  Environment *const self = Self(env, info);
  const haft_handle word = Argument(self);
  ends_own = 1;
  SetStatus(self, self->loan == NULL
                      ? haft_delete(word, &kType)
                      : haft_delete_inline(&view, self->loan, word, &kType));
  ends_own = 0;
  return NULL;
}

/* endAt(file, line): the same, for any environment's handle. */
static napi_value EndAt(napi_env env, napi_callback_info info) {
  Place place;
  Environment *const self = SelfAndPlace(env, info, &place);
  SetStatus(self, haft_table_delete_at(NULL, Argument(self), &kType,
                                       FileOf(&place), place.line));
  return NULL;
}

/* close(file, line): ends a handle of any type. */
static napi_value Close(napi_env env, napi_callback_info info) {
  Place place;
  Environment *const self = SelfAndPlace(env, info, &place);
  SetStatus(self, haft_table_delete_at(NULL, Argument(self), NULL,
                                       FileOf(&place), place.line));
  return NULL;
}

/* find(): whether the handle is that of a JavaScript object. */
static napi_value Find(napi_env env, napi_callback_info info) {
  Environment *const self = Self(env, info);
  void *object;
  SetStatus(self, haft_value(Argument(self), &kType, &object));
  return NULL;
}

static napi_value Check(napi_env env, napi_callback_info info) {
  Environment *const self = Self(env, info);
  SetStatus(self, haft_check(Argument(self)));
  return NULL;
}

/* watched(): whether diagnostics watch, as the status 0 or 1. */
static napi_value Watched(napi_env env, napi_callback_info info) {
  Environment *const self = Self(env, info);
  SetStatus(self, atomic_load(&is_viewed) && haft_view_is_watched(&view));
  return NULL;
}

static napi_value Describe(napi_env env, napi_callback_info info) {
  Environment *const self = Self(env, info);
  char fixed[512];
  char *text = fixed;
  size_t size = sizeof(fixed);
  size_t length = haft_describe(Argument(self), text, size);
  if (length >= size && (text = malloc(length + 1)) != NULL) {
    size = length + 1;
    length = haft_describe(Argument(self), text, size);
  }
  if (text == NULL) text = fixed;
  napi_value string = NULL;
  napi_create_string_utf8(env, text, length < size ? length : size - 1,
                          &string);
  if (text != fixed) free(text);
  return string;
}

/* diagnose(flags) */
static napi_value Diagnose(napi_env env, napi_callback_info info) {
  napi_value value;
  size_t count = 1;
  void *data = NULL;
  uint32_t flags = 0;
  napi_get_cb_info(env, info, &count, &value, NULL, &data);
  napi_get_value_uint32(env, value, &flags);
  SetStatus(data, haft_diagnose(flags));
  return NULL;
}

/* stats(): the numbers of haft_stats, in its order. */
static napi_value Stats(napi_env env, napi_callback_info info) {
  Environment *const self = Self(env, info);
  haft_stats stats;
  const haft_status status = haft_table_stats(NULL, &stats);
  SetStatus(self, status);
  if (status != HAFT_OK) return NULL;
  const uint64_t numbers[] = {stats.live, stats.created, stats.deleted,
                              stats.capacity};
  napi_value list = NULL;
  napi_create_array_with_length(env, 4, &list);
  for (uint32_t i = 0; i < 4; ++i) {
    napi_value number = NULL;
    napi_create_double(env, (double)numbers[i], &number);
    napi_set_element(env, list, i, number);
  }
  return list;
}

/* drain(): takes the marks away, up to kMostSlots of them. Tells the slots of
 * handles of this environment that have ended. */
static napi_value Drain(napi_env env, napi_callback_info info) {
  Environment *const self = Self(env, info);
  uint32_t count = 0;
  atomic_store(&self->has_marks, 0);
  const uint32_t words = SlotCount() / 64;
  for (uint32_t i = 0; i < (words + 63) / 64; ++i) {
    if (atomic_load_explicit(&self->marked_words[i], memory_order_relaxed) == 0)
      continue;
    uint64_t marked = atomic_exchange(&self->marked_words[i], 0);
    for (; marked != 0; marked &= marked - 1) {
      const uint32_t at = i * 64 + (uint32_t)__builtin_ctzll(marked);
      if (count + 64 > kMostSlots) {
        /* The rest is for the next call. */
        atomic_fetch_or(&self->marked_words[i], marked);
        atomic_store(&self->has_marks, 1);
        break;
      }
      uint64_t slots = atomic_exchange(&self->marks[at], 0);
      for (; slots != 0; slots &= slots - 1) {
        const uint32_t slot = at * 64 + (uint32_t)__builtin_ctzll(slots);
        haft_handle *const made = self->chunks[slot / kChunkSlots].made;
        if (made == NULL || made[slot % kChunkSlots] == 0) continue;
        if (__atomic_load_n(&view.slots[slot].state, __ATOMIC_ACQUIRE) ==
            made[slot % kChunkSlots])
          continue;
        made[slot % kChunkSlots] = 0;
        self->scratch[kSlots + count++] = slot;
      }
    }
    if (atomic_load_explicit(&self->has_marks, memory_order_relaxed)) break;
  }
  self->scratch[kAll] = (uint32_t)atomic_exchange(&self->all_marked, 0);
  self->scratch[kCount] = count;
  self->scratch[kStatus] =
      (uint32_t)atomic_load_explicit(&self->has_marks, memory_order_relaxed);
  return NULL;
}

/* --- Memory that JavaScript sees ------------------------------------------*/

/* Gives null if this runtime allows no such buffers, as Electron. */
static napi_value External(napi_env env, void *memory, size_t size) {
  napi_value buffer = NULL;
  if (napi_create_external_arraybuffer(env, memory, size, NULL, NULL,
                                       &buffer) != napi_ok) {
    napi_value ignored;
    bool is_pending = false;
    napi_is_exception_pending(env, &is_pending);
    if (is_pending) napi_get_and_clear_last_exception(env, &ignored);
    return NULL;
  }
  return buffer;
}

static void Set(napi_env env, napi_value object, const char *name,
                napi_value value) {
  if (value != NULL) napi_set_named_property(env, object, name, value);
}

static void SetNumber(napi_env env, napi_value object, const char *name,
                      double number) {
  napi_value value = NULL;
  napi_create_double(env, number, &value);
  Set(env, object, name, value);
}

/* Gives a buffer, its memory, which is zero, and a reference that keeps it. */
static napi_value Buffer(napi_env env, size_t size, void **memory,
                         napi_ref *kept) {
  napi_value buffer = NULL;
  if (napi_create_arraybuffer(env, size, memory, &buffer) != napi_ok ||
      napi_create_reference(env, buffer, 1, kept) != napi_ok)
    return NULL;
  memset(*memory, 0, size);
  return buffer;
}

/* chunk(index): gives what JavaScript keeps for these slots. */
static napi_value MakeChunk(napi_env env, napi_callback_info info) {
  napi_value value;
  size_t count = 1;
  void *data = NULL;
  uint32_t index = 0;
  napi_get_cb_info(env, info, &count, &value, NULL, &data);
  Environment *const self = data;
  napi_get_value_uint32(env, value, &index);
  if (self->chunks == NULL || index >= self->chunk_count) return NULL;
  void *made = NULL;
  void *owned = NULL;
  napi_value result = NULL;
  Chunk *const chunk = &self->chunks[index];
  napi_value made_buffer =
      Buffer(env, kChunkSlots * sizeof(haft_handle), &made, &chunk->kept[0]);
  napi_value owned_buffer =
      Buffer(env, kChunkSlots * sizeof(haft_handle), &owned, &chunk->kept[1]);
  if (made_buffer == NULL || owned_buffer == NULL ||
      napi_create_object(env, &result) != napi_ok)
    return NULL;
  chunk->made = made;
  chunk->owned = owned;
  Set(env, result, "made", made_buffer);
  Set(env, result, "owned", owned_buffer);
  if (self->is_seen) {
    Set(env, result, "slots",
        External(env, view.slots + (size_t)index * kChunkSlots,
                 kChunkSlots * sizeof(haft_slot)));
  }
  return result;
}

static haft_status GetView(void) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  haft_status status = HAFT_OK;
  if (atomic_load(&is_viewed)) return HAFT_OK;
  pthread_mutex_lock(&mutex);
  if (!atomic_load(&is_viewed)) {
    status = haft_table_view(NULL, HAFT_VIEW_ABI, &view);
    if (status == HAFT_OK) atomic_store(&is_viewed, 1);
  }
  pthread_mutex_unlock(&mutex);
  return status;
}

/* open(external): makes the process's table, if there is none. Gives what
 * JavaScript needs for working on it, or undefined and a status. */
static napi_value Open(napi_env env, napi_callback_info info) {
  napi_value value;
  size_t count = 1;
  void *data = NULL;
  bool external = false;
  napi_get_cb_info(env, info, &count, &value, NULL, &data);
  napi_get_value_bool(env, value, &external);
  Environment *const self = data;
  const haft_status status = GetView();
  SetStatus(self, status);
  if (status != HAFT_OK) return NULL;
  const uint32_t slots = SlotCount();
  if (self->marks == NULL) {
    self->marks = calloc(slots / 64 + 1, sizeof(*self->marks));
    self->marked_words = calloc(slots / 4096 + 1, sizeof(*self->marked_words));
  }
  if (self->chunks == NULL) {
    self->chunk_count = (slots + kChunkSlots - 1) / kChunkSlots;
    self->chunks = calloc(self->chunk_count, sizeof(*self->chunks));
  }
  napi_value result = NULL;
  if (self->marks == NULL || self->marked_words == NULL ||
      self->chunks == NULL || napi_create_object(env, &result) != napi_ok) {
    SetStatus(self, HAFT_OUT_OF_MEMORY);
    return NULL;
  }
  SetNumber(env, result, "indexMask", slots - 1);
  SetNumber(env, result, "chunkCount", self->chunk_count);
  SetNumber(env, result, "environment", self->number);
  /* If there is none left, handles are made by calls. */
  if (self->loan == NULL) (void)haft_lend(NULL, &kType, 0, &self->loan);
  if (external) {
    napi_value gate = External(env, (void *)view.gate, sizeof(*view.gate));
    self->is_seen = gate != NULL;
    Set(env, result, "gate", gate);
    if (gate != NULL && self->loan != NULL)
      Set(env, result, "loan", External(env, self->loan, sizeof(*self->loan)));
  }
  return result;
}

/* --- The beginning and the end --------------------------------------------*/

static Environment *TakeEnvironment(void) {
  pthread_mutex_lock(&environments_mutex);
  Environment *self = free_environments;
  if (self != NULL) {
    free_environments = self->next_free;
  } else if (environment_count < MOST_ENVIRONMENTS &&
             (self = calloc(1, sizeof(*self))) != NULL) {
    pthread_mutex_init(&self->mutex, NULL);
    self->number = environment_count++;
    atomic_store(&environments[self->number], self);
  }
  pthread_mutex_unlock(&environments_mutex);
  return self;
}

/* The thread of JavaScript ends: its handles become stale, and so do those of
 * the objects of C that it owns. */
static void OnEnd(void *data) {
  Environment *const self = data;
  pthread_mutex_lock(&self->mutex);
  self->has_ended = 1;
  pthread_mutex_unlock(&self->mutex);
  for (uint32_t i = 0; i < self->chunk_count; ++i) {
    const Chunk chunk = self->chunks[i];
    for (uint32_t j = 0; chunk.made != NULL && j < kChunkSlots; ++j) {
      ends_own = 1;
      /* It is refused if C has deleted it. */
      if (chunk.made[j] != 0 && haft_check(chunk.made[j]) == HAFT_OK)
        haft_delete(chunk.made[j], &kType);
      ends_own = 0;
      if (chunk.owned[j] != 0 && haft_check(chunk.owned[j]) == HAFT_OK)
        haft_delete(chunk.owned[j], NULL);
    }
    for (uint32_t j = 0; j < 2; ++j) {
      if (chunk.kept[j] != NULL)
        napi_delete_reference(self->env, chunk.kept[j]);
    }
  }
  napi_delete_reference(self->env, self->kept);
  ends_own = 1;
  if (self->last != 0 && haft_check(self->last) == HAFT_OK)
    haft_delete(self->last, &kType);
  self->last = 0;
  haft_return(self->loan);
  ends_own = 0;
  self->loan = NULL;
  free(self->chunks);
  self->chunks = NULL;
  self->chunk_count = 0;
  napi_release_threadsafe_function(self->wake, napi_tsfn_abort);
  pthread_mutex_lock(&environments_mutex);
  self->next_free = free_environments;
  free_environments = self;
  pthread_mutex_unlock(&environments_mutex);
}

/* start(function): the function is called in this thread when there are
 * marks. */
static napi_value Start(napi_env env, napi_callback_info info) {
  napi_value function;
  napi_value name;
  size_t count = 1;
  void *data = NULL;
  napi_get_cb_info(env, info, &count, &function, NULL, &data);
  Environment *const self = data;
  if (napi_create_string_utf8(env, "haft", NAPI_AUTO_LENGTH, &name) !=
          napi_ok ||
      napi_create_threadsafe_function(env, function, NULL, name, 0, 1, NULL,
                                      NULL, NULL, NULL,
                                      &self->wake) != napi_ok ||
      /* Hooks run in reverse order: this one before that of `wake`. */
      napi_add_env_cleanup_hook(env, &OnEnd, self) != napi_ok) {
    napi_throw_error(env, NULL, "haft: no memory");
    return NULL;
  }
  /* It does not keep the process from ending. */
  napi_unref_threadsafe_function(env, self->wake);
  atomic_store(&self->has_marks, 0);
  self->has_ended = 0;
  return NULL;
}

static void Throw(napi_env env, const char *text) {
  napi_throw_error(env, "HAFT_INVALID", text);
}

static int IsCompatible(int loaded) {
  const int major = loaded / 10000;
  const int minor = loaded / 100 % 100;
  /* Until 1.0.0 a minor version may break the interface. */
  return major == HAFT_VERSION_MAJOR &&
         (major != 0 || minor == HAFT_VERSION_MINOR) && loaded >= HAFT_VERSION;
}

NAPI_MODULE_INIT() {
  const int loaded = haft_version();
  char text[160];
  if (!IsCompatible(loaded)) {
    snprintf(
        text, sizeof(text),
        "the libhaft that is loaded has version %d.%d.%d, and this package "
        "was built for %d.%d.%d",
        loaded / 10000, loaded / 100 % 100, loaded % 100, HAFT_VERSION_MAJOR,
        HAFT_VERSION_MINOR, HAFT_VERSION_PATCH);
    Throw(env, text);
    return NULL;
  }
  Environment *const self = TakeEnvironment();
  if (self == NULL) {
    Throw(env, "haft: too many threads of JavaScript");
    return NULL;
  }
  self->env = env;
  self->has_ended = 1; /* until Start */
  void *scratch = NULL;
  Set(env, exports, "scratch",
      Buffer(env, kScratchSize, &scratch, &self->kept));
  self->scratch = scratch;
  SetNumber(env, exports, "version", loaded);
  const struct {
    const char *name;
    napi_callback function;
  } natives[] = {
      {"start", Start},       {"open", Open},   {"chunk", MakeChunk},
      {"settle", Settle},     {"make", Make},   {"end", End},
      {"endAt", EndAt},       {"close", Close}, {"find", Find},
      {"check", Check},       {"drain", Drain}, {"describe", Describe},
      {"diagnose", Diagnose}, {"stats", Stats}, {"watched", Watched}};
  for (size_t i = 0; i < sizeof(natives) / sizeof(natives[0]); ++i) {
    napi_value function = NULL;
    napi_create_function(env, natives[i].name, NAPI_AUTO_LENGTH,
                         natives[i].function, self, &function);
    Set(env, exports, natives[i].name, function);
  }
  return exports;
}
