'use strict';

// Objects of C that JavaScript owns.

const assert = require('assert');
const { test } = require('node:test');
const { setImmediate: turn } = require('timers/promises');

const haft = require('haft');
const { kStale, until, run, start, natives } = require('./support');

const { Resource } = haft;
class Thing extends Resource {
  constructor() {
    super(natives.newThing());
  }
}

test('close ends the object, once', () => {
  const before = natives.destroyed();
  const thing = new Thing();
  assert(thing.isLive);
  thing.close();
  assert.strictEqual(natives.destroyed(), before + 1);
  assert(!thing.isLive);
  thing.close();
  assert.strictEqual(natives.destroyed(), before + 1);
});

test('close of a slot that another object has leaves that alone', () => {
  const thing = new Thing();
  assert.strictEqual(natives.remove(thing.word), 0);
  const others = Array.from({ length: 300 }, () => new Thing());
  thing.close();
  assert(others.every((each) => each.isLive));
  others.forEach((each) => each.close());
});

test('what is not live is refused', () => {
  const thing = new Thing();
  thing.close();
  assert.throws(() => new Resource(thing.word), kStale);
  assert.throws(() => new Resource(0), haft.NullHandleError);
  assert.throws(() => new Resource('1'), TypeError);
  assert.throws(() => Resource.borrow(0).close(), haft.NullHandleError);
});

test('a Resource that is collected ends its object', async () => {
  const word = (() => new Thing().word)();
  await until(() => !haft.isLive(word));
});

test('a borrowed one does not', async () => {
  const thing = new Thing();
  (() => assert(Thing.borrow(thing.word) instanceof Thing))();
  for (let i = 0; i < 5; ++i) {
    await turn();
    gc();
  }
  assert(thing.isLive);
  thing.close();
});

test('dispose closes', () => {
  if (Symbol.dispose === undefined) return;
  const thing = new Thing();
  thing[Symbol.dispose]();
  thing[Symbol.dispose]();
  assert(!thing.isLive);
});

const makeThings = (require, say) => {
  const { Resource } = require('haft');
  const natives = require(process.env.TEST_ADDONS + '/natives.node');
  globalThis.things = Array.from({ length: 100 }, () => new Resource(natives.newThing()));
  things[7].close();
  say(things.map((each) => each.word));
};

test("a worker's objects end with it", async () => {
  const before = natives.destroyed();
  for (const word of await run(makeThings)) assert(!haft.isLive(word));
  assert.strictEqual(natives.destroyed(), before + 100);
});

test("a terminated worker's do, too", async () => {
  const before = natives.destroyed();
  const worker = start(`(require, say) => { (${makeThings})(require, say); for (;;); }`);
  const words = await worker.next();
  await worker.terminate();
  for (const word of words) assert(!haft.isLive(word));
  assert.strictEqual(natives.destroyed(), before + 100);
});
