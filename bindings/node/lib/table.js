'use strict';

// The handles of JavaScript objects, worked on in the memory of the table as haft/view.h says.

const { InvalidArgumentError, kOtherThread, makeError } = require('./errors');
const { native } = require('./native');

// As in src/addon.c.
const kArgument = 0;
const kStatus = 2;
const kCount = 3;
const kAll = 4;
const kSlots = 16;
const kChunkBits = 10;
const kChunkSlots = 1 << kChunkBits;

// As in view.h. A slot has eight doubles.
const kWatched = 1;
const kSlotSize = 8;
const kState = 3;
const kContextLow = 14;
const kContextHigh = 15;
const kReadyCount = 0;
const kReady = 2;

// A double that was written is read as its bits.
const words = new Float64Array(native.scratch);
const bits = new Uint32Array(native.scratch);

/** All that JavaScript knows about kChunkSlots slots. */
class Chunk {
  /**
   * The handles in `made` are those of `objects`, until JavaScript deletes them. Those in `owned` are of objects of C, which
   * end with this thread. If `slots` is undefined, nothing is found in the table's own words, so all work is left to calls.
   */
  constructor(made, owned, slots) {
    this.made = new Float64Array(made);
    this.owned = new Float64Array(owned);
    this.objects = new Array(kChunkSlots).fill(undefined);
    this.slots = slots === undefined ? new Float64Array(kChunkSlots * kSlotSize).fill(NaN) : new Float64Array(slots);
    this.halves = new Uint32Array(this.slots.buffer);
  }
}

// In place of a chunk that is not needed yet. No handle is found in it.
const none = new Chunk(8 * kChunkSlots, 8 * kChunkSlots);
none.made = new Float64Array(kChunkSlots).fill(NaN);

// Until the table is opened, and if its memory cannot be seen, diagnostics seem to watch.
let gate = new Uint32Array([kWatched, 0]);
let ready = new Float64Array(kReady);
let counts = new Uint32Array(ready.buffer);
let chunks = [none];
let indexMask = 0;
let environment = 0;
let isOpen = false;
let isSeen = false;

/** Whether JavaScript may store to the table: where stores come into effect in the order of the program. */
const mayStore = process.arch === 'x64' && process.env.HAFT_NODE_STORES !== '0';

function open() {
  const table = native.open(process.env.HAFT_NODE_MEMORY !== '0');
  if (table === undefined) throw makeError(bits[kStatus], undefined, 'haft_table_view');
  ({ indexMask, environment } = table);
  chunks = new Array(table.chunkCount).fill(none);
  isOpen = true;
  isSeen = table.gate !== undefined;
  if (isSeen) gate = new Uint32Array(table.gate);
  if (table.loan !== undefined && mayStore) {
    ready = new Float64Array(table.loan);
    counts = new Uint32Array(table.loan);
  }
}

/** Makes the chunk that slot `index` is in. */
function addChunk(index) {
  const made = native.chunk(index >>> kChunkBits);
  if (made === undefined) throw makeError(7, undefined, '');
  return (chunks[index >>> kChunkBits] = new Chunk(made.made, made.owned, made.slots));
}

/** Returns the line that has called this package, for diagnostics. */
function place() {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const at = {};
  try {
    Error.stackTraceLimit = 20;
    Error.prepareStackTrace = (_, sites) => sites.find((site) => !site.getFileName()?.startsWith(__dirname));
    Error.captureStackTrace(at);
    const site = at.stack;
    return [site?.getFileName() ?? '', site?.getLineNumber() ?? 0];
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  }
}

/** Whether diagnostics watch, so that calls say from which lines they are made. */
function isWatched() {
  if (isSeen) return gate[0] === kWatched;
  native.watched();
  return bits[kStatus] !== 0;
}
const placeIfWatched = () => (isWatched() ? place() : ['', 0]);

/** Lets go of the objects whose handles other code has deleted. */
function drain() {
  if (!isOpen) return;
  let more;
  do {
    native.drain();
    const count = bits[kCount];
    for (let i = 0; i < count; ++i) {
      const index = bits[kSlots + i];
      chunks[index >>> kChunkBits].objects[index & (kChunkSlots - 1)] = undefined;
    }
    more = bits[kStatus] !== 0;
    if (bits[kAll] !== 0) sweep();
  } while (more);
}

