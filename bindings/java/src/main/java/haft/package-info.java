/**
 * Handles that C, C++ and Java share.
 *
 * <p>A handle is a word, a positive odd {@code long}. The table that it belongs to is that of
 * {@code libhaft.so.0}, which every library of the process shares: C code pins, checks and deletes
 * the handles that Java has made, and Java those of C.
 *
 * <p>All methods may be called by any thread at any time. Where a word is refused, they throw the
 * {@link haft.HaftException} of the reason and change nothing.
 */
package haft;
