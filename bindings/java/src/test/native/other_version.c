/* A libhaft.so.0 of another version, as the loader sees it. */

int haft_version(void);

int haft_version(void) { return OTHER_VERSION; }
