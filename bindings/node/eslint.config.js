'use strict';

const js = require('@eslint/js');

const globals = Object.fromEntries(
  ['require', 'module', 'exports', '__dirname', '__filename', 'process', 'console', 'gc', 'globalThis']
    .concat(['setImmediate', 'setInterval', 'clearInterval'])
    .map((name) => [name, 'readonly'])
);

module.exports = [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: 'commonjs', globals },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'consistent-return': 'error',
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'no-implicit-globals': 'error',
      'no-shadow': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      strict: ['error', 'global'],
    },
  },
  {
    // Functions that run in a worker have names of their own for the same things, and globals that nothing collects.
    files: ['**/*.test.js'],
    languageOptions: { globals: { things: 'writable', listener: 'writable' } },
    rules: { 'no-shadow': 'off' },
  },
];
