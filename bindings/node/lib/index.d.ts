/**
 * Handles for the objects that C code keeps. C gets a word in place of a JavaScript object; a word that is used too late, or never
 * was a handle, causes an error that says why.
 *
 * A word is a number: the double whose 64 bits are the handle of C. It is exact, survives `String`, `JSON` and `===`, and means
 * nothing to arithmetic. Integers below 2^52, `NaN` and infinities are never handles.
 *
 * @packageDocumentation
 */

/** The word of a handle. The same number in all threads of the process. */
export type Word = number;

/** Every function takes one of these: a word, the 64 bits of one as a bigint, or an object that has a word. */
export type HandleLike = Word | bigint | { readonly word: Word };

/**
 * Makes a handle of a value, which is kept until the handle is deleted, by JavaScript or by C, or until this thread of JavaScript
 * ends.
 *
 * @throws {@link TableFullError}, {@link NoMemoryError}
 */
export function create(object: unknown): Word;

/**
 * Returns the value of a handle that this thread has made.
 *
 * @throws {@link StaleHandleError} and so on; {@link OtherThreadError} if another thread has made it
 */
export function value(handle: HandleLike): unknown;

/**
 * Deletes the handle of a JavaScript value. Any thread may do it, once.
 *
 * @throws as {@link value}, but no {@link OtherThreadError}
 */
export function remove(handle: HandleLike): void;

/** Throws the reason if the handle is refused, whatever it stands for. */
export function check(handle: HandleLike): void;

/** Returns whether the handle is live, whatever it stands for. */
export function isLive(handle: HandleLike): boolean;

/** Returns all that the table knows about a word. */
export function describe(handle: HandleLike): string;

/** Returns the 64 bits of a handle, for C that takes a `uintptr_t`. */
export function toBigInt(handle: HandleLike): bigint;

/**
 * Returns the number of 64 bits that C has given.
 *
 * @throws {@link MalformedHandleError} if no number stands for them
 */
export function fromBigInt(word: bigint): Word;

/** Returns the error of a `haft_status` that C has returned, about a handle. */
export function errorFor(status: number, handle?: HandleLike): HaftError;

/**
 * Turns diagnostics on, before the first handle is made in the process: the text of errors then has the lines that have made and
 * deleted a handle. With `leaks`, the process reports at its end which handles are live.
 *
 * @throws {@link InvalidArgumentError} if it is too late
 */
export function diagnose(options?: { readonly leaks?: boolean }): void;

/** Figures of the process's table, which counts the handles of all threads and languages. */
export interface Stats {
  /** Handles that were issued and not deleted. */
  readonly live: number;
  readonly created: number;
  readonly deleted: number;
  /** Handles that can be live at the same time. */
  readonly capacity: number;
}

/** Returns the figures, which are exact while no thread makes or ends a handle. */
export function stats(): Stats;

/** The version of the libhaft that is loaded. */
export const libraryVersion: string;

/** Where an addon of one's own finds `haft_node.h`, and `libhaft.so.0`. */
export const paths: { readonly include: string; readonly library: string };

/**
 * The handle of a JavaScript value. A Handle that is collected deletes nothing, because C may still have the word; see
 * {@link OwnedHandle}.
 */
export class Handle<T = unknown> {
  /** @throws as {@link create} */
  constructor(object: T);
  /** Returns a Handle for a word that other code has made, live or not. It does not own it. */
  static from<T = unknown>(handle: HandleLike): Handle<T>;
  readonly word: Word;
  /** @throws as {@link value} */
  value(): T;
  /** @throws as {@link check} */
  check(): void;
  readonly isLive: boolean;
  /** Ends the handle. The second time it throws. */
  delete(): void;
  toBigInt(): bigint;
  /** Returns the word in hexadecimal digits, as errors and reports show it. */
  toString(): string;
}

/**
 * A Handle that is deleted when it is collected. The table keeps the value, so a value that refers to its own OwnedHandle is never
 * collected.
 */
export class OwnedHandle<T = unknown> extends Handle<T> {}

/**
 * The JavaScript side of an object of C or C++, for which an addon has made a handle: a base class. It owns the object, which ends
 * by {@link Resource.close}, when the Resource is collected, or when this thread of JavaScript ends.
 */
export class Resource {
  /** @throws the reason if the handle is not live */
  constructor(handle: HandleLike);
  /** Returns an object of this class for a handle that other code owns, live or not. */
  static borrow<R extends Resource>(this: { readonly prototype: R }, handle: HandleLike): R;
  readonly word: Word;
  readonly isLive: boolean;
  /** Deletes the handle. The second time it does nothing. */
  close(): void;
}

/** A refusal. */
export class HaftError extends Error {
  /** The number of the `haft_status`. */
  readonly status: number;
  /** Its name, such as `HAFT_STALE`; `HAFT_OTHER_THREAD` for an {@link OtherThreadError}. */
  readonly code: string;
  /** The handle, if the error is about one. */
  readonly word: Word | bigint | undefined;
  /** All that the table knows about the handle. */
  readonly description: string;
}
/** The null handle. */
export class NullHandleError extends HaftError {}
/** No table issues such a word. */
export class MalformedHandleError extends HaftError {}
/** A forged handle, or one of another table. */
export class NeverIssuedError extends HaftError {}
/** The handle has been deleted. */
export class StaleHandleError extends HaftError {}
/** The handle is live, and of another type. */
export class WrongTypeError extends HaftError {}
/** The handle is live, and another thread of JavaScript has made it. */
export class OtherThreadError extends WrongTypeError {}
/** The table has no room for another handle. */
export class TableFullError extends HaftError {}
/** There is no memory. */
export class NoMemoryError extends HaftError {}
/** The object is pinned, so it was not deleted. */
export class PinnedError extends HaftError {}
/** The object is deleted, and still pinned. */
export class TimedOutError extends HaftError {}
/** An invalid argument. */
export class InvalidArgumentError extends HaftError {}
/** The object is destroyed later. */
export class DeferredError extends HaftError {}
