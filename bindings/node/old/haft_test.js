'use strict';

// Tests the module haft. Needs --expose-gc and, beside haft's addon, those of the
// tests: RAW_ADDON, PINS_ADDON.

const assert = require('assert');
const { execFileSync } = require('child_process');
const { test } = require('node:test');
const { setImmediate: turn } = require('timers/promises');
const { Worker } = require('worker_threads');

const haft = require('./haft');
const native = require('./haft/native');
const pins = require(process.env.PINS_ADDON);
const raw = require(process.env.RAW_ADDON);

const { Handle, Widget } = haft;

const kStale = { name: 'StaleHandleError', code: 'HAFT_STALE', status: 4 };
const kWrongType = {
  name: 'WrongTypeError',
  code: 'HAFT_WRONG_TYPE',
  status: 5,
};
const kOtherEnvironment = {
  name: 'OtherEnvironmentError',
  code: 'HAFT_OTHER_ENVIRONMENT',
  status: 5,
};

/** Ends when the targets of all references have been collected. */
async function collected(...references) {
  while (references.some((reference) => reference.deref() !== undefined)) {
    await turn();
    gc();
  }
}

/** Runs `body(haft, say, data)` in a worker, and yields its messages. */
function start(body, data) {
  const worker = new Worker(
    `const { parentPort, workerData } = require('worker_threads');
    const haft = require(workerData.path);
    (${body})(haft, (what) => parentPort.postMessage(what), workerData.data);`,
    { eval: true, workerData: { path: require.resolve('./haft'), data } }
  );
  const waiting = [];
  const said = [];
  worker.on('message', (what) => {
    if (waiting.length > 0) waiting.shift().resolve(what);
    else said.push(what);
  });
  worker.ended = new Promise((resolve) => worker.on('exit', resolve));
  worker.failed = new Promise((resolve) => worker.on('error', resolve));
  Promise.race([worker.failed, worker.ended]).then((why) => {
    for (const { reject } of waiting) reject(why);
  });
  worker.next = () =>
    said.length > 0
      ? Promise.resolve(said.shift())
      : new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  return worker;
}

/** Returns the first message of a worker, after it has ended. */
async function run(body, data) {
  const worker = start(body, data);
  const said = await worker.next();
  await worker.ended;
  return said;
}

/** Returns the output of a process that only runs `script`. */
function runProcess(script) {
  return execFileSync(process.execPath, ['-e', script], {
    cwd: __dirname,
    encoding: 'utf8',
    // process.exit releases nothing, and LeakSanitizer would report it.
    env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
  });
}

