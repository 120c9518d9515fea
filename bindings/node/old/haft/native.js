'use strict';

// The addon. If test.sh has built it, HAFT_ADDON is its path.
const native = require(process.env.HAFT_ADDON ?? './haft.node');
native.makeErrorsWith(require('./errors').makeError);

module.exports = native;
