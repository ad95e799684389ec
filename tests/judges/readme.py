"""A new user: the commands of the README's 'first ten minutes' are run as they stand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from report import check, done

ROOT = Path(__file__).resolve().parents[2]
world = json.loads(Path(sys.argv[1]).read_text())
home = Path(world["scratch"]) / "home"
home.mkdir()
text = (ROOT / "README.md").read_text(encoding="utf-8")
chapter = re.search(r"^## The first ten minutes$(.*?)(?=^## )", text, re.M | re.S)[1]
script = re.search(r"^```sh\n(.*?)^```$", chapter, re.M | re.S)[1]
check("it begins by building and finding the programs", script.startswith("make release\nPATH=$PWD/target/release:$PATH\n"))
script = script.replace("make release\nPATH=$PWD/target/release:$PATH\n", "")
if subprocess.run(["unshare", "--map-root-user", "--net", "true"], capture_output=True).returncode:
    script = script.replace("unshare --map-root-user --net ", "")
env = {**os.environ, "HOME": str(home), "PATH": f"{world['programs']}:{os.environ['PATH']}"}
for name in ("COMITY_CENTRE", "COMITY_PASSPHRASE", "COMITY_ACTOR"):
    env.pop(name, None)
ran = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True)
check("its commands run as they stand", ran.returncode == 0, ran.stdout[-500:] + ran.stderr[-500:])
check("the last of them says that the package is verified", "VERIFIED" in ran.stdout)
there = sorted(path.name for path in (home / "trial").iterdir())
expected = ["centre", "first", "package", "package.consistency", "package.disclosure.tlog-proof", "receipt"]
check("and all that was made is in one place", there == expected, there)
done()
