'use strict';

const { StaleHandleError } = require('./errors');
const table = require('./table');

const { close, own, toWord } = table.internal;
const kBorrowed = Symbol('borrowed');

/** Ends a handle whose wrapper has been collected. It may have ended long before; then it is stale, and nothing happens. */
const collectedHandles = new FinalizationRegistry((word) => {
  if (table.isLive(word)) table.remove(word);
});
const collectedResources = new FinalizationRegistry((word) => close(word));

/** The handle of a JavaScript value, which C gets in place of it. */
class Handle {
  #word;

  constructor(object, how) {
    this.#word = how === kBorrowed ? object : table.create(object);
  }
  static from(handle) {
    return new Handle(toWord(handle), kBorrowed);
  }
  get word() {
    return this.#word;
  }
  value() {
    return table.value(this.#word);
  }
  check() {
    table.check(this.#word);
  }
  get isLive() {
    return table.isLive(this.#word);
  }
  delete() {
    table.remove(this.#word);
  }
  toBigInt() {
    return table.toBigInt(this.#word);
  }
  toString() {
    return `0x${this.toBigInt().toString(16)}`;
  }
}

/** A Handle that deletes itself when it is collected. */
class OwnedHandle extends Handle {
  constructor(object) {
    super(object);
    collectedHandles.register(this, this.word);
  }
}

/** The JavaScript side of an object of C or C++, which it owns. */
class Resource {
  #word;

  constructor(handle, how) {
    const word = toWord(handle);
    this.#word = word;
    if (how === kBorrowed) return;
    own(word);
    collectedResources.register(this, word);
  }
  static borrow(handle) {
    return Reflect.construct(Resource, [handle, kBorrowed], this);
  }
  get word() {
    return this.#word;
  }
  get isLive() {
    return table.isLive(this.#word);
  }
  close() {
    close(this.#word);
  }
}

// `using` ends what has not been ended.
if (Symbol.dispose !== undefined) {
  Handle.prototype[Symbol.dispose] = function dispose() {
    try {
      this.delete();
    } catch (error) {
      if (!(error instanceof StaleHandleError)) throw error;
    }
  };
  Resource.prototype[Symbol.dispose] = function dispose() {
    this.close();
  };
}

module.exports = { Handle, OwnedHandle, Resource };
