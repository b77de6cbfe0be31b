"""The command line, `credit-easy`: one module per group of commands, listed in `main`."""