/** Keeps the event loop alive, which waiting for a listener does not. */
async function listening(promise) {
  const timer = setInterval(() => {}, 1 << 30);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

// --- Handles ----------------------------------------------------------------

test('value until delete', () => {
  const value = {};
  const handle = new Handle(value);
  assert.strictEqual(handle.value(), value);
  handle.check();
  assert(handle.isLive);
  handle.delete();
  assert(!handle.isLive);
  for (const use of ['value', 'check', 'delete']) {
    assert.throws(() => handle[use](), kStale);
  }
});

test('a value may be anything', () => {
  const values = [undefined, null, true, 0.5, 7n, 's', Symbol('s'), [1], test];
  for (const value of values) {
    const handle = new Handle(value);
    assert.strictEqual(handle.value(), value);
    handle.delete();
  }
});

test('a word is an odd BigInt', () => {
  const handle = new Handle('haft');
  assert.strictEqual(typeof handle.word, 'bigint');
  assert.strictEqual(handle.word & 1n, 1n);
  assert.strictEqual(BigInt.asIntN(64, handle.word), handle.word);
  const again = Handle.fromWord(handle.word);
  assert(again instanceof Handle);
  assert.strictEqual(again.value(), 'haft');
  handle.delete();
});

test('what is no handle is refused', () => {
  const handle = new Handle('haft');
  for (let bit = 0n; bit < 64n; ++bit) {
    const forged = Handle.fromWord(handle.word ^ (1n << bit));
    assert(!forged.isLive);
    assert.throws(() => forged.value(), haft.HaftError);
  }
  const refusals = [
    [0n, haft.NullHandleError],
    [12n, haft.MalformedHandleError],
    [-1n, haft.MalformedHandleError],
    [handle.word | (1n << 64n), haft.MalformedHandleError],
    [handle.word ^ 2n, haft.NeverIssuedError],
    [Number(handle.word), TypeError],
    [undefined, TypeError],
  ];
  for (const [word, error] of refusals) {
    for (const use of ['value', 'check', 'delete']) {
      assert.throws(() => Handle.fromWord(word)[use](), error);
    }
  }
  assert.strictEqual(handle.value(), 'haft');
  handle.delete();
});

test('dispose deletes what is not deleted', () => {
  const dispose = Symbol.dispose;
  const handle = new Handle('haft');
  const widget = new Widget(0);
  if (dispose === undefined) {
    handle.delete();
    widget.close();
    return;
  }
  handle[dispose]();
  assert.throws(() => handle.value(), kStale);
  handle[dispose]();
  assert.throws(() => Handle.fromWord(0n)[dispose](), haft.NullHandleError);
  widget[dispose]();
  assert.throws(() => widget.add(1), kStale);
});

test('a handle keeps its value, delete lets go of it', async () => {
  let value = {};
  const reference = new WeakRef(value);
  const handle = new Handle(value);
  value = undefined;
  for (let i = 0; i < 3; ++i) {
    await turn();
    gc();
  }
  assert.strictEqual(handle.value(), reference.deref());
  handle.delete();
  await collected(reference);
});

test('a value pinned by C is let go of by the last pin', async () => {
  const handle = new Handle({});
  const reference = new WeakRef(handle.value());
  assert.strictEqual(pins.pin(handle.word), 0);
  handle.delete();
  for (let i = 0; i < 3; ++i) {
    await turn();
    gc();
  }
  assert.notStrictEqual(reference.deref(), undefined);
  pins.unpin();
  await collected(reference);
});

// --- Widgets ----------------------------------------------------------------

test('use after close throws', () => {
  const widget = new Widget(40);
  assert.strictEqual(widget.add(2), 42);
  widget.close();
  assert.throws(() => widget.add(1), kStale);
  assert.throws(() => widget.addLater(1), kStale);
  widget.close();
});

test('types are told', () => {
  const widget = new Widget(0);
  const handle = new Handle('no listener');
  assert.throws(() => widget.subscribe(handle), kWrongType);
  assert.throws(() => Widget.fromWord(handle.word).add(1), kWrongType);
  assert.throws(() => Widget.fromWord(handle.word).close(), kWrongType);
  assert.throws(() => Handle.fromWord(widget.word).value(), kWrongType);
  assert.throws(() => Handle.fromWord(widget.word).delete(), kWrongType);
  assert.throws(() => Widget.prototype.add.call({}, 1), TypeError);
  assert.throws(() => widget.add('1'), TypeError);
  assert.strictEqual(handle.value(), 'no listener');
  assert.strictEqual(widget.add(1), 1);
  handle.delete();
  widget.close();
});

test('what another addon has wrapped is no widget', () => {
  const other = {};
  raw.wrapNew(other, 7);
  const add = Widget.prototype.add;
  assert.throws(() => add.call(other, 1), haft.MalformedHandleError);
  assert.strictEqual(raw.wrapAdd(other, 0), 7);
});

test('a widget is closed when it is collected', async () => {
  (() => new Widget(0))();
  while (Widget.count() > 0) {
    await turn();
    gc();
  }
  const widget = new Widget(40);
  let borrowed = Widget.fromWord(widget.word);
  const reference = new WeakRef(borrowed);
  borrowed = undefined;
  await collected(reference);
  await turn();
  assert.strictEqual(widget.add(2), 42);
  widget.close();
});

test('a listener hears until it is deleted', () => {
  const heard = [];
  const widget = new Widget(0);
  const listener = new Handle((sum) => heard.push(sum));
  widget.subscribe(listener);
  widget.add(1);
  listener.delete();
  assert.strictEqual(widget.add(1), 2);
  assert.deepStrictEqual(heard, [1]);
  widget.close();
});

test('a listener may delete itself and its widget', () => {
  const widget = new Widget(0);
  let alive;
  const listener = new Handle(() => {
    listener.delete();
    widget.close();
    gc();
    alive = Widget.count();
  });
  widget.subscribe(listener);
  assert.strictEqual(widget.add(1), 1);
  assert.strictEqual(alive, 1);
  assert.strictEqual(Widget.count(), 0);
});

test('what a listener throws is thrown by add', () => {
  const widget = new Widget(0);
  const listener = new Handle((sum) => {
    throw new RangeError(`at ${sum}`);
  });
  widget.subscribe(listener);
  assert.throws(() => widget.add(3), new RangeError('at 3'));
  assert.strictEqual(widget.add(1), 4); // it has been unsubscribed
  listener.delete();
  widget.close();
});

test('a listener hears what another thread adds on its own', async () => {
  const widget = new Widget(0);
  let hear;
  const heard = new Promise((resolve) => (hear = resolve));
  const listener = new Handle((sum) => hear(sum));
  widget.subscribe(listener);
  widget.addLater(3);
  widget.close();
  assert.strictEqual(await listening(heard), 3);
  Widget.join();
  assert.strictEqual(Widget.count(), 0);
  listener.delete();
});

test('a listener deleted before its call comes hears nothing', async () => {
  const widget = new Widget(0);
  const deleted = new Handle(() => assert.fail('called'));
  widget.subscribe(deleted);
  widget.addLater(1);
  Widget.join(); // the call is on its way
  deleted.delete();
  let hear;
  const heard = new Promise((resolve) => (hear = resolve));
  const next = new Handle((sum) => hear(sum));
  widget.subscribe(next);
  widget.addLater(1);
  assert.strictEqual(await listening(heard), 2);
  next.delete();
  widget.close();
  Widget.join();
});

// --- Workers ----------------------------------------------------------------

test("a worker's handles are stale when it has ended", async () => {
  const words = await run(({ Handle, Widget }, say) => {
    globalThis.widget = new Widget(0);
    const words = [];
    for (let i = 0; i < 1000; ++i) words.push(new Handle({ i }).word);
    say([widget.word, ...words]);
  });
  const [widget, ...handles] = words;
  for (const word of handles) {
    assert.throws(() => Handle.fromWord(word).value(), kStale);
    assert.throws(() => Handle.fromWord(word).delete(), kStale);
  }
  assert.throws(() => Widget.fromWord(widget).add(1), kStale);
  assert.strictEqual(Widget.count(), 0);
  assert.strictEqual(native.countEnvironments(), 1);
});

test("a terminated worker's are, too", async () => {
  const worker = start(({ Handle, Widget }, say) => {
    const widget = new Widget(0);
    const listener = new Handle(() => {
      for (;;) {
        // inside of C
      }
    });
    widget.subscribe(listener);
    say([listener.word, widget.word]);
    widget.add(1);
  });
  const [listener, widget] = await worker.next();
  await worker.terminate();
  assert.throws(() => Handle.fromWord(listener).value(), kStale);
  assert.throws(() => Widget.fromWord(widget).add(1), kStale);
  assert.strictEqual(Widget.count(), 0);
  assert.strictEqual(native.countEnvironments(), 1);
});

test('a worker is terminated in a call that came later', async () => {
  const widget = new Widget(0);
  const worker = start(({ Handle, Widget }, say, word) => {
    const listener = new Handle(() => {
      say('called');
      for (;;) {
        // without end
      }
    });
    Widget.fromWord(word).subscribe(listener);
    require('worker_threads').parentPort.on('message', () => {});
    say('subscribed');
  }, widget.word);
  await worker.next();
  widget.add(1);
  assert.strictEqual(await worker.next(), 'called');
  widget.add(1); // this one stays on its way
  assert.strictEqual(await worker.terminate(), 1);
  assert.strictEqual(widget.add(1), 3);
  assert.strictEqual(native.countEnvironments(), 1);
  widget.close();
});

test("another thread's value is refused, and not touched", async () => {
  const handle = new Handle({ main: true });
  const worker = start(({ Handle, Widget }, say, word) => {
    const mine = new Handle({ worker: true });
    const theirs = Handle.fromWord(word);
    const refused = {};
    try {
      theirs.value();
    } catch ({ name, code, status }) {
      Object.assign(refused, { name, code, status });
    }
    theirs.check();
    say({ word: mine.word, refused });
    require('worker_threads').parentPort.once('message', () =>
      say(mine.value())
    );
  }, handle.word);
  const { word, refused } = await worker.next();
  assert.deepStrictEqual(refused, kOtherEnvironment);
  const theirs = Handle.fromWord(word);
  assert.throws(() => theirs.value(), kOtherEnvironment);
  const widget = new Widget(0);
  assert.throws(() => widget.subscribe(theirs), kOtherEnvironment);
  widget.close();
  assert(theirs.isLive);
  worker.postMessage('go on');
  assert.deepStrictEqual(await worker.next(), { worker: true });
  assert.deepStrictEqual(handle.value(), { main: true });
  await worker.ended;
  assert.throws(() => theirs.value(), kStale);
  handle.delete();
});

/** Lets a worker delete handles of this thread, all in one turn of its loop. */
async function deletedElsewhere(then) {
  const go = new Int32Array(new SharedArrayBuffer(4));
  const handles = [];
  const references = [];
  for (let i = 0; i < 100; ++i) {
    handles.push(new Handle({ i }));
    references.push(new WeakRef(handles[i].value()));
  }
  const worker = start(
    ({ Handle }, say, { go, words }) => {
      say('started');
      Atomics.wait(go, 0, 0);
      for (const word of words) Handle.fromWord(word).delete();
      Atomics.store(go, 0, 2);
      Atomics.notify(go, 0);
    },
    { go, words: handles.map((handle) => handle.word) }
  );
  await worker.next();
  await turn();
  Atomics.store(go, 0, 1);
  Atomics.notify(go, 0);
  Atomics.wait(go, 0, 1);
  for (const handle of handles) assert.throws(() => handle.value(), kStale);
  then(references);
  await worker.ended;
  await collected(...references);
}

test('another thread may delete, this one lets go of the value', () =>
  deletedElsewhere((references) => {
    gc();
    assert(references.every((each) => each.deref() !== undefined));
  }));

test('at the next new, when it does not return to its loop', () =>
  deletedElsewhere((references) => {
    new Handle('next').delete();
    gc();
    assert(references.every((each) => each.deref() === undefined));
  }));

test('of threads that delete the same handles one succeeds', async () => {
  const kCount = 2000;
  const begin = new Int32Array(new SharedArrayBuffer(4));
  const handles = [];
  for (let i = 0; i < kCount; ++i) handles.push(new Handle({ i }));
  const references = handles.map((handle) => new WeakRef(handle.value()));
  const remove = ({ Handle, StaleHandleError }, say, { begin, words }) => {
    say('started');
    Atomics.wait(begin, 0, 0);
    let deleted = 0;
    for (const word of words) {
      try {
        Handle.fromWord(word).delete();
        ++deleted;
      } catch (error) {
        if (!(error instanceof StaleHandleError)) throw error;
      }
    }
    say(deleted);
  };
  const words = handles.map((handle) => handle.word);
  const workers = [words, [...words].reverse()].map((words) =>
    start(remove, { begin, words })
  );
  for (const worker of workers) await worker.next();
  Atomics.store(begin, 0, 1);
  Atomics.notify(begin, 0);
  let deleted = 0;
  const say = (count) => (deleted += count === 'started' ? 0 : count);
  remove(haft, say, { begin, words });
  for (const worker of workers) deleted += await worker.next();
  assert.strictEqual(deleted, kCount);
  for (const worker of workers) await worker.ended;
  await collected(...references);
});

test('a worker hears what the main thread adds, until it ends', async () => {
  const widget = new Widget(0);
  const worker = start(({ Handle, Widget }, say, word) => {
    const { parentPort } = require('worker_threads');
    const listener = new Handle((sum) => say(sum));
    Widget.fromWord(word).subscribe(listener);
    parentPort.once('message', () => {});
    say(listener.word);
  }, widget.word);
  const word = await worker.next();
  assert.strictEqual(widget.add(1), 1);
  assert.strictEqual(await worker.next(), 1);
  worker.postMessage('end');
  await worker.ended;
  assert.strictEqual(widget.add(1), 2); // the late call is refused in C
  assert.throws(() => Handle.fromWord(word).check(), kStale);
  widget.close();
});

test('what a listener throws later is uncaught', async () => {
  const widget = new Widget(0);
  const worker = start(({ Handle, Widget }, say, word) => {
    const listener = new Handle((sum) => {
      throw new RangeError(`at ${sum}`);
    });
    Widget.fromWord(word).subscribe(listener);
    require('worker_threads').parentPort.on('message', () => {});
    say('subscribed');
  }, widget.word);
  await worker.next();
  widget.add(3);
  assert.strictEqual((await worker.failed).message, 'at 3');
  await worker.ended;
  widget.close();
});

test("a worker's value that is pinned when it ends", async () => {
  const worker = start(({ Handle }, say) => {
    require('worker_threads').parentPort.once('message', () => {});
    say(new Handle({}).word);
  });
  const word = await worker.next();
  assert.strictEqual(pins.pin(word), 0);
  worker.postMessage('end');
  await worker.ended;
  assert.throws(() => Handle.fromWord(word).value(), kStale);
  assert.strictEqual(native.countEnvironments(), 2);
  pins.unpin(); // destroys it, on this thread
  assert.strictEqual(native.countEnvironments(), 1);
});

test("a worker's value is deleted and pinned when it ends", async () => {
  const worker = start(({ Handle }, say) => {
    require('worker_threads').parentPort.once('message', () => {});
    say(new Handle({}).word);
  });
  const word = await worker.next();
  assert.strictEqual(pins.pin(word), 0);
  Handle.fromWord(word).delete();
  worker.postMessage('end');
  await worker.ended;
  pins.unpin();
  assert.strictEqual(native.countEnvironments(), 1);
});

test('threads of C call workers that are terminated', async () => {
  for (let round = 0; round < 5; ++round) {
    const widget = new Widget(0);
    const worker = start(({ Handle, Widget }, say, word) => {
      Widget.fromWord(word).subscribe(new Handle(() => {}));
      require('worker_threads').parentPort.on('message', () => {});
      say('subscribed');
    }, widget.word);
    await worker.next();
    for (let i = 0; i < 20; ++i) widget.addLater(1);
    const ended = worker.terminate();
    for (let i = 0; i < 20; ++i) widget.addLater(1);
    for (let i = 0; i < 100; ++i) widget.add(1);
    await ended;
    Widget.join();
    assert.strictEqual(widget.add(0), 140);
    widget.close();
  }
  assert.strictEqual(native.countEnvironments(), 1);
});

test('handles are deleted while their worker is terminated', async () => {
  for (let round = 0; round < 5; ++round) {
    const worker = start(({ Handle }, say) => {
      const words = [];
      for (let i = 0; i < 500; ++i) words.push(new Handle({ i }).word);
      say(words);
      for (;;) new Handle({}).delete();
    });
    const words = await worker.next();
    const ended = worker.terminate();
    for (const word of words) {
      try {
        Handle.fromWord(word).delete();
      } catch (error) {
        if (!(error instanceof haft.StaleHandleError)) throw error;
      }
    }
    await ended;
    assert(!words.some((word) => Handle.fromWord(word).isLive));
  }
  assert.strictEqual(native.countEnvironments(), 1);
});

// --- Processes --------------------------------------------------------------

test('a process ends with live handles, and calls on their way', () => {
  for (const end of ['', 'process.exit(0);']) {
    const said = runProcess(`
      const { Handle, Widget } = require('./haft');
      const widget = new Widget(0);
      globalThis.listener = new Handle(() => {});
      widget.subscribe(listener);
      for (let i = 0; i < 20; ++i) widget.addLater(1);
      Widget.join();
      console.log('done');
      ${end}`);
    assert.strictEqual(said, 'done\n');
  }
});

test('a process of which only workers have the module', () => {
  // Node would unload the addon with the last of them if it were not linked with
  // nodelete.
  const said = runProcess(`
    const { Worker } = require('worker_threads');
    const pins = require(process.env.PINS_ADDON);
    const script = \`
      const { parentPort } = require('worker_threads');
      parentPort.once('message', () => {});
      parentPort.postMessage(new (require('./haft').Handle)({}).word);\`;
    const start = (ended) => {
      const worker = new Worker(script, { eval: true });
      worker.on('message', (word) => {
        console.log(pins.pin(word));
        worker.postMessage('end');
      });
      worker.on('exit', () => {
        pins.unpin();
        ended();
      });
    };
    start(() => start(() => console.log('done')));`);
  assert.strictEqual(said, '0\n0\ndone\n');
});
