'use strict';

// Measures a handle beside the ways that programs have today. Prints ns for new + value + delete, with one thread and with two, and
// for a look-up: the least of many short interleaved rounds, each with the work that it leaves to the event loop. With two threads
// it is the time of one operation of each.
//   bench.js [ROUNDS]

const { join } = require('path');
const { setImmediate: turn } = require('timers/promises');
const { isMainThread, parentPort, Worker, workerData } = require('worker_threads');

const haft = require('haft');
const { Widget } = require('./widget');
const raw = require(join(process.env.TEST_ADDONS, 'raw.node'));

const rounds = Number(process.argv[2] ?? 25);
const kTurns = 10000;

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

// The collector forgets the code of classes of which no object lives.
const kept = [new haft.Handle(object), new Widget(0), new Wrapped(0), haft.create(object)];
const word = kept[3];
registry.set(0, object);
const reference = raw.referenceNew(object);

const cycles = {
  'number in a Map'() {
    const number = ++next;
    registry.set(number, object);
    const found = registry.get(number);
    registry.delete(number);
    return found === object;
  },
  'reference in a BigInt, unchecked'() {
    const made = raw.referenceNew(object);
    const found = raw.referenceValue(made);
    raw.referenceDelete(made);
    return found === object;
  },
  'create, value, remove'() {
    const made = haft.create(object);
    const found = haft.value(made);
    haft.remove(made);
    return found === object;
  },
  Handle() {
    const made = new haft.Handle(object);
    const found = made.value();
    made.delete();
    return found === object;
  },
  'napi_wrap, C++'(i) {
    const made = new Wrapped(i);
    const sum = made.add(0);
    made.close();
    return sum === i;
  },
  'pointer in a BigInt, unchecked, C++'(i) {
    const made = raw.pointerNew(i);
    const sum = raw.pointerAdd(made, 0);
    raw.pointerDelete(made);
    return sum === i;
  },
  'Resource, C++'(i) {
    const made = new Widget(i);
    const sum = made.add(0);
    made.close();
    return sum === i;
  },
};
const lookups = {
  'number in a Map': () => registry.get(0) === object,
  'reference in a BigInt, unchecked': () => raw.referenceValue(reference) === object,
  'create, value, remove': () => haft.value(word) === object,
  Handle: () => kept[0].value() === object,
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

/** Returns the least time of each way. `meet` waits for the other threads before each round. */
async function measureAll(ways, meet) {
  const least = {};
  for (let round = -3; round < rounds; ++round) {
    for (const [name, way] of Object.entries(ways)) {
      meet();
      const time = await measure(way);
      if (round >= 0) least[name] = Math.min(least[name] ?? Infinity, time);
    }
  }
  return least;
}

/** Returns a function that waits until two threads have called it. */
function meeting(shared) {
  const [arrivals, count] = [new Int32Array(shared), 2];
  return () => {
    const arrived = Atomics.add(arrivals, 0, 1) + 1;
    const wanted = Math.ceil(arrived / count) * count;
    while (Atomics.load(arrivals, 0) < wanted) {
      // a moment
    }
  };
}

async function main() {
  const one = await measureAll(cycles, () => {});
  const look = await measureAll(lookups, () => {});
  const shared = new SharedArrayBuffer(4);
  const results = await Promise.all(
    [1, 2].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(__filename, { argv: process.argv.slice(2), workerData: shared });
          worker.on('message', resolve).on('error', reject);
        })
    )
  );
  console.log(`Node ${process.version}: ns`.padEnd(38), 'cycle, 1'.padStart(10), 'cycle, 2'.padStart(10), 'look-up'.padStart(10));
  for (const name of Object.keys(cycles)) {
    const two = Math.max(...results.map((each) => each[name]));
    const cells = [one[name], two, look[name]].map((each) => (each === undefined ? '' : each.toFixed(1)).padStart(10));
    console.log(name.padEnd(38), ...cells);
  }
  const ratio = (way, rival) => `${way}: ${(one[way] / one[rival]).toFixed(2)} x ${rival}`;
  console.log(ratio('create, value, remove', 'number in a Map'));
  console.log(ratio('Handle', 'number in a Map'));
  console.log(ratio('Resource, C++', 'napi_wrap, C++'));
}

if (isMainThread) main();
else measureAll(cycles, meeting(workerData)).then((least) => parentPort.postMessage(least));
