"""Where `registry` begins, and how a refusal leaves it: 0 done, 1 refused, 2 misused."""

import importlib
import sys

from registry.core.errors import RegistryError


def main() -> None:
    """Run a command; a refusal is one line on standard error, with its code.

    `verify` and `acts check` are no part of the tree of the others: what is carried offline loads the core alone.
    """
    if not __debug__:
        sys.exit("registry does not run under python -O: its invariants are asserts")
    try:
        if sys.argv[1:2] == ["verify"]:
            sys.exit(importlib.import_module("registry.cli.verify").main(sys.argv[2:]))
        if sys.argv[1:3] == ["acts", "check"]:
            sys.exit(importlib.import_module("registry.cli.check_acts").main(sys.argv[3:]))
        importlib.import_module("registry.cli.tree").app()
    except RegistryError as refusal:
        clause = f" ({refusal.clause})" if refusal.clause else ""
        files = "".join(f"{each}: " for each in getattr(refusal, "__notes__", ()))
        sys.stderr.write(f"registry: {refusal.code}: {files}{refusal}{clause}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
