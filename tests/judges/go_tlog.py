"""Go's own note and tlog packages, in a small program of ours (`go/main.go`), read the exported log."""

import json
import os
import subprocess
import sys
from pathlib import Path

from report import check, done

world = json.loads(Path(sys.argv[1]).read_text())
judge = Path(world["scratch"]) / "go-judge"
env = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOTOOLCHAIN": "local"}
source = Path(__file__).resolve().parent / "go/main.go"
built = subprocess.run(["go", "build", "-o", judge, source], env=env, capture_output=True, text=True)
if check("the Go program builds", built.returncode == 0, built.stderr):
    ran = subprocess.run([judge, world["log"], world["keys"], world["older_checkpoint"]])
    check("Go accepts the exported log", ran.returncode == 0)

    bundle = sorted(Path(world["log"]).glob("tile/entries/**/*"))[0]
    kept = bundle.read_bytes()
    bundle.write_bytes(kept[:40] + bytes([kept[40] ^ 1]) + kept[41:])
    ran = subprocess.run([judge, world["log"], world["keys"]], capture_output=True)
    bundle.write_bytes(kept)
    check("Go refuses it after one byte of a leaf was changed", ran.returncode == 1)
done()
