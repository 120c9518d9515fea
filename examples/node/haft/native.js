'use strict';

// The addon. Built as test.sh builds it, it is where HAFT_ADDON says.
const native = require(process.env.HAFT_ADDON ?? './haft.node');
native.makeErrorsWith(require('./errors').makeError);

module.exports = native;
