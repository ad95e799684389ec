"""A witness that others wrote cosigns our log live, and a client that others wrote submits our log to our witness.

    witnesses.py WORLD
"""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from aics_tlog.note import parse_note, parse_vkey
from aics_witness.feeder import WitnessAhead, WitnessClient, WitnessRejected
from report import attempt, check, done, refused


class Centre:
    """A small centre of its own: the others' one has no witnesses."""

    def __init__(self, world, name="witnessed"):
        self.programs = Path(world["programs"])
        self.folder = Path(world["scratch"]) / name
        self.folder.mkdir()
        self.dir = self.folder / "centre"
        self.env = {
            **os.environ, "COMITY_CENTRE": str(self.dir), "COMITY_PASSPHRASE": "judged", "COMITY_ACTOR": "UKR-P0001",
        }
        first = {**self.env, "COMITY_ACTOR": "A. Judge"}
        self.comity("init", self.dir, "--name", "Witnessed", "--member", "UKR=Ukraine", env=first)
        self.keys = (self.dir / "keys").read_text()
        self.vkeys = [line.split()[1] for line in self.keys.splitlines() if line.startswith("log ")]
        self.origin = self.vkeys[0].split("+")[0]

    def run(self, *words, env=None):
        return subprocess.run(
            [self.programs / "comity", *map(str, words)], cwd=self.folder, env=env or self.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )

    def comity(self, *words, env=None):
        ran = self.run(*words, env=env)
        if ran.returncode:
            raise RuntimeError(f"comity {' '.join(map(str, words))} ended with {ran.returncode}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def checkpoint(self, name):
        path = self.folder / name
        path.write_text(self.comity("ledger", "checkpoint"), encoding="utf-8")
        return path

    def proof_since(self, path):
        """The hashes of the consistency proof from an older checkpoint to the present one."""
        file = self.comity("ledger", "proof", "--since", path)
        head = file.split("\n\n", 1)[0].split("\n")[1:]
        return [base64.b64decode(line) for line in head if line]


def size_of(path):
    return int(path.read_text(encoding="utf-8").split("\n")[1])


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(port):
    """Waits until something listens there."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
    return False


def theirs_cosigns_ours(centre, running):
    config = centre.folder / "theirs.json"
    port = free_port()
    theirs = Path(sys.executable).parent / "aics-witness"

    def tell(*words):
        return subprocess.run(
            [theirs, *map(str, words)], cwd=centre.folder, text=True, check=True, stdout=subprocess.PIPE,
        ).stdout

    said = tell("init", "-c", config, "--name", "judge.example/w1", "--listen", f"127.0.0.1:{port}")
    vkey = re.search(r"judge\.example/w1\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", said).group(0)
    tell("add-log", "-c", config, "--origin", centre.origin, "--vkey", centre.vkeys[0])
    running.append(subprocess.Popen(
        [theirs, "serve", "-c", config, "--log-level", "ERROR"], cwd=centre.folder, stderr=subprocess.DEVNULL,
    ))
    check("their witness answers", answers(port))
    policy = centre.folder / "policy"
    policy.write_text(f"witness theirs {vkey} http://127.0.0.1:{port}\nquorum theirs\n")
    attempt("a policy with their witness is set", lambda: centre.comity("ledger", "policy", policy))
    for number in range(3):
        centre.comity("case", "new", f"Case {number}")
    answer = json.loads(centre.comity("ledger", "attest", "--json"))
    check("their witness cosigns as the log grows", answer["answers"][0]["cosigned"], answer)
    check("the log is attested by it", answer["attestation"]["attested"] == size_of(centre.checkpoint("now")), answer)
    cosigned = max((centre.dir / "ledger/cosigned").iterdir())
    note = parse_note(cosigned.read_bytes())
    key = parse_vkey(vkey)
    check("its line stands beside ours", any(s.name == key.name for s in note.signatures), note)
    receipts(centre)


def receipts(centre):
    evidence = centre.folder / "evidence"
    evidence.mkdir()
    (evidence / "a.txt").write_text("a\n")
    centre.comity(
        "intake", evidence, "--member", "UKR", "--case", "C0001", "--source", "s", "--attested=60", "--receipt", "receipt",
    )
    ran = subprocess.run(
        [centre.programs / "comity-verify", "receipt", "--json"], cwd=centre.folder, text=True, stdout=subprocess.PIPE,
    )
    log = json.loads(ran.stdout)["log"]
    check("the receipt says that their witness attested it", bool(log["witnesses"]["attested_at"]), log)


def their_client_submits_to_ours(centre, running):
    port = free_port()
    centre.comity("witness", "init", "ours", "--name", "ours.example")
    centre.comity("witness", "add-log", "ours", centre.dir / "keys")
    running.append(subprocess.Popen(
        [centre.programs / "comity", "witness", "serve", "ours", "--listen", f"127.0.0.1:{port}"],
        cwd=centre.folder, stdout=subprocess.DEVNULL,
    ))
    check("our witness answers", answers(port))
    vkey = (centre.folder / "ours/keys").read_text().split()[2]
    url = f"http://127.0.0.1:{port}"
    client = WitnessClient(url, vkey)
    first = centre.checkpoint("first")
    proof = lambda old, new: centre.proof_since(first) if old else []
    attempt("their client gets a cosignature that it believes", lambda: client.submit(first.read_bytes(), proof))
    centre.comity("case", "new", "One more")
    second = centre.checkpoint("second")
    forgetful = WitnessClient(url, vkey)
    attempt("and again after our 409 told it the size", lambda: forgetful.submit(second.read_bytes(), proof))

    def raised(action, kind, status=None):
        try:
            action()
        except kind as error:
            return status is None or error.status == status
        return False

    check(
        "an older checkpoint is behind the witness",
        raised(lambda: WitnessClient(url, vkey).submit(first.read_bytes(), (0, [])), WitnessAhead),
    )
    altered = second.read_text(encoding="utf-8").replace(f"\n{size_of(second)}\n", f"\n{size_of(second) + 1}\n", 1)
    check(
        "an altered checkpoint is 403",
        raised(lambda: client.submit(altered, (size_of(second), [])), WitnessRejected, 403),
    )
    check(
        "no proof where one is due is 422",
        raised(lambda: WitnessClient(url, vkey).submit(third(centre), (size_of(second), [])), WitnessRejected, 422),
    )
    refused("a signature of another key is not believed", lambda: WitnessClient(
        url, centre.vkeys[0]).submit(second.read_bytes(), (size_of(second), [])))


def third(centre):
    centre.comity("case", "new", "And one more")
    return centre.checkpoint("third").read_bytes()


def main():
    centre = Centre(json.loads(Path(sys.argv[1]).read_text()))
    running = []
    try:
        theirs_cosigns_ours(centre, running)
        their_client_submits_to_ours(centre, running)
    finally:
        for process in running:
            process.terminate()
            process.wait()
    done()


if __name__ == "__main__":
    main()
