"""Programs that others wrote judge what ours made.

Makes a centre with the built programs, takes in the sample evidence and some hundred small files, discloses, exports
the log; then runs every other script of this folder with the path of a `world.json` that says where all that is. A
judge prints one line a check (`report.py`) and exits with 1 when any failed, and so does this.

    tests/judges/run.py --bin target/debug [--proxy] [JUDGE …]

With `--proxy` the judges are those of the folder `proxy`: programs in Go, which are built first, pinned by the folder's
`go.mod` and `go.sum`, from the Go module proxy.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from authority import Authority

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLES = ROOT / "testdata/samples"
NOT_JUDGES = {"run.py", "report.py", "authority.py"}


class World:
    """A centre, and what it handed over."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        self.centre = folder / "centre"
        self.env = {
            **os.environ,
            "COMITY_CENTRE": str(self.centre),
            "COMITY_PASSPHRASE": "judged by others",
            "COMITY_ACTOR": "Олена Вигадана",
        }

    def comity(self, *words):
        """Runs `comity`; what it prints comes back."""
        ran = subprocess.run(
            [self.programs / "comity", *map(str, words)],
            cwd=self.folder, env=self.env, text=True,
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )
        if ran.returncode:
            sys.exit(f"judges: comity {' '.join(map(str, words))} ended with {ran.returncode}\n{ran.stdout}")
        return ran.stdout

    def make(self):
        evidence = self.folder / "evidence"
        subprocess.run(["cp", "-r", SAMPLES / "evidence", evidence], check=True)
        (evidence / "odd names").mkdir()
        with open(os.fsencode(evidence) + b"/odd names/not utf-8 \xff\xfe.txt", "w") as out:
            out.write("a name that is bytes\n")
        for name in ("percent %0A.txt", "line\nfeed.txt", "tab\there.txt", " spaces around ", "<b>&amp;.html", "ї nfd ї.txt"):
            (evidence / "odd names" / name).write_text(f"{name!r}\n")
        os.symlink("../READ ME FIRST.txt", evidence / "odd names" / "link")
        os.mkfifo(evidence / "odd names" / "pipe")
        many = self.folder / "many"
        many.mkdir()
        for number in range(300):
            (many / f"{number:04d}.txt").write_text(f"file {number}\n")

        self.comity("init", self.centre, "--name", "Judged", "--member", "UKR=Ukraine", "--member", "LTU=Lithuania")
        self.comity("case", "new", "Zoriane")
        self.comity(
            "intake", evidence, "--member", "UKR", "--case", "Zoriane", "--source", "National Police (invented)",
            "--document", SAMPLES / "hand-over/hand-over letter.txt",
            "--manifest", SAMPLES / "hand-over/manifest.sha256", "--provenance", SAMPLES / "hand-over/provenance.csv",
            "--receipt", self.folder / "receipt", "--legacy-hashes",
        )
        older = self.folder / "older-checkpoint"
        older.write_text(self.comity("ledger", "checkpoint"), encoding="utf-8")
        self.comity("intake", many, "--member", "UKR", "--case", "Zoriane", "--source", "many", "--no-receipt")
        self.comity("item", "get", "UKR-000001-0000001", "--purpose", "judging", "-o", self.folder / "got")

        authority = Authority(self.folder / "authority")
        self.comity("stamp", "authority", "add", "judged", "--url", authority.url, "--certificates", authority.certificates)
        self.comity("stamp", "now")

        disclose = ("disclose", "--case", "Zoriane", "--purpose", "judging", "--recipient", "the judges", "-o")
        self.comity(*disclose, self.folder / "package")
        (self.folder / "zipped").mkdir()
        self.comity(*disclose, self.folder / "zipped/package.zip")
        # The validator of the graph needs a second an exhibit: a few of every kind will do for it.
        chosen = [word for number in (1, 2, 12, *range(20, 30)) for word in ("--item", f"UKR-000001-{number:07d}")]
        self.comity(*disclose, self.folder / "few", *chosen)
        self.comity("ledger", "export", self.folder / "log")
        proofs = self.folder / "proofs"
        proofs.mkdir()
        for number in (1, 2, 20):
            self.comity("ledger", "proof", f"UKR-000001-{number:07d}", "-o", proofs / f"{number}.tlog-proof")
        world = {
            "programs": str(self.programs),
            "passphrase": self.env["COMITY_PASSPHRASE"],
            "centre": str(self.centre),
            "evidence": str(evidence),
            "letter": str(SAMPLES / "hand-over/hand-over letter.txt"),
            "receipt": str(self.folder / "receipt"),
            "package": str(self.folder / "package"),
            "few": str(self.folder / "few"),
            "package_zip": str(self.folder / "zipped/package.zip"),
            "log": str(self.folder / "log"),
            "keys": str(self.folder / "log" / "keys"),
            "older_checkpoint": str(older),
            "proofs": str(proofs),
            "authority": str(authority.certificates),
            "scratch": str(self.folder),
            "go": str(self.folder / "go"),
        }
        path = self.folder / "world.json"
        path.write_text(json.dumps(world, indent=1))
        return path


def build(folder):
    """Builds the programs in Go that judge, and those that they import whole."""
    module = HERE / "proxy"
    tools = subprocess.run(["go", "list", "tool"], cwd=module, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    words = ["go", "build", "-mod=readonly", "-buildvcs=false", "-o", f"{folder}/", "./...", *tools]
    if subprocess.run(words, cwd=module).returncode:
        sys.exit("judges: the programs in Go do not build; they need the Go module proxy (see `go env GOPROXY`)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, default=ROOT / "target/debug")
    parser.add_argument("--proxy", action="store_true", help="the judges that need the Go module proxy")
    parser.add_argument("judges", nargs="*", help="names of judges; all when there are none")
    asked = parser.parse_args()
    where = HERE / "proxy" if asked.proxy else HERE
    judges = sorted(path for path in where.glob("*.py") if path.name not in NOT_JUDGES)
    if asked.judges:
        judges = [path for path in judges if path.stem in asked.judges]
    failed = []
    with tempfile.TemporaryDirectory(prefix="comity-judges-") as folder:
        if asked.proxy:
            build(Path(folder) / "go")
        world = World(asked.bin.resolve(), Path(folder)).make()
        for judge in judges:
            print(f"== {judge.stem}", flush=True)
            started = time.monotonic()
            env = {**os.environ, "PYTHONPATH": str(HERE)}
            ran = subprocess.run([sys.executable, judge, world], cwd=folder, env=env, stdin=subprocess.DEVNULL)
            print(f"   {time.monotonic() - started:.1f} s", flush=True)
            if ran.returncode:
                failed.append(judge.stem)
    print(f"judges: {len(judges) - len(failed)} passed, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)}")
    sys.exit(1 if failed else 0)


main()
