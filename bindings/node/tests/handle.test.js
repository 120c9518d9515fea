'use strict';

// Handles of JavaScript values.

const assert = require('assert');
const { test } = require('node:test');
const { setImmediate: turn } = require('timers/promises');

const haft = require('haft');
const { kStale, kWrongType, until, collected, runProcess, natives } = require('./support');

const { Handle, OwnedHandle, create, value, remove, check, isLive } = haft;

test('value until remove', () => {
  const object = {};
  const word = create(object);
  assert.strictEqual(typeof word, 'number');
  assert.strictEqual(value(word), object);
  assert.strictEqual(natives.check(word), 0);
  check(word);
  assert(isLive(word));
  remove(word);
  assert(!isLive(word));
  assert.strictEqual(natives.check(word), 4);
  for (const use of [value, check, remove]) assert.throws(() => use(word), { ...kStale, word });
});

test('C finds a null object, and the type', () => {
  const word = create({});
  assert.strictEqual(natives.isNull(word), 1);
  remove(word);
});

test('a value may be anything', () => {
  for (const each of [undefined, null, true, 0.5, NaN, 7n, 's', Symbol('s'), [1], test]) {
    const handle = new Handle(each);
    assert.strictEqual(handle.value(), each);
    handle.delete();
  }
});

test('a Handle', () => {
  const handle = new Handle('haft');
  assert.strictEqual(handle.value(), 'haft');
  handle.check();
  assert(handle.isLive);
  const again = Handle.from(handle.word);
  assert(again instanceof Handle);
  assert.strictEqual(again.value(), 'haft');
  assert.strictEqual(value(handle), 'haft');
  again.delete();
  for (const use of ['value', 'check', 'delete']) assert.throws(() => handle[use](), kStale);
  assert.strictEqual(handle.toString(), `0x${handle.toBigInt().toString(16)}`);
});

test('a word is the same in C, as text and as a bigint', () => {
  const word = create('haft');
  const bits = haft.toBigInt(word);
  assert.strictEqual(natives.bits(word), bits);
  assert.strictEqual(bits & 1n, 1n);
  assert.strictEqual(BigInt.asIntN(64, bits), bits);
  assert.strictEqual(haft.fromBigInt(bits), word);
  assert.strictEqual(natives.fromBits(bits), word);
  assert.strictEqual(Number(String(word)), word);
  assert.strictEqual(JSON.parse(JSON.stringify({ word })).word, word);
  assert.strictEqual(value(bits), 'haft');
  remove(bits);
  assert.throws(() => value(bits), kStale);
});

test('bits that are NaN are passed as bigints', () => {
  const bits = 0x7ff0000000000001n;
  assert.strictEqual(natives.fromBits(bits), bits);
  assert.strictEqual(natives.bits(bits), bits);
  assert.throws(() => haft.fromBigInt(bits), haft.MalformedHandleError);
  assert.strictEqual(natives.bits(1n << 64n), 2n);
});

test('what is no handle is refused', () => {
  const word = create('haft');
  const bits = haft.toBigInt(word);
  for (let bit = 0n; bit < 64n; ++bit) {
    const forged = bits ^ (1n << bit);
    assert.throws(() => value(forged), haft.HaftError);
    assert.throws(() => remove(forged), haft.HaftError);
  }
  const refusals = [
    [0, haft.NullHandleError],
    [-0, haft.MalformedHandleError],
    [0n, haft.NullHandleError],
    [1, haft.MalformedHandleError],
    [2 ** 52, haft.MalformedHandleError],
    [NaN, haft.MalformedHandleError],
    [Infinity, haft.MalformedHandleError],
    [12n, haft.MalformedHandleError],
    [-1n, haft.MalformedHandleError],
    [bits | (1n << 64n), haft.MalformedHandleError],
    [bits ^ 2n, haft.NeverIssuedError],
    [String(word), TypeError],
    [{ word: String(word) }, TypeError],
    [undefined, TypeError],
    [null, TypeError],
    [true, TypeError],
  ];
  for (const [each, error] of refusals) {
    for (const use of [value, check, remove]) assert.throws(() => use(each), error, String(each));
  }
  for (const [each, error] of refusals) if (error !== TypeError) assert.throws(() => isLive(each) || check(each), error);
  assert.throws(() => haft.fromBigInt(1), TypeError);
  assert.strictEqual(value(word), 'haft');
  remove(word);
});

