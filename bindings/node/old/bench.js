'use strict';

// Measures new + value + delete of a JavaScript value for C and of a C++ object
// for JavaScript, beside the ways that addons have today. Prints ns: medians of
// interleaved rounds, each including the work that it leaves to the event loop.

const { setImmediate: turn } = require('timers/promises');
const { Handle, Widget } = require('./haft');
const raw = require(process.env.RAW_ADDON);

const kRounds = 15;
const kWarmUp = 3;
const kTurns = 20000;

const object = {};
const registry = new Map();
let next = 0;

class Wrapped {
  constructor(sum) {
    raw.wrapNew(this, sum);
  }
  add(amount) {
    return raw.wrapAdd(this, amount);
  }
  close() {
    raw.wrapDelete(this);
  }
}

const ways = {
  'haft.Handle'() {
    const handle = new Handle(object);
    const found = Handle.fromWord(handle.word).value();
    handle.delete();
    return found === object;
  },

  'number in a Map, JavaScript only'() {
    const word = ++next;
    registry.set(word, object);
    const found = registry.get(word);
    registry.delete(word);
    return found === object;
  },

  'reference in a BigInt, unchecked'() {
    const word = raw.referenceNew(object);
    const found = raw.referenceValue(word);
    raw.referenceDelete(word);
    return found === object;
  },

  'haft.Widget'(i) {
    const widget = new Widget(i);
    const sum = widget.add(0);
    widget.close();
    return sum === i;
  },

  'wrapped object'(i) {
    const counter = new Wrapped(i);
    const sum = counter.add(0);
    counter.close();
    return sum === i;
  },

  'External, left to the collector'(i) {
    const counter = raw.externalNew(i);
    return raw.externalAdd(counter, 0) === i;
  },

  'pointer in a BigInt, unchecked'(i) {
    const counter = raw.pointerNew(i);
    const sum = raw.pointerAdd(counter, 0);
    raw.pointerDelete(counter);
    return sum === i;
  },
};

async function measure(way) {
  gc();
  await turn();
  const begin = process.hrtime.bigint();
  for (let i = 0; i < kTurns; ++i) {
    if (!way(i)) throw new Error('another value');
  }
  await turn();
  return Number(process.hrtime.bigint() - begin) / kTurns;
}

async function main() {
  const times = new Map(Object.keys(ways).map((name) => [name, []]));
  for (let round = -kWarmUp; round < kRounds; ++round) {
    for (const [name, way] of Object.entries(ways)) {
      const time = await measure(way);
      if (round >= 0) times.get(name).push(time);
    }
  }
  console.log('Node: ns'.padEnd(36), 'cycle, 1'.padStart(10));
  for (const [name, each] of times) {
    each.sort((one, other) => one - other);
    const median = each[Math.floor(kRounds / 2)];
    console.log(name.padEnd(36), median.toFixed(0).padStart(10));
  }
}

main();
