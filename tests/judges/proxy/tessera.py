"""Tessera's fsck makes every tile of the exported log anew from its entries."""

import json
import subprocess
import sys
from pathlib import Path

from report import check, done

world = json.loads(Path(sys.argv[1]).read_text())
log = Path(world["log"])
vkey = next(line.split()[1] for line in Path(world["keys"]).read_text().splitlines() if line.startswith("log "))


def fsck():
    return subprocess.run([Path(world["go"]) / "fsck", log, vkey], capture_output=True, text=True)


def changed(path, at):
    """What fsck says while one byte of a file is another."""
    kept = path.read_bytes()
    path.write_bytes(kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :])
    said = fsck()
    path.write_bytes(kept)
    return said


said = fsck()
check("fsck accepts the exported log", said.returncode == 0, said.stderr)
for what, pattern, at in [("a leaf", "tile/entries/**/*", 40), ("a tile", "tile/0/**/*", 5), ("the checkpoint", "checkpoint", 30)]:
    path = sorted(path for path in log.glob(pattern) if path.is_file())[0]
    said = changed(path, at)
    check(f"fsck refuses it after one byte of {what} was changed", said.returncode == 1)
check("and accepts it again", fsck().returncode == 0)
done()
