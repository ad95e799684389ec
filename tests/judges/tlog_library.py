"""`tlog-scales` reads our proofs, packages and exported log: both signatures, inclusion, consistency, the same bytes."""

import base64
import json
import subprocess
import sys
from pathlib import Path

from report import attempt, check, done, refused
from tlog_scales import tiles
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint, ConsistencyProof, InclusionProof

world = json.loads(Path(sys.argv[1]).read_text())
keys = [
    Vkey.from_string(line.split()[1])
    for line in Path(world["keys"]).read_text(encoding="utf-8").splitlines()
    if line.startswith("log ")
]
check("the key file has an Ed25519 and an ML-DSA-44 key", [key.sig_type for key in keys] == [1, 6])
for key in keys:
    again = Vkey(key.name, None, key.sig_type, key.pubkey)
    check(f"key id of type {key.sig_type} is what the name and key give", again.key_id == key.key_id)


def signed(text):
    """A checkpoint whose both signatures hold."""
    checkpoint = Checkpoint.from_text(text)
    for key in keys:
        checkpoint.verify(key)
    return checkpoint


def parse_proof(text):
    """A .tlog-proof: what stands in `extra`, the proof, the checkpoint's text."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    assert lines.pop(0) == "c2sp.org/tlog-proof@v1", "first line"
    extra = base64.b64decode(lines.pop(0)[6:], validate=True) if lines[0].startswith("extra ") else None
    index = int(lines.pop(0).removeprefix("index "))
    hashes = [base64.b64decode(line, validate=True) for line in lines]
    return extra, index, hashes, note


log = Path(world["log"])
reader = TilesReader(LocalBackend(log))
newest = attempt("both signatures of the exported checkpoint hold", lambda: signed((log / "checkpoint").read_text(encoding="utf-8")))
reader.set_size(newest.size)
check("the exported tiles give the checkpoint's root", reader.calculate_root_hash() == newest.root_hash)

older = signed(Path(world["older_checkpoint"]).read_text(encoding="utf-8"))
attempt(
    f"{newest.size} leaves continue the older checkpoint's {older.size}",
    lambda: reader.get_consistency_proof(older.size, newest.size).check(older.root_hash, newest.root_hash),
)

package = Path(world["package"])
beside = package.parent
for path in [*sorted(Path(world["proofs"]).iterdir()), beside / "package.disclosure.tlog-proof"]:
    text = path.read_text(encoding="utf-8")
    extra, index, hashes, note = parse_proof(text)
    checkpoint = attempt(f"{path.name}: both signatures hold", lambda: signed(note))
    leaf = reader.get_entry(index)
    proof = InclusionProof(index, checkpoint.size, hashes)
    attempt(f"{path.name}: includes leaf {index}", lambda: proof.check(tiles.leaf_hash(leaf), checkpoint.root_hash))
    refused(f"{path.name}: does not include another leaf", lambda: proof.check(tiles.leaf_hash(leaf + b" "), checkpoint.root_hash))
    same = reader.get_inclusion_proof(index, checkpoint.size).node_hashes == hashes
    check(f"{path.name}: has the hashes that tlog-scales makes", same)
    if extra:
        held = json.loads(extra)["leaf"].encode() if b'"leaf":' in extra else extra
        check(f"{path.name}: `extra` holds that very leaf", held == leaf)

made = subprocess.run(
    [sys.executable, "-m", "tlog_scales.cli", "gen-proof", log, "1"], capture_output=True, text=True, check=True
).stdout
check("a proof that tlog-scales makes carries our checkpoint unchanged", made.endswith((log / "checkpoint").read_text(encoding="utf-8")))

text = (beside / "package.consistency").read_text(encoding="utf-8")
hashes, rest = text.split("\n\n", 1)
parts = rest.split("\n\n")
a_text, b_text = "\n\n".join(parts[:2]) + "\n", "\n\n".join(parts[2:])
a = attempt("both signatures of checkpoint A hold", lambda: signed(a_text))
b = attempt("both signatures of checkpoint B hold", lambda: signed(b_text))
proof = ConsistencyProof(a.size, b.size, [base64.b64decode(line) for line in hashes.split("\n")[1:]])
attempt(f"B ({b.size}) continues A ({a.size})", lambda: proof.check(a.root_hash, b.root_hash))
check("A is the package's own checkpoint", a_text == (package / "comity/log/checkpoint").read_text(encoding="utf-8"))

part = TilesReader(LocalBackend(package / "comity/log"))
part.set_size(a.size)
count = 0


def all_events():
    global count
    for line in (package / "comity/events.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        proof = part.get_inclusion_proof(event["index"], a.size)
        proof.check(tiles.leaf_hash(event["leaf"].encode()), a.root_hash)
        count += 1


attempt("every event of the package is in A, by the package's own tiles", all_events)
check("and there were some hundred", count > 300, count)
done()
