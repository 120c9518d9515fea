'use strict';

const native = require('./native');

/**
 * A widget of widget.h. Any thread may use it, by its word, while any other
 * closes it. It is closed when the Widget that made it is collected, or its
 * thread ends.
 */
class Widget {
  constructor(sum) {
    native.widgetNew(this, sum);
  }

  /** Somebody else's, who closes it. */
  static fromWord(word) {
    const widget = Object.create(this.prototype);
    native.widgetBorrow(widget, word);
    return widget;
  }

  /** A BigInt. */
  get word() {
    return native.widgetWord(this);
  }

  /** Returns the new sum. What a listener throws, this throws. */
  add(amount) {
    return native.widgetAdd(this, amount);
  }

  /** Adds on a thread of the library's own; see join. */
  addLater(amount) {
    native.widgetAddLater(this, amount);
  }

  /**
   * Calls a function with each new sum, until its handle is deleted: inside of
   * add() if that is on this thread, else later from the event loop, which
   * this does not keep alive.
   */
  subscribe(handle) {
    native.widgetSubscribe(this, handle.word);
  }

  /** Ends it; the second time it does nothing. */
  close() {
    native.widgetClose(this);
  }

  static join() {
    native.widgetJoin();
  }

  static count() {
    return native.widgetCount();
  }
}

if (Symbol.dispose !== undefined) {
  Widget.prototype[Symbol.dispose] = Widget.prototype.close;
}

module.exports = { Widget };
