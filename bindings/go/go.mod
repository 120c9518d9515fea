module haft.dev/haft

go 1.19
