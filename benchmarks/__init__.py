"""Measurements of edgernn, beside other runtimes and on emulated chips. Nothing imports these."""
