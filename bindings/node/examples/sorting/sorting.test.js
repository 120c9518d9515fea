'use strict';

const assert = require('assert');
const { test } = require('node:test');

const haft = require('haft');
const { sort } = require('./sorting');

test('qsort_r calls the function of a handle', () => {
  const numbers = Float64Array.of(30, 10, 20);
  const order = new haft.Handle((a, b) => a - b);
  sort(numbers, order);
  assert.deepStrictEqual([...numbers], [10, 20, 30]);
  sort(numbers, haft.create((a, b) => b - a));
  assert.deepStrictEqual([...numbers], [30, 20, 10]);
  sort(numbers, order.toBigInt());
  assert.deepStrictEqual([...numbers], [10, 20, 30]);
  order.delete();
});

test('errors come back through the C library', () => {
  const numbers = Float64Array.of(3, 1, 2);
  const late = haft.create(() => 0);
  haft.remove(late);
  assert.throws(() => sort(numbers, late), haft.StaleHandleError);
  assert.throws(() => sort(numbers, 0), haft.NullHandleError);
  assert.throws(() => sort(numbers, haft.create('no function')), TypeError);
  const failing = haft.create(() => {
    throw new RangeError('no order');
  });
  assert.throws(() => sort(numbers, failing), new RangeError('no order'));
  assert.throws(() => sort(numbers, 'x'), TypeError);
  assert.throws(() => sort([1], late), TypeError);
  assert.deepStrictEqual([...numbers].sort(), [1, 2, 3]);
});
