'use strict';

const { join } = require('path');

const errors = require('./errors');
const { Handle, OwnedHandle, Resource } = require('./handle');
const { native, folder } = require('./native');
const table = require('./table');

// One by one, so that modules can import them by name.
exports.Handle = Handle;
exports.OwnedHandle = OwnedHandle;
exports.Resource = Resource;
exports.create = table.create;
exports.value = table.value;
exports.remove = table.remove;
exports.check = table.check;
exports.isLive = table.isLive;
exports.describe = table.describe;
exports.toBigInt = table.toBigInt;
exports.fromBigInt = table.fromBigInt;
exports.errorFor = table.errorFor;
exports.diagnose = table.diagnose;
exports.stats = table.stats;
exports.libraryVersion = [10000, 100, 1].map((unit) => Math.floor(native.version / unit) % 100).join('.');
exports.paths = { include: join(__dirname, '../include'), library: folder };
exports.HaftError = errors.HaftError;
exports.NullHandleError = errors.NullHandleError;
exports.MalformedHandleError = errors.MalformedHandleError;
exports.NeverIssuedError = errors.NeverIssuedError;
exports.StaleHandleError = errors.StaleHandleError;
exports.WrongTypeError = errors.WrongTypeError;
exports.OtherThreadError = errors.OtherThreadError;
exports.TableFullError = errors.TableFullError;
exports.NoMemoryError = errors.NoMemoryError;
exports.PinnedError = errors.PinnedError;
exports.TimedOutError = errors.TimedOutError;
exports.InvalidArgumentError = errors.InvalidArgumentError;
exports.DeferredError = errors.DeferredError;
