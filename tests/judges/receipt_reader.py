"""A receipt, read by docs/format/receipt.md alone: every line stands in the log, and speaks of the deliverer's files."""

import hashlib
import json
import os
import sys
from pathlib import Path

from report import attempt, check, done
from tlog_scales import tiles
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint

world = json.loads(Path(sys.argv[1]).read_text())
receipt = Path(world["receipt"])


def canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


head = json.loads((receipt / "receipt.json").read_text(encoding="utf-8"))
manifest = (receipt / "manifest.jsonl").read_bytes()
check("the head is canonical", (receipt / "receipt.json").read_bytes() == canonical(head) + b"\n")
check("the manifest has the digest that the head gives", hashlib.sha256(manifest).hexdigest() == head["manifest_sha256"])
page = (receipt / "index.html").read_text(encoding="utf-8")
plain = "".join(page.split())
check("the page shows that digest, to be signed by hand", head["manifest_sha256"] in plain or head["manifest_sha256"][:4] in page)

keys_text = (receipt / "keys").read_text(encoding="utf-8")
keys = [Vkey.from_string(line.split()[1]) for line in keys_text.splitlines() if line.startswith("log ")]
check("its keys are the log's", keys_text == Path(world["keys"]).read_text(encoding="utf-8"))
checkpoint = Checkpoint.from_text((receipt / "log/checkpoint").read_text(encoding="utf-8"))
for key in keys:
    attempt(f"the checkpoint is signed with key type {key.sig_type}", lambda: checkpoint.verify(key))
check("head and checkpoint agree", (head["size"], head["root"]) == (checkpoint.size, checkpoint.root_hash.hex()))

reader = TilesReader(LocalBackend(receipt / "log"))
reader.set_size(checkpoint.size)
lines = [json.loads(line) for line in manifest.splitlines()]
check("as many lines as the head says", len(lines) == head["lines"])


def opened(line):
    return {field["name"]: field["value"] for field in line["fields"] if "value" in field}


def line_holds(line):
    listed = []
    for field in line["fields"]:
        commitment = field.get("withheld")
        if commitment is None:
            value = canonical([field["name"], field["value"]])
            commitment = hashlib.sha256(b"comity/field/v1\n" + bytes.fromhex(field["salt"]) + value).hexdigest()
        listed.append([field["class"], field["name"], commitment])
    body = hashlib.sha256(b"comity/body/v1\n" + canonical(listed)).hexdigest()
    leaf = json.loads(line["leaf"])
    assert leaf["body"] == body, f"body of {line['ern']}"
    proof = reader.get_inclusion_proof(line["index"], checkpoint.size)
    proof.check(tiles.leaf_hash(line["leaf"].encode()), checkpoint.root_hash)
    values = opened(line)
    for name in ("ern", "state", "path", "size", "sha256"):
        assert line[name] == values.get(name), f"{name} of {line['ern']}"


def every_line():
    for line in lines:
        line_holds(line)


attempt(f"{len(lines)} lines: fields, bodies, leaves and their places in the log", every_line)

# What the deliverer holds, walked without any of our code.
root = os.fsencode(world["evidence"])
own = {}
for folder, _, names in os.walk(root):
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                own.setdefault(hashlib.sha256(file.read()).hexdigest(), []).append(os.path.relpath(path, root))
with open(world["letter"], "rb") as file:
    own.setdefault(hashlib.sha256(file.read()).hexdigest(), []).append(b"letter")
claimed = [line["sha256"] for line in lines if line["state"] == "sealed"]
check("every file of the deliverer is on the receipt, with its digest", sorted(claimed) == sorted(d for d, p in own.items() for _ in p))
states = {line["state"] for line in lines}
check("the link and the pipe are on it, as what they are", {"link", "refused"} <= states, states)
exact = [bytes.fromhex(opened(line)["path_bytes"]) for line in lines if "path_bytes" in opened(line)]
check("the name that is not UTF-8 is there to the byte", any(path.endswith(b"not utf-8 \xff\xfe.txt") for path in exact), exact)
differences = [json.loads(line) for line in (receipt / "differences.jsonl").read_text(encoding="utf-8").splitlines()]
missing = [line["path"] for line in differences if line["finding"] == "missing"]
check("the file that was announced and never came is named", len(missing) == 1 and missing[0].endswith("annex B.pdf"), missing)
check("what came unannounced is named", sum(line["finding"] == "extra" for line in differences) > 0)
done()
