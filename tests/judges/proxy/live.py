"""Two witnesses that others wrote in Go cosign our log live: torchwood's litewitness and transparency-dev's omniwitness."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from aics_tlog.note import parse_note
from report import attempt, check, done
from witnesses import Centre, answers, free_port, size_of

EMPTY_TREE = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

world = json.loads(Path(sys.argv[1]).read_text())
go = Path(world["go"])
centre = Centre(world, "live")
running = []


def start(*words, env=None):
    log = open(centre.folder / f"{Path(words[0]).name}.log", "w")
    running.append(subprocess.Popen(
        [str(word) for word in words], cwd=centre.folder, env={**os.environ, **(env or {})}, stdout=log, stderr=log,
    ))


def until(what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not what():
        time.sleep(0.05)
    return what()


def litewitness():
    """Its key is in an agent; its own tool for adding logs writes these two rows."""
    port, socket, key = free_port(), centre.folder / "agent", centre.folder / "lite-key"
    start("ssh-agent", "-D", "-a", socket)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True)
    until(socket.exists)
    agent = {"SSH_AUTH_SOCK": str(socket)}
    subprocess.run(["ssh-add", "-q", key], env={**os.environ, **agent}, check=True)
    said = subprocess.run(["ssh-keygen", "-l", "-f", f"{key}.pub"], check=True, capture_output=True, text=True).stdout
    start(
        go / "litewitness", "-name", "lite.example/w", "-db", "lite.db", "-ssh-agent", socket,
        "-key", said.split()[1], "-listen", f"127.0.0.1:{port}",
    )
    check("litewitness answers", answers(port))
    with sqlite3.connect(centre.folder / "lite.db") as database:
        database.execute("INSERT INTO log VALUES (?, 0, ?)", (centre.origin, EMPTY_TREE))
        database.execute("INSERT INTO key VALUES (?, ?)", (centre.origin, centre.vkeys[0]))
    log = (centre.folder / "litewitness.log").read_text()
    return next(word for word in log.replace("vkey=", "\n").split() if word.startswith("lite.example/w+")), port


def omniwitness():
    """Our log beside those that it knows; it fetches nothing by itself without feeders."""
    port = free_port()
    subprocess.run(
        [go / "generate_keys", "-origin", "omni.example/w", "-out_priv", "omni.sec", "-out_pub", "omni.pub"],
        cwd=centre.folder, check=True,
    )
    (centre.folder / "omni.yaml").write_text(
        f"Logs:\n  - Origin: {json.dumps(centre.origin)}\n    URL: http://127.0.0.1:1/\n    PublicKey: {centre.vkeys[0]}\n"
    )
    start(
        go / "omniwitness", "--private_key_path", "omni.sec", "--db_file", "omni.db", "--additional_logs", "omni.yaml",
        "--listen", f"127.0.0.1:{port}", "--metrics_listen", "",
    )
    check("omniwitness answers", answers(port))
    return (centre.folder / "omni.pub").read_text().strip(), port


def attested(name, answer):
    """Whether this witness cosigned what is published now."""
    said = next(one for one in answer["answers"] if one["witness"] == name)
    check(f"{name} cosigns", said["cosigned"], said)


def grows():
    answer = json.loads(centre.comity("ledger", "attest", "--json"))
    for name in ("lite.example/w", "omni.example/w"):
        attested(name, answer)
    now = size_of(centre.checkpoint("now"))
    check("the log is attested by both", answer["attestation"]["attested"] == now, answer)
    return max((centre.dir / "ledger/cosigned").iterdir())


def main():
    (lite, lite_port), (omni, omni_port) = litewitness(), omniwitness()
    policy = centre.folder / "policy"
    policy.write_text(
        f"witness lite {lite} http://127.0.0.1:{lite_port}\nwitness omni {omni} http://127.0.0.1:{omni_port}\n"
        "group both all lite omni\nquorum both\n"
    )
    attempt("a policy with both is set", lambda: centre.comity("ledger", "policy", policy))
    grows()
    for number in range(3):
        centre.comity("case", "new", f"Case {number}")
    note = parse_note(grows().read_bytes())
    names = {signature.name for signature in note.signatures}
    check("their lines stand beside ours", {"lite.example/w", "omni.example/w"} <= names, names)
    # What the centre remembers of them is lost; they name the size that they know.
    for file in (centre.dir / "ledger/cosigned").iterdir():
        file.unlink()
    centre.comity("case", "new", "After the loss")
    grows()


try:
    main()
finally:
    for process in reversed(running):
        process.terminate()
        process.wait()
done()
