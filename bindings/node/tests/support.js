'use strict';

const { execFileSync } = require('child_process');
const { join } = require('path');
const { setImmediate: turn } = require('timers/promises');
const { Worker } = require('worker_threads');

const kStale = { name: 'StaleHandleError', code: 'HAFT_STALE', status: 4 };
const kWrongType = { name: 'WrongTypeError', code: 'HAFT_WRONG_TYPE', status: 5 };
const kOtherThread = { name: 'OtherThreadError', code: 'HAFT_OTHER_THREAD', status: 5 };

/** Ends when the condition holds, however long that takes; collects meanwhile. */
async function until(holds) {
  while (!holds()) {
    await turn();
    gc();
  }
}
const collected = (...references) => until(() => references.every((each) => each.deref() === undefined));

/** Runs `body(require, say, data, parentPort)` in a worker, and yields its messages. */
function start(body, data) {
  const worker = new Worker(
    `const { parentPort, workerData } = require('worker_threads');
    const { createRequire } = require('module');
    (${body})(createRequire(workerData.path), (what) => parentPort.postMessage(what), workerData.data, parentPort);`,
    { eval: true, workerData: { path: __filename, data } }
  );
  const waiting = [];
  const said = [];
  worker.on('message', (what) => (waiting.length > 0 ? waiting.shift().resolve(what) : said.push(what)));
  worker.ended = new Promise((resolve) => worker.on('exit', resolve));
  worker.failed = new Promise((resolve) => worker.on('error', resolve));
  Promise.race([worker.failed, worker.ended]).then((why) => {
    for (const { reject } of waiting) reject(why);
  });
  worker.next = () =>
    said.length > 0 ? Promise.resolve(said.shift()) : new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  return worker;
}

/** Returns the first message of a worker, after it has ended. */
async function run(body, data) {
  const worker = start(body, data);
  const said = await worker.next();
  await worker.ended;
  return said;
}

/** Returns the output of a process that runs `script`. */
function runProcess(script, env = {}) {
  return execFileSync(process.execPath, ['--expose-gc', '-e', script], {
    cwd: __dirname,
    encoding: 'utf8',
    // process.exit releases nothing, and LeakSanitizer would report it.
    env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0', ...env },
  });
}

const natives = require(join(process.env.TEST_ADDONS, 'natives.node'));

module.exports = { kStale, kWrongType, kOtherThread, until, collected, start, run, runProcess, natives };
