# The commands of docs/diagnosing.md, which test.sh runs.
HAFT_DIAGNOSE=leaks ./leak
HAFT_DIAGNOSE=sites,refusals=10 ./stale
