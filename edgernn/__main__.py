"""`python -m edgernn`, as `torchrun -m edgernn train ...` needs it."""

from edgernn.cli import main

main()
