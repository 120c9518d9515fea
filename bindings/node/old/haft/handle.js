'use strict';

const native = require('./native');
const { StaleHandleError } = require('./errors');

/**
 * The handle of a JavaScript value that C keeps: C gets the word. The value is
 * kept until any thread calls delete(), or until the thread that made it ends. A
 * Handle that is collected deletes nothing, because C may still have the word.
 */
class Handle {
  constructor(value) {
    /** A BigInt. */
    this.word = native.newHandle(value);
  }

  /** Returns a Handle for a word that other code has made, live or not. */
  static fromWord(word) {
    const handle = Object.create(this.prototype);
    handle.word = word;
    return handle;
  }

  /** Returns the value, on the thread that made it. */
  value() {
    return native.value(this.word);
  }

  /** Throws the reason if the handle is refused. */
  check() {
    native.check(this.word);
  }

  /** Returns whether the handle was live at the moment of the check. */
  get isLive() {
    return native.isLive(this.word);
  }

  /** Ends the handle. Any thread may call it. The second time it throws. */
  delete() {
    native.deleteHandle(this.word);
  }
}

// `using` ends the handle if it has not been ended.
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