/** The same for handles of which it is not known in which slot they were. */
function sweep() {
  for (const chunk of chunks) {
    if (chunk === none) continue;
    for (let i = 0; i < kChunkSlots; ++i) {
      if (chunk.made[i] === 0) continue;
      words[kArgument] = chunk.made[i];
      native.check();
      if (bits[kStatus] === 0) continue;
      chunk.made[i] = 0;
      chunk.objects[i] = undefined;
    }
  }
}

/** Throws the error of a status about a handle. */
function refuse(status, word) {
  words[kArgument] = word;
  throw makeError(status, word, native.describe());
}

const kMarker = 1n << 62n;
const converter = new BigUint64Array(1);
const converted = new Float64Array(converter.buffer);

/** Returns the word of a handle in 64 bits. */
function toBigInt(handle) {
  converted[0] = toWord(handle);
  return converter[0];
}

/** Returns the number of a handle that is given in 64 bits. */
function fromBigInt(bigint) {
  if (typeof bigint !== 'bigint') throw new TypeError('a word is a bigint');
  const word = BigInt.asUintN(64, bigint);
  converter[0] = word;
  // Other words than these do not survive as doubles, or are no words.
  if (word !== bigint || ((word & kMarker) !== 0n && Number.isNaN(converted[0]))) {
    throw makeError(2, bigint, `${bigint} is not a word that a number can stand for`);
  }
  return Number.isNaN(converted[0]) ? NaN : converted[0];
}

/** Returns the number of a handle in any form. */
function toWord(handle) {
  if (typeof handle === 'number') return handle;
  if (typeof handle === 'bigint') return fromBigInt(handle);
  const word = handle?.word;
  if (typeof word !== 'number') throw new TypeError('a handle is a number, a bigint, a Handle or a Resource');
  return word;
}

/** Makes a handle of a JavaScript value, which is kept until the handle is deleted or this thread ends. */
function create(object) {
  const left = counts[kReadyCount];
  if (left === 0 || gate[0] === kWatched) return createByCall(object);
  const word = ready[kReady + left - 1];
  words[kArgument] = word;
  const index = (bits[kArgument] >>> 1) & indexMask;
  let chunk = chunks[index >>> kChunkBits];
  if (chunk === none) chunk = addChunk(index);
  const i = index & (kChunkSlots - 1);
  // From here on nothing can interrupt or throw.
  counts[kReadyCount] = left - 1;
  if (word !== word) return createByCall(object); // the slot is used up
  chunk.objects[i] = object;
  chunk.made[i] = word;
  chunk.halves[2 * kSlotSize * i + kContextLow] = (index << 1) | 1;
  chunk.halves[2 * kSlotSize * i + kContextHigh] = environment;
  chunk.slots[kSlotSize * i + kState] = word;
  return word;
}

function createByCall(object) {
  if (!isOpen) open();
  if (gate[0] !== kWatched && counts.length > 4) {
    if (counts[kReadyCount] === 0) {
      native.settle();
      if (bits[kCount] !== 0) drain();
    }
    if (counts[kReadyCount] !== 0) return create(object);
  }
  if (isWatched()) native.make(...place());
  else native.make();
  if (bits[kStatus] !== 0) throw makeError(bits[kStatus], undefined, '');
  const word = words[kArgument];
  const isMarked = bits[kCount] !== 0;
  const index = (bits[kArgument] >>> 1) & indexMask;
  let chunk = chunks[index >>> kChunkBits];
  if (chunk === none) chunk = addChunk(index);
  chunk.objects[index & (kChunkSlots - 1)] = object;
  chunk.made[index & (kChunkSlots - 1)] = word;
  if (isMarked) drain();
  return word;
}

/** Returns the object of a handle that this thread has made. */
function value(handle) {
  if (typeof handle === 'number') {
    words[kArgument] = handle;
    const index = (bits[kArgument] >>> 1) & indexMask;
    const chunk = chunks[index >>> kChunkBits];
    const i = index & (kChunkSlots - 1);
    if (chunk.slots[kSlotSize * i + kState] === handle && chunk.made[i] === handle && gate[0] !== kWatched) {
      return chunk.objects[i];
    }
  }
  return valueByCall(handle);
}

function valueByCall(handle) {
  const word = toWord(handle);
  if (!isOpen) open();
  words[kArgument] = word;
  const index = (bits[kArgument] >>> 1) & indexMask;
  native.find();
  if (bits[kStatus] !== 0) refuse(bits[kStatus], word);
  const chunk = chunks[index >>> kChunkBits];
  if (chunk.made[index & (kChunkSlots - 1)] !== word) refuse(kOtherThread, word);
  return chunk.objects[index & (kChunkSlots - 1)];
}

