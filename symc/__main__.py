"""`python -m symc`, and the command `symc`: an interrupt is quiet before the command line is imported, too."""

import gc
import sys

# between two searches for garbage, of which a command makes little: modules and graphs live as long as its process
YOUNG_OBJECTS = 200_000
# seconds after which a thread that hashes or packs weights, for which it holds no lock of Python, gets that lock back
SWITCH_INTERVAL = 0.0005


def main() -> None:
    gc.set_threshold(YOUNG_OBJECTS)
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        from symc.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)       # as the command line does
    finally:
        gc.freeze()         # nor is any looked for when the process ends, which frees what there is faster


if __name__ == "__main__":
    main()
