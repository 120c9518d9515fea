'use strict';

// Run by npm when the package is installed: uses the prebuilt addon if it loads here, or else compiles it.

const { execFileSync, spawnSync } = require('child_process');
const { existsSync } = require('fs');
const { join } = require('path');

const prebuilt = join(__dirname, `../prebuilds/${process.platform}-${process.arch}`);

/** Whether the prebuilt addon loads, in a process of its own. */
function isGood() {
  if (process.env.HAFT_BUILD === 'source' || !existsSync(join(prebuilt, 'haft.node'))) return false;
  const env = { ...process.env, HAFT_ADDON_DIR: prebuilt };
  return spawnSync(process.execPath, ['-e', `require(${JSON.stringify(join(__dirname, '../lib'))})`], { env }).status === 0;
}

// In a checkout, where there are no compiled files to begin with, nothing is compiled unasked.
if (existsSync(join(__dirname, '../deps')) && !isGood()) {
  execFileSync('bash', [join(__dirname, 'build.sh'), join(__dirname, '../build')], { stdio: 'inherit' });
}
