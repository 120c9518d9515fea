'use strict';

const { join } = require('path');

const errors = require('./errors');
const { Handle, OwnedHandle, Resource } = require('./handle');
const { native, folder } = require('./native');
const table = require('./table');

module.exports = {
  Handle,
  OwnedHandle,
  Resource,
  create: table.create,
  value: table.value,
  remove: table.remove,
  check: table.check,
  isLive: table.isLive,
  describe: table.describe,
  toBigInt: table.toBigInt,
  fromBigInt: table.fromBigInt,
  errorFor: table.errorFor,
  diagnose: table.diagnose,
  stats: table.stats,
  libraryVersion: [Math.floor(native.version / 10000), Math.floor(native.version / 100) % 100, native.version % 100].join('.'),
  paths: { include: join(__dirname, '../include'), library: folder },
  HaftError: errors.HaftError,
  NullHandleError: errors.NullHandleError,
  MalformedHandleError: errors.MalformedHandleError,
  NeverIssuedError: errors.NeverIssuedError,
  StaleHandleError: errors.StaleHandleError,
  WrongTypeError: errors.WrongTypeError,
  OtherThreadError: errors.OtherThreadError,
  TableFullError: errors.TableFullError,
  NoMemoryError: errors.NoMemoryError,
  PinnedError: errors.PinnedError,
  TimedOutError: errors.TimedOutError,
  InvalidArgumentError: errors.InvalidArgumentError,
  DeferredError: errors.DeferredError,
};
