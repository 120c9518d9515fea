'use strict';

const { existsSync } = require('fs');
const { join } = require('path');

/** The folders that may have the addon: built here, or prebuilt. */
const folders = [join(__dirname, '../build'), join(__dirname, `../prebuilds/${process.platform}-${process.arch}`)];

/** The folder of haft.node and of the libhaft.so.0 that came with it. */
const folder = process.env.HAFT_ADDON_DIR ?? folders.find((each) => existsSync(join(each, 'haft.node')));
if (folder === undefined) {
  throw new Error(`haft: there is no haft.node in ${folders.join(' or ')}; run "npm rebuild haft", which needs g++ and node_api.h`);
}

module.exports = { native: require(join(folder, 'haft.node')), folder };
