# What docs/diagnosing.md tells the reader to type; test.sh types it.
HAFT_DIAGNOSE=leaks ./leak
HAFT_DIAGNOSE=sites,refusals=10 ./stale
