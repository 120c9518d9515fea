package haft;

/** Figures of the table, exact if no other thread is inside a call. */
public final class Stats {
  private final long[] figures;

  Stats(long[] figures) {
    this.figures = figures;
  }

  /**
   * Returns how many handles are live.
   *
   * @return handles issued and not deleted
   */
  public long live() {
    return figures[0];
  }

  /**
   * Returns how many objects are deleted and still in use.
   *
   * @return objects whose last pin has not ended
   */
  public long retiredObjects() {
    return figures[1];
  }

  /**
   * Returns how many handles were ever issued.
   *
   * @return a count that only grows
   */
  public long created() {
    return figures[2];
  }

  /**
   * Returns how many handles were ever deleted.
   *
   * @return a count that only grows
   */
  public long deleted() {
    return figures[3];
  }

  /**
   * Returns how many slots have used up their generations.
   *
   * @return slots that are never used again
   */
  public long exhaustedSlots() {
    return figures[4];
  }

  /**
   * Returns how many slots were ever taken into use.
   *
   * @return slots, free ones included
   */
  public long highWater() {
    return figures[5];
  }

  /**
   * Returns how many objects can always exist at the same time.
   *
   * @return the capacity, without the exhausted slots
   */
  public long capacity() {
    return figures[6];
  }

  /**
   * Returns how many thread caches a fork has left half written.
   *
   * @return caches that no thread uses any more
   */
  public long lostCaches() {
    return figures[7];
  }

  /**
   * Returns how many pins were refused because they had ended before.
   *
   * @return a count for all tables
   */
  public long refusedUnpins() {
    return figures[8];
  }
}
