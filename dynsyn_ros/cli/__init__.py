"""The ``dynsyn`` program, one module a command."""
