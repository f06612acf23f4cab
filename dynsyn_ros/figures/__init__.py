"""The figures of the paper, drawn from runs of this package: a module a kind, a function each."""
