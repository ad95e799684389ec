"""A reader without our program: the chapter 'Check it by hand' of docs/format/disclosure.md, command by command.

Its fenced blocks run in one shell that finds nothing but bash, openssl, jq and the small programs of any Debian. They
must hold for a good package, and must not for a damaged one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import other_writer
from report import check, done

PROGRAMS = """basename base64 bash cat cut dirname find grep head jq mktemp od openssl sed sha256sum sort tail tr uniq
wc xargs""".split()

world = json.loads(Path(sys.argv[1]).read_text())
scratch = Path(world["scratch"]) / "by-hand"
programs = scratch / "bin"
programs.mkdir(parents=True)
for name in PROGRAMS:
    (programs / name).symlink_to(shutil.which(name))

# The package carries the documents: a reader has nothing else.
document = (Path(world["package"]) / "comity/format/disclosure.md").read_text(encoding="utf-8")
chapter = re.search(r"^## Check it by hand$(.*?)(?=^## |\Z)", document, re.M | re.S)[1]
blocks = re.findall(r"^```bash\n(.*?)^```$", chapter, re.M | re.S)
check("the chapter has its blocks", len(blocks) >= 8, len(blocks))
script = "\n".join(blocks)
choice = re.search(r"^ern=.*$", script, re.M)
check("the chapter lets a reader choose the exhibit", choice is not None)


def follow(package, ern=None):
    text = script if ern is None else script.replace(choice[0], f"ern={ern}", 1)
    env = {"PATH": str(programs), "HOME": str(scratch), "LANG": "C.UTF-8", "TMPDIR": str(scratch)}
    return subprocess.run(["bash", "-c", text], cwd=package, env=env, capture_output=True, text=True)


package = Path(world["package"])
items = [json.loads(line) for line in (package / "comity/items.jsonl").read_text(encoding="utf-8").splitlines()]
unread = next((item["ern"] for item in items if item["file"] is None), items[-1]["ern"])
chosen = {"the first exhibit": None, "an exhibit without bytes": unread}
for name, ern in chosen.items():
    ran = follow(package, ern)
    check(f"by hand, {name}: all holds", ran.returncode == 0, (ran.stdout + ran.stderr)[-1500:])
    holds = ran.stdout.count("holds: ")
    check(f"by hand, {name}: as many things as the chapter promises", holds >= 10, f"{holds} lines")
    check(f"by hand, {name}: both signatures", ran.stdout.count("Signature Verified Successfully") == 2)

# Damage is shown on a smaller package, since a shell needs seconds for each full tile.
package = other_writer.write(scratch / "other", 5, 20, 0)
items = [json.loads(line) for line in (package / "comity/items.jsonl").read_text(encoding="utf-8").splitlines()]
check("by hand, another writer's package: all holds", follow(package).returncode == 0)
side = [path.name for path in package.parent.iterdir() if path.name.startswith(package.name + ".") and path.is_file()]


def damaged(name, change, expect):
    copy = scratch / name.replace(" ", "-") / package.name
    shutil.copytree(package, copy)
    for file in side:
        shutil.copy(package.parent / file, copy.parent / file)
    change(copy)
    ran = follow(copy)
    check(f"by hand, {name}: noticed", ran.returncode != 0 and expect in ran.stdout + ran.stderr, (ran.stdout + ran.stderr)[-500:])


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def reseal(copy):
    """Makes the manifests true again, as a forger would."""
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        lines = []
        for line in (copy / manifest).read_text().splitlines():
            path = line[66:]
            digest = subprocess.run(["sha256sum", copy / path], capture_output=True, text=True, check=True).stdout[:64]
            lines.append(f"{digest}  {path}\n")
        (copy / manifest).write_text("".join(lines))


def forge_exhibit(copy):
    first = next(item for item in items if item["file"])
    flip(copy / first["file"], 0)
    reseal(copy)


def forge_field(copy):
    path = copy / "comity/events.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[0] = lines[0].replace('"value":"received"', '"value":"recieved"')
    path.write_text("\n".join(lines), encoding="utf-8")
    reseal(copy)


def forge_tile(copy):
    flip(sorted(path for path in (copy / "comity/log/tile/0").rglob("*") if path.is_file())[0], 33)
    reseal(copy)


def forge_checkpoint(copy):
    path = copy / "comity/log/checkpoint"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[2] = "A" * 43 + "="
    path.write_text("\n".join(lines), encoding="utf-8")
    reseal(copy)


damaged("one byte of an exhibit", lambda copy: flip(next(iter(sorted((copy / "data").iterdir()))), 0), "FAILED")
damaged("a forged exhibit", forge_exhibit, "WRONG: digest of the exhibit")
damaged("a forged field", forge_field, "WRONG: body commitment")
damaged("a forged tile", forge_tile, "WRONG: ")
damaged("a forged checkpoint", forge_checkpoint, "WRONG: root of the tree")
damaged("a file too many", lambda copy: (copy / "extra").write_text("x"), "WRONG: list of files")
done()
