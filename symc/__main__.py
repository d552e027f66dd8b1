"""`python -m symc`."""

from symc.cli import main

main()
