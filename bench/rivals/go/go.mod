module haft.study

go 1.19
