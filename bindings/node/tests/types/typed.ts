// A program that uses the types, for tsc --strict. Each @ts-expect-error is a mistake that the types must find.

import * as haft from 'haft';
import { Handle, OwnedHandle, Resource, type Word } from 'haft';

class Widget extends Resource {
  constructor(word: Word) {
    super(word);
  }
  add(amount: number): number {
    return amount;
  }
}

const word: Word = haft.create({ a: 1 });
const found: unknown = haft.value(word);
haft.remove(haft.toBigInt(word));
const handle = new Handle({ a: 1 });
const a: number = handle.value().a;
const any: Handle = Handle.from(word);
const typed: Handle<string> = Handle.from<string>(handle);
const owned: Handle<() => void> = new OwnedHandle(() => {});
const borrowed: Widget = Widget.borrow(handle);
const sum: number = borrowed.add(a);
const live: boolean = haft.isLive(borrowed) && owned.isLive && any.isLive && typed.isLive;
try {
  haft.check(0n);
} catch (error) {
  if (error instanceof haft.StaleHandleError) console.log(error.code, error.status, error.description, error.word);
}
const { capacity }: haft.Stats = haft.stats();
haft.diagnose({ leaks: true });
console.log(found, sum, live, capacity, haft.libraryVersion, haft.paths.include);

// @ts-expect-error: a string is no handle
haft.value('1');
// @ts-expect-error: it has another type
const wrong: string = handle.value();
// @ts-expect-error: it is read-only
handle.word = 1;
// @ts-expect-error: there is no such property
haft.value(word).a;
console.log(wrong);
