'use strict';

const native = require('./native');

/**
 * A widget of widget.h. Any thread may use it by its word while another closes
 * it. It is closed when the Widget that made it is collected or its thread ends.
 */
class Widget {
  constructor(sum) {
    native.widgetNew(this, sum);
  }

  /** Returns a Widget for a word that other code has made and will close. */
  static fromWord(word) {
    const widget = Object.create(this.prototype);
    native.widgetBorrow(widget, word);
    return widget;
  }

  /** A BigInt. */
  get word() {
    return native.widgetWord(this);
  }

  /** Returns the new sum. Throws the error of a listener that throws. */
  add(amount) {
    return native.widgetAdd(this, amount);
  }

  /** Adds on a thread of the library; see join. */
  addLater(amount) {
    native.widgetAddLater(this, amount);
  }

  /**
   * Calls a function with each new sum, until its handle is deleted. If add() is
   * called on this thread, the call is made inside add(); otherwise it is made
   * later from the event loop, which it does not keep alive.
   */
  subscribe(handle) {
    native.widgetSubscribe(this, handle.word);
  }

  /** Ends the widget. The second time it does nothing. */
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
