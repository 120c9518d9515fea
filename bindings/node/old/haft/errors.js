'use strict';

/** The reason of a refused call: `status` is the number of haft.h, `code` its name. */
class HaftError extends Error {
  constructor(message) {
    super(message);
    this.name = this.constructor.name;
  }
}

class NullHandleError extends HaftError {}
class MalformedHandleError extends HaftError {}
class NeverIssuedError extends HaftError {}
class StaleHandleError extends HaftError {}
class WrongTypeError extends HaftError {}
class TableFullError extends HaftError {}
class NoMemoryError extends HaftError {}
class InvalidArgumentError extends HaftError {}

/** The value belongs to the JavaScript of another thread. */
class OtherEnvironmentError extends WrongTypeError {}

const byStatus = new Map([
  [1, [NullHandleError, 'HAFT_NULL']],
  [2, [MalformedHandleError, 'HAFT_MALFORMED']],
  [3, [NeverIssuedError, 'HAFT_NEVER_ISSUED']],
  [4, [StaleHandleError, 'HAFT_STALE']],
  [5, [WrongTypeError, 'HAFT_WRONG_TYPE']],
  [6, [TableFullError, 'HAFT_FULL']],
  [7, [NoMemoryError, 'HAFT_OUT_OF_MEMORY']],
  [10, [InvalidArgumentError, 'HAFT_INVALID']],
]);
for (const [status, [error, code]] of byStatus) {
  Object.assign(error.prototype, { status, code });
}
Object.assign(OtherEnvironmentError.prototype, {
  code: 'HAFT_OTHER_ENVIRONMENT',
});

const kOtherEnvironment = -1; // as in environment.h

/** Returns the error of a status that is not 0; `about` has the details of the table. */
function makeError(status, meaning, about) {
  const details = about === '' ? '' : `: ${about}`;
  if (status === kOtherEnvironment) {
    return new OtherEnvironmentError(
      `the value is of another thread${details}`
    );
  }
  const [error] = byStatus.get(status) ?? [HaftError];
  return new error(meaning + details);
}

module.exports = {
  HaftError,
  NullHandleError,
  MalformedHandleError,
  NeverIssuedError,
  StaleHandleError,
  WrongTypeError,
  OtherEnvironmentError,
  TableFullError,
  NoMemoryError,
  InvalidArgumentError,
  makeError,
};
