'use strict';

/**
 * Haft's handles for Node: words for JavaScript values that C keeps, and for
 * C++ objects that JavaScript keeps. A word that is used too late causes an
 * exception.
 */
const { makeError, ...errors } = require('./errors');

module.exports = {
  ...require('./handle'),
  ...require('./widget'),
  ...errors,
};
