"""The client of transparency-dev/witness submits our log to our witness, and Go's note package opens what comes back."""

import base64
import json
import subprocess
import sys
from pathlib import Path

from report import check, done
from witnesses import Centre, answers, free_port, size_of

world = json.loads(Path(sys.argv[1]).read_text())
centre = Centre(world, "client")
port = free_port()
centre.comity("witness", "init", "ours", "--name", "ours.example/w")
centre.comity("witness", "add-log", "ours", centre.dir / "keys")
serving = subprocess.Popen(
    [centre.programs / "comity", "witness", "serve", "ours", "--listen", f"127.0.0.1:{port}"],
    cwd=centre.folder, stdout=subprocess.DEVNULL,
)
vkey = (centre.folder / "ours/keys").read_text().split()[2]


def submit(old, checkpoint, hashes=()):
    words = [base64.b64encode(hash).decode() for hash in hashes]
    ran = subprocess.run(
        [Path(world["go"]) / "submit", f"http://127.0.0.1:{port}", str(old), checkpoint, vkey, *words],
        capture_output=True, text=True,
    )
    return ran.stdout.strip() or ran.stderr.strip()


try:
    check("our witness answers", answers(port))
    first = centre.checkpoint("first")
    said = submit(0, first)
    check("their client believes our cosignature", said == "ours.example/w", said)
    centre.comity("case", "new", "One more")
    second = centre.checkpoint("second")
    said = submit(0, second)
    check("it understands our 409", said == f"stale {size_of(first)}", said)
    said = submit(size_of(first), second)
    check("and our 422 when a proof is due", said.startswith("refused") and "proof" in said, said)
    said = submit(size_of(first), second, centre.proof_since(first))
    check("the grown log is cosigned with its proof", said == "ours.example/w", said)
    altered = centre.folder / "altered"
    altered.write_text(second.read_text(encoding="utf-8").replace(f"\n{size_of(second)}\n", f"\n{size_of(second) + 1}\n", 1))
    said = submit(size_of(second), altered)
    check("and our 403 for an altered checkpoint", said.startswith("refused") and "signature" in said, said)
finally:
    serving.terminate()
    serving.wait()
done()
