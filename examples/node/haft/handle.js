'use strict';

const native = require('./native');
const { StaleHandleError } = require('./errors');

/**
 * A JavaScript value for C to keep: C gets the word. The value is kept until
 * delete(), by whatever thread, or until the thread that made it ends; a
 * Handle that is collected deletes nothing, for C may still have the word.
 */
class Handle {
  constructor(value) {
    /** A BigInt. */
    this.word = native.newHandle(value);
  }

  /** A handle that somebody else has made, live or not. */
  static fromWord(word) {
    const handle = Object.create(this.prototype);
    handle.word = word;
    return handle;
  }

  /** The value, on the thread that made it. */
  value() {
    return native.value(this.word);
  }

  /** Throws why the handle is refused, if it is. */
  check() {
    native.check(this.word);
  }

  /** Whether it is, or rather was when it was looked at, live. */
  get isLive() {
    return native.isLive(this.word);
  }

  /** Ends the handle. Any thread may; the second time it throws. */
  delete() {
    native.deleteHandle(this.word);
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
}

module.exports = { Handle };
