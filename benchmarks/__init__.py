"""Measurements of edgernn, beside other runtimes and on emulated chips. Nothing imports these.

Importing this package first keeps the numeric libraries that come after it to one thread.
"""

import os

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
