'use strict';

// Objects of a C++ library, and functions of JavaScript that it calls.

const { errorFor, OwnedHandle, Resource, value } = require('haft');

const native = require(process.env.WIDGET_ADDON ?? './widget.node');

// The library has the word of a function. If the function was removed before its call comes, it is not called any more.
native.start((word, sum) => {
  let listener;
  try {
    listener = value(word);
  } catch {
    return;
  }
  listener(sum);
}, errorFor);

/** A widget of widget.h. Any thread may use it by its word while another closes it. */
class Widget extends Resource {
  /** @param {number} sum */
  constructor(sum) {
    super(native.widgetNew(sum));
  }

  /**
   * Returns the new sum. Throws what a listener throws.
   * @param {number} amount
   * @returns {number}
   */
  add(amount) {
    return native.widgetAdd(this.word, amount);
  }

  /**
   * Adds on a thread of the library; see join.
   * @param {number} amount
   */
  addLater(amount) {
    native.widgetAddLater(this.word, amount);
  }

  /**
   * Calls the listener with each new sum, until it is closed. The call is made inside add() if this thread calls that; otherwise it
   * comes later, from the event loop.
   * @param {Listener} listener
   */
  subscribe(listener) {
    native.widgetSubscribe(this.word, listener.word);
  }

  /** Waits for all that addLater has started. */
  static join() {
    native.widgetJoin();
  }

  /** @returns {number} */
  static count() {
    return native.widgetCount();
  }
}

/** A function that the library can call. */
class Listener extends Resource {
  #function;

  /** @param {(sum: number) => void} listener */
  constructor(listener) {
    const handle = new OwnedHandle(listener);
    super(native.listenerNew(handle.word));
    this.#function = handle;
  }

  close() {
    if (this.#function.isLive) this.#function.delete();
    super.close();
  }
}

module.exports = { Widget, Listener };
