module haft.example

go 1.19