/** Deletes the handle of a JavaScript object, of any thread's. */
function remove(handle) {
  if (typeof handle === 'number') {
    words[kArgument] = handle;
    const index = (bits[kArgument] >>> 1) & indexMask;
    const chunk = chunks[index >>> kChunkBits];
    const i = index & (kChunkSlots - 1);
    if (chunk.made[i] === handle && gate[0] !== kWatched) {
      native.end();
      if (bits[kStatus] === 0) {
        chunk.made[i] = 0;
        chunk.objects[i] = undefined;
        return;
      }
    }
  }
  removeByCall(handle);
}

function removeByCall(handle) {
  const word = toWord(handle);
  if (!isOpen) open();
  const [file, line] = placeIfWatched();
  words[kArgument] = word;
  const index = (bits[kArgument] >>> 1) & indexMask;
  native.endAt(file, line);
  if (bits[kStatus] !== 0) refuse(bits[kStatus], word);
  const chunk = chunks[index >>> kChunkBits];
  const i = index & (kChunkSlots - 1);
  if (chunk.made[i] === word) {
    chunk.made[i] = 0;
    chunk.objects[i] = undefined;
  }
}

/** Throws the reason if the handle is refused, whatever it stands for. */
function check(handle) {
  const word = toWord(handle);
  words[kArgument] = word;
  native.check();
  if (bits[kStatus] !== 0) refuse(bits[kStatus], word);
}

/** Returns whether the handle is live, whatever it stands for. */
function isLive(handle) {
  words[kArgument] = toWord(handle);
  native.check();
  return bits[kStatus] === 0;
}

/** Returns all that the table knows about a handle. */
function describe(handle) {
  words[kArgument] = toWord(handle);
  return native.describe();
}

/** Lets the handle of an object of C end with this thread. */
function own(word) {
  if (!isOpen) open();
  words[kArgument] = word;
  native.check();
  if (bits[kStatus] !== 0) refuse(bits[kStatus], word);
  setOwned(word);
}
function setOwned(word) {
  words[kArgument] = word;
  const index = (bits[kArgument] >>> 1) & indexMask;
  let chunk = chunks[index >>> kChunkBits];
  if (chunk === none) chunk = addChunk(index);
  chunk.owned[index & (kChunkSlots - 1)] = word;
}

/** Deletes the handle of an object of C. Returns whether it was live. */
function close(word) {
  const [file, line] = placeIfWatched();
  words[kArgument] = word;
  const index = (bits[kArgument] >>> 1) & indexMask;
  const chunk = chunks[index >>> kChunkBits];
  if (line === 0) native.close();
  else native.close(file, line);
  const status = bits[kStatus];
  // Another object may have the slot by now.
  if (chunk !== none && chunk.owned[index & (kChunkSlots - 1)] === word) chunk.owned[index & (kChunkSlots - 1)] = 0;
  if (status !== 0 && status !== 4) refuse(status, word);
  return status === 0;
}

/** Returns the error of a status that C has returned, about a handle. */
function errorFor(status, handle) {
  if (handle === undefined) return makeError(status, undefined, '');
  const word = toWord(handle);
  words[kArgument] = word;
  return makeError(status, word, native.describe());
}

/** Turns diagnostics on, before the first handle is made in the process. */
function diagnose({ leaks = false } = {}) {
  native.diagnose(leaks ? 3 : 1);
  if (bits[kStatus] !== 0) throw new InvalidArgumentError('diagnostics are turned on too late', undefined, '');
}

/** Returns figures of the process's table. */
function stats() {
  const numbers = native.stats();
  if (bits[kStatus] !== 0) throw makeError(bits[kStatus], undefined, '');
  const [live, created, deleted, capacity] = numbers;
  return { live, created, deleted, capacity };
}

native.start(drain);

module.exports = {
  create,
  value,
  remove,
  check,
  isLive,
  describe,
  toBigInt,
  fromBigInt,
  errorFor,
  diagnose,
  stats,
  internal: {
    own,
    close,
    toWord,
    isOwn: (word) => {
      words[kArgument] = word;
      const index = (bits[kArgument] >>> 1) & indexMask;
      return chunks[index >>> kChunkBits].made[index & (kChunkSlots - 1)] === word;
    },
    ready: () => ready,
    counts: () => counts,
    isSeen: () => isSeen,
  },
};
