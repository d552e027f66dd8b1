"""`python -m symc`, and the command `symc`: an interrupt is quiet before the command line is imported, too."""

import sys


def main() -> None:
    try:
        from symc.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)       # as the command line does


if __name__ == "__main__":
    main()
