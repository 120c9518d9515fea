'use strict';

// Gives functions of JavaScript to the qsort_r of the C library.

const haft = require('haft');

const native = require(process.env.SORTING_ADDON ?? './sorting.node');

/** @type {(word: number, a: number, b: number) => unknown} */
const dispatch = (word, a, b) => {
  const order = haft.value(word);
  if (typeof order !== 'function') throw new TypeError('an order is a function');
  return order(a, b);
};

/**
 * Sorts the numbers by the function that a handle stands for.
 * @param {Float64Array} numbers
 * @param {haft.HandleLike} order
 */
function sort(numbers, order) {
  native.sort(numbers, typeof order === 'object' ? order.word : order, dispatch);
}

module.exports = { sort };

if (require.main === module) {
  const numbers = Float64Array.of(30, 10, 20);
  const order = new haft.Handle((/** @type {number} */ a, /** @type {number} */ b) => b - a);
  sort(numbers, order);
  console.log(numbers.join(' '));
  order.delete();
  try {
    sort(numbers, order);
  } catch (error) {
    if (error instanceof haft.StaleHandleError) console.log('too late');
  }
}
