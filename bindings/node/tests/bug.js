'use strict';

// bug.js closed | collected | worker: the bugs of addons today, which
// AddressSanitizer reports.

const { setImmediate: turn } = require('timers/promises');
const { Worker } = require('worker_threads');
const raw = require(process.env.RAW_ADDON);

const bugs = {
  /** A pointer that is used once more. */
  closed() {
    const counter = raw.pointerNew(40);
    raw.pointerDelete(counter);
    raw.pointerAdd(counter, 2);
  },

  /** A listener that only C has, and that is collected. */
  async collected() {
    (() => raw.subscribe((sum) => console.log(sum)))();
    while (raw.countListeners() > 0) {
      await turn();
      gc();
    }
    raw.emit(1);
  },

  /** A listener of a worker that has ended. */
  worker() {
    new Worker(
      `const raw = require(process.env.RAW_ADDON);
      globalThis.listener = (sum) => console.log(sum);
      raw.subscribe(listener);`,
      { eval: true }
    ).on('exit', () => raw.emit(1));
  },
};

bugs[process.argv[2]]();
