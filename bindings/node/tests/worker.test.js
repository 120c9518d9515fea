'use strict';

// Threads of JavaScript.

const assert = require('assert');
const { test } = require('node:test');

const haft = require('haft');
const { kStale, kOtherThread, collected, start, run, runProcess, natives } = require('./support');

const { create, value, remove, check, isLive } = haft;

test("a worker's handles are stale when it has ended", async () => {
  const before = haft.stats().live;
  const words = await run((require, say) => {
    const { create } = require('haft');
    say(Array.from({ length: 3000 }, (_, i) => create({ i })));
  });
  for (const word of words) {
    assert.throws(() => value(word), kStale);
    assert.throws(() => remove(word), kStale);
  }
  assert.strictEqual(haft.stats().live, before);
});

test("a terminated worker's are, too, and its loan is returned", async () => {
  for (let round = 0; round < 5; ++round) {
    const before = haft.stats().live;
    const worker = start((require, say) => {
      const { create, remove } = require('haft');
      say(Array.from({ length: 500 }, (_, i) => create({ i })));
      for (;;) remove(create({}));
    });
    const words = await worker.next();
    const ended = worker.terminate();
    for (const word of words) natives.remove(word);
    await ended;
    assert(!words.some(isLive));
    assert.strictEqual(haft.stats().live, before);
  }
});

test('a worker without a loan makes handles by calls, and each worker returns its loan', async () => {
  const work = (require, say) => {
    const { create, remove, value } = require('haft');
    const words = Array.from({ length: 300 }, (_, i) => create(i));
    words.forEach((word, i) => value(word) === i || say('another value'));
    words.forEach((word, i) => i % 2 === 0 && remove(word));
    say(words);
  };
  remove(create(1));
  const most = natives.lendAll();
  assert(most > 100);
  const words = await run(work);
  assert.strictEqual(words.length, 300);
  assert(!words.some(isLive));
  natives.returnAll();
  for (let i = 0; i < 4; ++i) await run(work);
  assert.strictEqual(natives.lendAll(), most);
  natives.returnAll();
});

test("another thread's object is refused, and not touched", async () => {
  const word = create({ main: true });
  const worker = start(
    (require, say, theirs, parentPort) => {
      const { create, value, check } = require('haft');
      const mine = create({ worker: true });
      const refused = {};
      try {
        value(theirs);
      } catch ({ name, code, status }) {
        Object.assign(refused, { name, code, status });
      }
      check(theirs);
      say({ word: mine, refused });
      parentPort.once('message', () => say(value(mine)));
    },
    word
  );
  const { word: theirs, refused } = await worker.next();
  assert.deepStrictEqual(refused, kOtherThread);
  assert.throws(() => value(theirs), kOtherThread);
  check(theirs);
  worker.postMessage('go on');
  assert.deepStrictEqual(await worker.next(), { worker: true });
  assert.deepStrictEqual(value(word), { main: true });
  await worker.ended;
  assert.throws(() => value(theirs), kStale);
  remove(word);
});

test('another thread may delete; the object is let go of', async () => {
  const words = Array.from({ length: 100 }, (_, i) => create({ i }));
  const references = words.map((word) => new WeakRef(value(word)));
  const deleted = await run((require, say, words) => {
    const { remove } = require('haft');
    words.forEach(remove);
    say(words.length);
  }, words);
  assert.strictEqual(deleted, 100);
  for (const word of words) assert.throws(() => value(word), kStale);
  await collected(...references);
});

test('of threads that delete the same handles one succeeds', async () => {
  const kCount = 2000;
  const begin = new Int32Array(new SharedArrayBuffer(4));
  const words = Array.from({ length: kCount }, (_, i) => create({ i }));
  const references = words.map((word) => new WeakRef(value(word)));
  const removeAll = (require, say, { begin, words }) => {
    const { remove, StaleHandleError } = require('haft');
    say('started');
    Atomics.wait(begin, 0, 0);
    let deleted = 0;
    for (const word of words) {
      try {
        remove(word);
        ++deleted;
      } catch (error) {
        if (!(error instanceof StaleHandleError)) throw error;
      }
    }
    say(deleted);
  };
  const workers = [words, [...words].reverse()].map((each) => start(removeAll, { begin, words: each }));
  for (const worker of workers) await worker.next();
  Atomics.store(begin, 0, 1);
  Atomics.notify(begin, 0);
  let deleted = 0;
  removeAll(require, (count) => (deleted += count === 'started' ? 0 : count), { begin, words });
  for (const worker of workers) deleted += await worker.next();
  assert.strictEqual(deleted, kCount);
  for (const worker of workers) await worker.ended;
  await collected(...references);
});

test('two threads that make and delete at the same time', async () => {
  const before = haft.stats();
  const cycle = (require, say, count) => {
    const { create, value, remove } = require('haft');
    for (let i = 0; i < count; ++i) {
      const word = create(i);
      if (value(word) !== i) throw new Error('another value');
      remove(word);
    }
    say(count);
  };
  const workers = [1, 2].map(() => start(cycle, 30000));
  for (const worker of workers) assert.strictEqual(await worker.next(), 30000);
  for (const worker of workers) await worker.ended;
  const after = haft.stats();
  assert.strictEqual(after.live, before.live);
  assert.strictEqual(after.created, before.created + 60000);
});

test("a worker's handle that is pinned when it ends", async () => {
  const worker = start((require, say, _, parentPort) => {
    parentPort.once('message', () => {});
    say(require('haft').create({}));
  });
  const word = await worker.next();
  assert.strictEqual(natives.pin(word), 0);
  worker.postMessage('end');
  await worker.ended;
  assert.throws(() => value(word), kStale);
  natives.unpin(); // destroys it, on this thread
  // Another worker has the place of the first.
  await run((require, say) => say(require('haft').create({})));
});

test('a process ends with live handles', () => {
  for (const end of ['', 'process.exit(0);']) {
    const said = runProcess(`
      const { create, OwnedHandle } = require('haft');
      for (let i = 0; i < 3000; ++i) create({ i });
      globalThis.owned = new OwnedHandle({});
      console.log('done');
      ${end}`);
    assert.strictEqual(said, 'done\n');
  }
});

test('a process of which only workers have the package', () => {
  // Node would unload the addon with the last of them if it were not linked with nodelete.
  const said = runProcess(`
    const { Worker } = require('worker_threads');
    const natives = require(process.env.TEST_ADDONS + '/natives.node');
    const script = \`
      const { parentPort } = require('worker_threads');
      parentPort.once('message', () => {});
      parentPort.postMessage(require('haft').create({}));\`;
    const start = (ended) => {
      const worker = new Worker(script, { eval: true });
      worker.on('message', (word) => {
        console.log(natives.pin(word));
        worker.postMessage('end');
      });
      worker.on('exit', () => {
        natives.unpin();
        ended();
      });
    };
    start(() => start(() => console.log('done')));`);
  assert.strictEqual(said, '0\n0\ndone\n');
});
