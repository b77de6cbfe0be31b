"""The command line, `credit-easy`: one module per group of commands, listed in `main`.

Every command imports what it runs inside its own body. Importing the whole service takes a second of CPU: this way
`--help`, `--version` and a mistyped option need none of it, and `migrate` loads no pages.
"""
