'use strict';

/** Why a handle was refused: `status` is the number of haft.h, `code` its name. */
class HaftError extends Error {
  constructor(message, word, description) {
    super(message);
    this.name = new.target.name;
    this.word = word;
    this.description = description;
  }
}

class NullHandleError extends HaftError {}
class MalformedHandleError extends HaftError {}
class NeverIssuedError extends HaftError {}
class StaleHandleError extends HaftError {}
class WrongTypeError extends HaftError {}
class TableFullError extends HaftError {}
class NoMemoryError extends HaftError {}
class PinnedError extends HaftError {}
class TimedOutError extends HaftError {}
class InvalidArgumentError extends HaftError {}
class DeferredError extends HaftError {}

/** The object belongs to the JavaScript of another thread. */
class OtherThreadError extends WrongTypeError {}

const kOtherThread = -1;

const byStatus = new Map([
  [1, [NullHandleError, 'HAFT_NULL', 'the null handle']],
  [2, [MalformedHandleError, 'HAFT_MALFORMED', 'no table issues such a word']],
  [3, [NeverIssuedError, 'HAFT_NEVER_ISSUED', 'a handle that was never issued']],
  [4, [StaleHandleError, 'HAFT_STALE', 'the handle has been deleted']],
  [5, [WrongTypeError, 'HAFT_WRONG_TYPE', 'a handle of another type']],
  [6, [TableFullError, 'HAFT_FULL', 'the table has no room for another handle']],
  [7, [NoMemoryError, 'HAFT_OUT_OF_MEMORY', 'there is no memory']],
  [8, [PinnedError, 'HAFT_PINNED', 'the object is pinned']],
  [9, [TimedOutError, 'HAFT_TIMED_OUT', 'the object is deleted, and still pinned']],
  [10, [InvalidArgumentError, 'HAFT_INVALID', 'invalid argument']],
  [11, [DeferredError, 'HAFT_DEFERRED', 'the object is destroyed later']],
]);
for (const [status, [error, code]] of byStatus) Object.assign(error.prototype, { status, code });
Object.assign(OtherThreadError.prototype, { code: 'HAFT_OTHER_THREAD' });

/** Returns the error of a status that is not 0. */
function makeError(status, word, description) {
  const details = description === '' ? '' : `: ${description}`;
  if (status === kOtherThread) {
    return new OtherThreadError(`the object is of another thread${details}`, word, description);
  }
  const [error, , meaning] = byStatus.get(status) ?? [InvalidArgumentError, '', `unknown status ${status}`];
  return new error(meaning + details, word, description);
}

module.exports = {
  HaftError,
  NullHandleError,
  MalformedHandleError,
  NeverIssuedError,
  StaleHandleError,
  WrongTypeError,
  OtherThreadError,
  TableFullError,
  NoMemoryError,
  PinnedError,
  TimedOutError,
  InvalidArgumentError,
  DeferredError,
  kOtherThread,
  makeError,
};
