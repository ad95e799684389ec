"""How a judge speaks: one line a check, and an exit code that is 1 when any failed."""

import sys

_failed = 0


def check(name, holds, why=""):
    """Prints whether `name` holds, and why not; gives back whether it does."""
    global _failed
    if holds:
        print(f"ok   {name}", flush=True)
    else:
        _failed += 1
        print(f"FAIL {name}{': ' + str(why) if why else ''}", flush=True)
    return bool(holds)


def attempt(name, action):
    """`action` must not raise; gives back what it returns."""
    try:
        result = action()
    except Exception as error:
        check(name, False, f"{type(error).__name__}: {error}")
        return None
    check(name, True)
    return result


def refused(name, action):
    """`action` must raise."""
    try:
        action()
    except Exception:
        return check(name, True)
    return check(name, False, "was accepted")


def done():
    sys.exit(1 if _failed else 0)
