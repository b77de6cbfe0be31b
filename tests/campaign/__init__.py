"""A fault campaign against real processes: `python -m tests.campaign --seed 1 --minutes 5 --engine sqlite`.

`serving` runs the service, `city` its database and servers; `residents` are clients that note in `journal` what was
acknowledged; `faults` breaks things; `oracle` compares the service with the journal.
The figures are in docs/reliability.md.
"""
