"""The tests, in the tree of the code; flows in `stories`, helpers in `support`.

This module runs before every other one of the tests. Container images often forbid bytecode files. Each process of a
run (pytest's workers, and the service, which is started over and over) would then compile all modules again, and pytest
rewrite all test modules: half of collecting the tests and a fifth of a start. `__pycache__` is not versioned.
"""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