test('errors carry what the table knows', () => {
  const word = create({});
  remove(word);
  assert.throws(() => value(word), (error) => {
    assert(error instanceof haft.HaftError && error instanceof Error);
    assert.strictEqual(error.word, word);
    assert.match(error.description, /stale in table/);
    assert(error.description.includes(haft.toBigInt(word).toString(16)));
    assert(error.message.endsWith(error.description));
    return true;
  });
  assert.match(haft.describe(word), /stale/);
  const codes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((status) => haft.errorFor(status).code);
  assert.deepStrictEqual(codes, [
    'HAFT_NULL',
    'HAFT_MALFORMED',
    'HAFT_NEVER_ISSUED',
    'HAFT_STALE',
    'HAFT_WRONG_TYPE',
    'HAFT_FULL',
    'HAFT_OUT_OF_MEMORY',
    'HAFT_PINNED',
    'HAFT_TIMED_OUT',
    'HAFT_INVALID',
    'HAFT_DEFERRED',
  ]);
  assert.match(haft.errorFor(99).message, /unknown status 99/);
});

test('many handles, over many chunks, each once', () => {
  const kCount = 5000;
  const before = haft.stats();
  const words = Array.from({ length: kCount }, (_, i) => create(i));
  assert.strictEqual(new Set(words).size, kCount);
  words.forEach((word, i) => assert.strictEqual(value(word), i));
  assert.strictEqual(haft.stats().live, before.live + kCount);
  assert.strictEqual(haft.stats().created, before.created + kCount);
  words.forEach((word, i) => i % 2 === 0 && remove(word));
  words.forEach((word, i) => (i % 2 === 0 ? assert.throws(() => value(word), kStale) : assert.strictEqual(value(word), i)));
  words.forEach((word, i) => i % 2 === 0 || remove(word));
  assert.strictEqual(haft.stats().live, before.live);
  assert.strictEqual(haft.stats().deleted, before.deleted + kCount);
});

test('a slot that is used again refuses its old handles', () => {
  const words = new Set();
  for (let i = 0; i < 2000; ++i) {
    const word = create(i);
    assert(!words.has(word));
    words.add(word);
    remove(word);
  }
  const live = Array.from({ length: 500 }, () => create('live'));
  for (const word of words) assert.throws(() => value(word), kStale);
  live.forEach(remove);
});

test('a handle keeps its value, remove lets go of it', async () => {
  let object = {};
  const reference = new WeakRef(object);
  const word = create(object);
  object = undefined;
  for (let i = 0; i < 3; ++i) {
    await turn();
    gc();
  }
  assert.strictEqual(value(word), reference.deref());
  remove(word);
  await collected(reference);
});

test('an OwnedHandle ends when it is collected', async () => {
  const word = (() => new OwnedHandle({}).word)();
  await until(() => !isLive(word));
  assert.strictEqual(natives.check(word), 4);
  const other = (() => new Handle({}).word)();
  for (let i = 0; i < 5; ++i) {
    await turn();
    gc();
  }
  assert(isLive(other));
  remove(other);
  (() => new OwnedHandle({}).delete())();
  for (let i = 0; i < 5; ++i) {
    await turn();
    gc();
  }
});

test('C deletes a handle: it is stale, and the value is let go of', async () => {
  const words = Array.from({ length: 3000 }, (_, i) => create({ i }));
  const references = words.map((word) => new WeakRef(value(word)));
  const kept = create({});
  assert.strictEqual(natives.deleteOnThread(words), 3000);
  for (const word of words) assert.throws(() => value(word), kStale);
  for (const word of words) assert.throws(() => remove(word), kStale);
  await collected(...references);
  assert.strictEqual(typeof value(kept), 'object');
  assert.strictEqual(natives.remove(kept), 0);
  assert.throws(() => value(kept), kStale);
});

