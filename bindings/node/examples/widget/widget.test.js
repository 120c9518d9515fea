'use strict';

const assert = require('assert');
const { test } = require('node:test');
const { setImmediate: turn } = require('timers/promises');

const haft = require('haft');
const { kStale, kWrongType, until, start, runProcess } = require('./support');
const { Listener, Widget } = require('./widget');

/** Keeps the event loop alive, which waiting for a listener does not. */
async function listening(promise) {
  const timer = setInterval(() => {}, 1 << 30);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

test('use after close throws', () => {
  const widget = new Widget(40);
  assert.strictEqual(widget.add(2), 42);
  widget.close();
  assert.throws(() => widget.add(1), { ...kStale, word: widget.word });
  assert.throws(() => widget.addLater(1), kStale);
  widget.close();
});

test('types are told', () => {
  const widget = new Widget(0);
  const word = haft.create('no widget');
  assert.throws(() => Widget.borrow(word).add(1), kWrongType);
  assert.throws(() => widget.subscribe(Listener.borrow(word)), kWrongType);
  assert.throws(() => haft.value(widget.word), kWrongType);
  assert.throws(() => Widget.prototype.add.call({}, 1), TypeError);
  assert.throws(() => widget.add('1'), TypeError);
  assert.strictEqual(Widget.borrow(haft.toBigInt(widget)).add(1), 1);
  haft.remove(word);
  widget.close();
});

test('a widget is closed when it is collected', async () => {
  (() => new Widget(0))();
  await until(() => Widget.count() === 0);
});

test('a listener hears until it is closed', () => {
  const heard = [];
  const widget = new Widget(0);
  const listener = new Listener((sum) => heard.push(sum));
  widget.subscribe(listener);
  widget.add(1);
  listener.close();
  listener.close();
  assert.strictEqual(widget.add(1), 2);
  assert.deepStrictEqual(heard, [1]);
  widget.close();
});

test('a listener may close itself and its widget', () => {
  const widget = new Widget(0);
  let alive;
  const listener = new Listener(() => {
    listener.close();
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
  const listener = new Listener((sum) => {
    throw new RangeError(`at ${sum}`);
  });
  widget.subscribe(listener);
  assert.throws(() => widget.add(3), new RangeError('at 3'));
  assert.strictEqual(widget.add(1), 4); // it has been unsubscribed
  listener.close();
  widget.close();
});

test('a listener hears what another thread adds on its own', async () => {
  const widget = new Widget(0);
  let hear;
  const heard = new Promise((resolve) => (hear = resolve));
  const listener = new Listener((sum) => hear(sum));
  widget.subscribe(listener);
  widget.addLater(3);
  widget.close();
  assert.strictEqual(await listening(heard), 3);
  Widget.join();
  assert.strictEqual(Widget.count(), 0);
  listener.close();
});

test('a listener closed before its call comes hears nothing', async () => {
  const widget = new Widget(0);
  const closed = new Listener(() => assert.fail('called'));
  widget.subscribe(closed);
  widget.addLater(1);
  Widget.join(); // the call is on its way
  closed.close();
  let hear;
  const heard = new Promise((resolve) => (hear = resolve));
  const next = new Listener((sum) => hear(sum));
  widget.subscribe(next);
  widget.addLater(1);
  assert.strictEqual(await listening(heard), 2);
  next.close();
  widget.close();
  Widget.join();
});

test('a worker hears what the main thread adds, until it ends', async () => {
  const widget = new Widget(0);
  const worker = start(
    (require, say, word, parentPort) => {
      const { Listener, Widget } = require('./widget');
      const listener = new Listener((sum) => say(sum));
      Widget.borrow(word).subscribe(listener);
      parentPort.once('message', () => {});
      say(listener.word);
    },
    widget.word
  );
  const word = await worker.next();
  assert.strictEqual(widget.add(1), 1);
  assert.strictEqual(await worker.next(), 1);
  worker.postMessage('end');
  await worker.ended;
  assert.strictEqual(widget.add(1), 2); // the late call is refused in C
  assert.throws(() => haft.check(word), kStale);
  widget.close();
});

test('what a listener throws later is uncaught', async () => {
  const widget = new Widget(0);
  const worker = start(
    (require, say, word, parentPort) => {
      const { Listener, Widget } = require('./widget');
      globalThis.listener = new Listener((sum) => {
        throw new RangeError(`at ${sum}`);
      });
      Widget.borrow(word).subscribe(listener);
      parentPort.on('message', () => {});
      say('subscribed');
    },
    widget.word
  );
  await worker.next();
  widget.add(3);
  assert.strictEqual((await worker.failed).message, 'at 3');
  await worker.ended;
  widget.close();
});

test('a worker is terminated in a call that came later', async () => {
  const widget = new Widget(0);
  const worker = start(
    (require, say, word, parentPort) => {
      const { Listener, Widget } = require('./widget');
      globalThis.listener = new Listener(() => {
        say('called');
        for (;;) {
          // without end
        }
      });
      Widget.borrow(word).subscribe(listener);
      parentPort.on('message', () => {});
      say('subscribed');
    },
    widget.word
  );
  await worker.next();
  widget.add(1);
  assert.strictEqual(await worker.next(), 'called');
  widget.add(1); // this one stays on its way
  assert.strictEqual(await worker.terminate(), 1);
  assert.strictEqual(widget.add(1), 3);
  widget.close();
});

test('threads of C call workers that are terminated', async () => {
  for (let round = 0; round < 5; ++round) {
    const widget = new Widget(0);
    const worker = start(
      (require, say, word, parentPort) => {
        const { Listener, Widget } = require('./widget');
        globalThis.listener = new Listener(() => {});
        Widget.borrow(word).subscribe(listener);
        parentPort.on('message', () => {});
        say('subscribed');
      },
      widget.word
    );
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
  await turn();
});

test('a process ends with calls on their way', () => {
  for (const end of ['', 'process.exit(0);']) {
    const said = runProcess(`
      const { Listener, Widget } = require('./widget');
      const widget = new Widget(0);
      globalThis.listener = new Listener(() => {});
      widget.subscribe(listener);
      for (let i = 0; i < 20; ++i) widget.addLater(1);
      Widget.join();
      console.log('done');
      ${end}`);
    assert.strictEqual(said, 'done\n');
  }
});
