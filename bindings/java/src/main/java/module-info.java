/**
 * Handles that C, C++ and Java share: one table for the process turns objects into words that any
 * thread may use too late.
 *
 * <p>{@link haft.Handle} gives C a word for a Java object. {@link haft.NativeObject} is the base of
 * Java classes whose objects are C's or C++'s. A word that is no longer live is refused with a
 * {@link haft.HaftException}, and never crosses to another object.
 */
module haft {
  exports haft;
}