test('the value is let go of at a refill, too, in a thread that does not return to its loop', () => {
  const after = (creations) =>
    runProcess(
      `const { create } = require('haft');
      const natives = require(process.env.TEST_ADDONS + '/natives.node');
      const references = [];
      const words = [];
      for (let i = 0; i < 100; ++i) {
        const object = {};
        references.push(new WeakRef(object));
        words.push(create(object));
      }
      setImmediate(() => {
        natives.deleteOnThread(words);
        for (let i = 0; i < ${creations}; ++i) create(i);
        gc();
        console.log(references.filter((each) => each.deref() !== undefined).length);
      });`
    );
  assert.strictEqual(after(0), '100\n');
  assert.strictEqual(after(300), '0\n');
});

test('a pin of C keeps the slot', async () => {
  const word = create({});
  assert.strictEqual(natives.pin(word), 0);
  remove(word);
  assert.throws(() => value(word), kStale);
  natives.unpin();
  const next = create('next');
  assert.strictEqual(value(next), 'next');
  remove(next);
  const pinned = create({});
  const reference = new WeakRef(value(pinned));
  await turn();
  assert.strictEqual(natives.pin(pinned), 0);
  assert.strictEqual(natives.remove(pinned), 0);
  assert.throws(() => value(pinned), kStale);
  natives.unpin();
  await collected(reference);
});

test('types are told', () => {
  const thing = natives.newThing();
  assert(isLive(thing));
  assert.throws(() => value(thing), kWrongType);
  assert.throws(() => remove(thing), kWrongType);
  check(thing);
  assert.strictEqual(natives.remove(thing), 0);
  assert.throws(() => value(thing), kStale);
});

test('dispose deletes what is not deleted', () => {
  if (Symbol.dispose === undefined) return;
  const handle = new Handle('haft');
  handle[Symbol.dispose]();
  assert.throws(() => handle.value(), kStale);
  handle[Symbol.dispose]();
  assert.throws(() => Handle.from(0)[Symbol.dispose](), haft.NullHandleError);
});

test('a slot whose next handle is no number is not used', () => {
  const { counts, ready } = require('../node_modules/haft/lib/table').internal;
  const first = create(1);
  if (counts().length <= 4 || counts()[0] < 2 || process.env.HAFT_DIAGNOSE) {
    remove(first);
    return;
  }
  const top = 2 + counts()[0] - 1;
  const next = ready()[top - 1];
  const bits = new BigUint64Array(ready().buffer);
  bits[top] |= 0x7ff0000000000000n;
  const word = create(2);
  assert.strictEqual(word, next);
  assert.strictEqual(value(word), 2);
  remove(word);
  remove(first);
});

test('diagnostics that begin later watch all that follows', () => {
  const said = runProcess(
    `const { create, value, remove } = require('haft');
    const natives = require(process.env.TEST_ADDONS + '/natives.node');
    const early = create('early');
    console.log(natives.watch());
    const late = create('late');
    console.log(value(early), value(late));
    remove(early);
    remove(late);
    for (const word of [early, late]) {
      for (const use of [value, remove]) try { use(word); } catch (error) { console.log(error.code); }
    }
    console.log(natives.refusals());`
  );
  assert.strictEqual(said, '0\nearly late\nHAFT_STALE\nHAFT_STALE\nHAFT_STALE\nHAFT_STALE\n4\n');
});

test('diagnostics tell the lines of JavaScript', () => {
  const said = runProcess(
    `const haft = require('haft');
    haft.diagnose();
    const word = haft.create({});
    try { haft.diagnose(); } catch (error) { console.log(error.code); }
    haft.remove(word);
    try { haft.value(word); } catch (error) { console.log(error.description); }`,
    { HAFT_DIAGNOSE: '' }
  );
  assert.match(said, /^HAFT_INVALID\n/);
  assert.match(said, /created at \[eval\]:3/);
  assert.match(said, /deleted at \[eval\]:5/);
});

test('a table that is full', () => {
  const said = runProcess(
    `const { create, remove, stats } = require('haft');
    const words = [];
    try { for (;;) words.push(create(words.length)); } catch (error) { console.log(error.name, error.code); }
    console.log(words.length >= stats().capacity, stats().live === words.length);
    words.forEach(remove);
    console.log(stats().live, typeof create(1));`,
    { HAFT_CAPACITY: '4096' }
  );
  assert.strictEqual(said, 'TableFullError HAFT_FULL\ntrue true\n0 number\n');
});
