"""Witnesses beside each other, and a package with stamps and five cosigners beside the sums alone."""

import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from measure import Took, run

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/judges"))
from authority import Authority

LOGS = 8
EMPTY_TREE = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Served:
    """A program that serves on a port until it is left."""

    def __init__(self, words, port, folder, env=None):
        self.log = open(folder / "serving.log", "w")
        self.process = subprocess.Popen([str(word) for word in words], cwd=folder, env=env, stdout=self.log, stderr=self.log)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{words[0]} does not answer; see {folder}/serving.log")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def ours(comity, folder, logs, port):
    run([comity, "witness", "init", folder / "w", "--name", "bench.example"], log=folder / "log")
    for number, (_, vkeys) in enumerate(logs):
        keys = folder / f"{number}.keys"
        keys.write_text("".join(f"log {vkey}\n" for vkey in vkeys) + "quorum none\n")
        run([comity, "witness", "add-log", folder / "w", keys], log=folder / "log")
    return Served([comity, "witness", "serve", folder / "w", "--listen", f"127.0.0.1:{port}", "--rate", "0"], port, folder)


def aics(program, folder, logs, port):
    config = folder / "config.json"
    run([program, "init", "-c", config, "--name", "bench.example", "--listen", f"127.0.0.1:{port}"], log=folder / "log")
    for origin, vkeys in logs:
        run([program, "add-log", "-c", config, "--origin", origin, "--vkey", vkeys[0]], log=folder / "log")
    return Served([program, "serve", "-c", config, "--log-level", "ERROR"], port, folder)


class Litewitness:
    """torchwood's, whose key is in an agent, and whose logs are rows."""

    def __init__(self, program, folder, logs, port):
        agent, key = folder / "agent", folder / "key"
        self.agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.DEVNULL)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True)
        while not agent.exists():
            time.sleep(0.02)
        subprocess.run(["ssh-add", "-q", key], env={"SSH_AUTH_SOCK": str(agent)}, check=True)
        said = subprocess.run(["ssh-keygen", "-l", "-f", f"{key}.pub"], check=True, capture_output=True, text=True).stdout
        words = [program, "-name", "bench.example", "-db", "db", "-ssh-agent", agent, "-key", said.split()[1]]
        self.served = Served([*words, "-listen", f"127.0.0.1:{port}"], port, folder)
        with sqlite3.connect(folder / "db") as database:
            for origin, vkeys in logs:
                database.execute("INSERT INTO log VALUES (?, 0, ?)", (origin, EMPTY_TREE))
                database.execute("INSERT INTO key VALUES (?, ?)", (origin, vkeys[0]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.served.__exit__()
        self.agent.terminate()
        self.agent.wait()


def cosignatures(table, fresh, programs, requests, in_turn, turn):
    """Eight logs grow by a leaf at a time; each waits for its cosignature."""
    load = programs["load"]
    lines = subprocess.run([load, "keys", str(LOGS)], check=True, capture_output=True, text=True).stdout.splitlines()
    logs = [(line.split()[0], line.split()[1:]) for line in lines]
    kinds = {"comity": ours, "aics-witness": aics, "litewitness": Litewitness}
    if not programs["litewitness"]:
        print("  litewitness is left out: LITEWITNESS does not name it (`make judges-go` says how it is built)")
        del kinds["litewitness"]
    work = f"{LOGS * requests} cosignatures"
    for name, kind in in_turn(kinds, turn):
        port = free_port()
        with kind(programs[name], fresh.folder(name), logs, port):
            words = [load, "run", f"http://127.0.0.1:{port}", str(LOGS), str(requests)]
            ran = subprocess.run(words, check=True, capture_output=True, text=True)
        seconds = float(ran.stdout)
        table.add(work, name, Took(seconds, 0, 0))
        print(f"    {LOGS * requests / seconds:.0f} a second", flush=True)


def attested_package(table, fresh, bin, take_in, corpus, in_turn, turn):
    """A package whose checkpoint five witnesses cosigned and an authority stamped, checked with all of it."""
    _, (path, env, log) = take_in(corpus, fresh)
    comity, folder = bin / "comity", fresh.folder("witnesses")
    policy, serving = "", []
    try:
        for name in ("aster", "birch", "cedar", "daisy", "elder"):
            port, place = free_port(), fresh.folder(name)
            run([comity, "witness", "init", place / "w", "--name", name], log=log)
            run([comity, "witness", "add-log", place / "w", path / "keys"], log=log)
            serving.append(Served([comity, "witness", "serve", place / "w", "--listen", f"127.0.0.1:{port}"], port, place))
            keys = (place / "w/keys").read_text().splitlines()
            policy += "".join(f"{line} http://127.0.0.1:{port}\n" for line in keys)
            policy += f"group {name} all {' '.join(line.split()[1] for line in keys)}\n"
        (folder / "policy").write_text(policy + "group five all aster birch cedar daisy elder\nquorum five\n")
        run([comity, "ledger", "policy", folder / "policy"], env=env, log=log)
        authority = Authority(folder / "authority")
        words = ["authority", "add", "bench", "--url", authority.url, "--certificates", authority.certificates]
        run([comity, "stamp", *words], env=env, log=log)
        run([comity, "stamp", "now"], env=env, log=log)
        bag = folder / "bag"
        words = [comity, "disclose", "--case", "Bench", "--purpose", "measuring", "--attested=60", "-o", bag]
        run(words, env=env, log=log)
    finally:
        for served in serving:
            served.__exit__()
    checked = subprocess.run([bin / "comity-verify", "--json", bag, "--keys", path / "keys"], capture_output=True, text=True)
    said = json.loads(checked.stdout)
    attested = said["log"]["witnesses"]["attested_at"]
    if checked.returncode or not attested or not re.search('"authority"', checked.stdout):
        raise RuntimeError(f"the package is not what it should be: {checked.stdout[:2000]}")
    programs = {
        "comity": lambda: run([bin / "comity-verify", bag, "--keys", path / "keys"], log=log),
        "sha256sum -c": lambda: run(["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], cwd=bag, log=log),
    }
    for name, program in in_turn(programs, turn):
        table.add("checking it, stamped, five cosigners", name, program())
