"""A package written by docs/format alone, with no code of ours, is accepted by `comity-verify`; forged ones are not.

This is the other direction of the judges: if our writer and our reader shared a mistake, they would agree with each
other and not with this.

    other_writer.py WORLD [FOLDER]      with FOLDER it only writes the package there
"""

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import sys
from pathlib import Path

from report import check, done
from tlog_scales import tiles
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import MLDSA44CosignatureSigner, PlainEd25519Signer
from tlog_scales.tlog import Checkpoint
from tlog_scales.writer import TilesWriter

FORMATS = Path(__file__).resolve().parent.parent.parent / "docs/format"
ORIGIN = "other.example/log"


def canonical(value):
    """RFC 8785 for what is used here: no member name beyond ASCII, integers only."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256(data):
    return hashlib.sha256(data).digest()


class Writer:
    """A log with chains, and packages from it."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.log = TilesWriter.create(self.folder / "log", ORIGIN)
        self.signers = [PlainEd25519Signer(ORIGIN, b"\x11" * 32), MLDSA44CosignatureSigner(ORIGIN, b"\x22" * 32)]
        self.count = 0
        self.last = {}

    def event(self, chain, fields, withheld=False):
        """Appends an event to a chain and gives back its line. `fields` are (class, name, value)."""
        seeds = {kind: sha256(f"{kind} {self.count}".encode()) for kind in ("custody", "content")}
        listed, shown = [], []
        for kind, name, value in fields:
            salt = hmac.digest(seeds[kind], b"comity/salt/v1\n" + name.encode(), "sha256")
            commitment = sha256(b"comity/field/v1\n" + salt + canonical([name, value])).hex()
            listed.append([kind, name, commitment])
            opened = {"class": kind, "name": name, "salt": salt.hex(), "value": value}
            shown.append({"class": kind, "name": name, "withheld": commitment} if withheld else opened)
        body = sha256(b"comity/body/v1\n" + canonical(listed)).hex()
        n, before = self.last.get(chain, (-1, None))
        leaf = canonical({"body": body, "chain": chain, "n": n + 1, "prev": before, "v": 1})
        self.log.add_leaf(leaf)
        self.last[chain] = (n + 1, tiles.leaf_hash(leaf).hex())
        line = {"fields": shown, "index": self.count, "leaf": leaf.decode()}
        if withheld:
            line["why"] = "work product"
        self.count += 1
        return line

    def publish(self):
        self.log.commit(self.signers)
        text = (self.folder / "log/checkpoint").read_text(encoding="utf-8")
        return Checkpoint.from_text(text), text

    def common(self, kind):
        return [
            ("custody", "kind", kind),
            ("custody", "event", sha256(f"event {self.count}".encode())[:16].hex()),
            ("custody", "time", "2026-11-24T10:41:07.123456Z"),
            ("custody", "actor", "UKR-P0001"),
            ("custody", "auth", "stated"),
        ]


def tile_names(size, indexes):
    """The tiles that docs/format/disclosure.md wants: those above each leaf, and all partial ones."""
    names = set()
    for level in range(8):
        count = size >> (8 * level)
        if count == 0:
            break
        if count % 256:
            names.add("/".join(tiles.tile_path(level, count // 256, count % 256)))
        for index in indexes:
            number = index >> (8 * (level + 1))
            if number < count // 256:
                names.add("/".join(tiles.tile_path(level, number, 0)))
    return names


def write(folder, exhibits, before, after):
    """A package of `exhibits` in a log with other leaves before and after them; gives back its folder."""
    writer = Writer(folder)
    package = Path(folder) / "package"
    for number in range(before):
        writer.event(sha256(f"filler {number}".encode())[:16].hex(), writer.common("case_opened"))
    items, events = [], []
    for number in range(1, exhibits + 1):
        ern, chain = f"UKR-000001-{number:07d}", sha256(f"chain {number}".encode())[:16].hex()
        data = f"exhibit {number} of another writer\n".encode() * number
        size, digest, path = len(data), sha256(data).hex(), f"тека/exhibit «{number}».TXT"
        lines = [
            writer.event(
                chain,
                writer.common("received")
                + [("custody", "member", "UKR"), ("custody", "case", "C0001"), ("custody", "ern", ern), ("custody", "state", "sealed")]
                + [("content", "source", "another"), ("content", "path", path), ("content", "size", size)]
                + [("content", "sha256", digest)],
            ),
            writer.event(chain, writer.common("opened") + [("custody", "ern", ern), ("custody", "purpose", "review")], withheld=True),
        ]
        name = f"data/{ern}.txt"
        (package / "data").mkdir(parents=True, exist_ok=True)
        (package / name).write_bytes(data)
        items.append(
            {
                "ern": ern, "chain": chain, "events": len(lines), "last": writer.last[chain][1], "file": name,
                "without": None, "path": path, "size": size, "sha256": digest,
            }
        )
        events += lines
    for number in range(after):
        writer.event(sha256(f"filler after {number}".encode())[:16].hex(), writer.common("case_opened"))
    a, a_text = writer.publish()

    comity = package / "comity"
    for name in tile_names(a.size, [event["index"] for event in events]):
        (comity / "log" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(folder) / "log" / name, comity / "log" / name)
    (comity / "log/checkpoint").write_text(a_text, encoding="utf-8")
    keys = "".join(f"log {signer.vkey.serialize()}\n" for signer in writer.signers) + "quorum none\n"
    (comity / "keys").write_text(keys, encoding="utf-8")
    (comity / "items.jsonl").write_bytes(b"".join(canonical(item) + b"\n" for item in items))
    (comity / "events.jsonl").write_bytes(b"".join(canonical(event) + b"\n" for event in events))
    head = {
        "format": "comity-package-1", "centre": "Another writer", "origin": ORIGIN, "case": "C0001", "case_name": "Зоряне",
        "purpose": "judging", "recipient": None, "exhibits": len(items), "files": len(items),
        "bytes": sum(item["size"] for item in items), "events": len(events), "size": a.size, "root": a.root_hash.hex(),
        "made_at": "2026-11-24T10:41:07.123456Z", "made_by": "UKR-P0001", "program": "other_writer.py 1",
    }
    (comity / "package.json").write_bytes(canonical(head) + b"\n")
    (comity / "case.jsonld").write_text('{"@context":{},"@graph":[]}\n')
    (package / "index.html").write_text("<!doctype html><title>proves nothing</title>\n")
    (comity / "format").mkdir()
    for document in FORMATS.glob("*.md"):
        shutil.copy(document, comity / "format")
    (package / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    (package / "bag-info.txt").write_text(f"Payload-Oxum: {head['bytes']}.{head['files']}\n")
    reseal(package)

    act_fields = writer.common("disclosed") + [("custody", "case", "C0001"), ("custody", "purpose", "judging")]
    digest = sha256((package / "tagmanifest-sha256.txt").read_bytes()).hex()
    act_fields += [
        ("content", "tagmanifest_sha256", digest),
        ("content", "exhibits", len(items)),
        ("content", "checkpoint", {"root": a.root_hash.hex(), "size": a.size}),
    ]
    act = writer.event(sha256(b"disclosure")[:16].hex(), act_fields)
    act_event = next(field["value"] for field in act["fields"] if field["name"] == "event")
    for item in items:
        last = {"leaf": item["last"], "n": item["events"] - 1}
        fields = [("custody", "act", act_event), ("custody", "ern", item["ern"]), ("custody", "purpose", "judging")]
        writer.event(item["chain"], writer.common("disclosed") + fields + [("content", "last", last)])
    b, b_text = writer.publish()
    reader = TilesReader(LocalBackend(Path(folder) / "log"))
    reader.set_size(b.size)
    coded = [base64.b64encode(h).decode() for h in reader.get_inclusion_proof(act["index"], b.size).node_hashes]
    extra = base64.b64encode(canonical({"fields": act["fields"], "leaf": act["leaf"]})).decode()
    proof = ["c2sp.org/tlog-proof@v1", f"extra {extra}", f"index {act['index']}", *coded, "", b_text]
    package.with_name("package.disclosure.tlog-proof").write_text("\n".join(proof), encoding="utf-8")
    coded = [base64.b64encode(h).decode() for h in reader.get_consistency_proof(a.size, b.size).node_hashes]
    text = "\n".join(["comity-consistency-1", *coded, "", a_text, b_text])
    package.with_name("package.consistency").write_text(text, encoding="utf-8")
    (Path(folder) / "keys").write_text(keys, encoding="utf-8")
    shutil.copy(Path(folder) / "keys", Path(folder) / "log/keys")
    return package


def reseal(package):
    """Writes the bag's manifests for what is there now."""
    for manifest, chosen in (("manifest-sha256.txt", True), ("tagmanifest-sha256.txt", False)):
        names = sorted(
            str(path.relative_to(package)) for path in package.rglob("*")
            if path.is_file() and path.is_relative_to(package / "data") == chosen and path.name != "tagmanifest-sha256.txt"
        )
        lines = [f"{sha256((package / name).read_bytes()).hex()}  {name}\n" for name in names]
        (package / manifest).write_text("".join(lines))


def judge(world):
    scratch = Path(world["scratch"]) / "other"
    verifier = Path(world["programs"]) / "comity-verify"

    def verify(package, *more):
        return subprocess.run([verifier, package, *more], capture_output=True, text=True)

    for name, exhibits, before, after in (("one exhibit alone", 1, 0, 0), ("across tiles", 40, 250, 600), ("many", 300, 70_000, 0)):
        package = write(scratch / name.replace(" ", "-"), exhibits, before, after)
        keys = package.with_name("keys")
        ran = verify(package, "--keys", keys, "--require-anchor")
        check(f"comity-verify accepts another writer's package: {name}", ran.returncode == 0, ran.stdout + ran.stderr)
        ran = verify(package, "--keys", keys, "--log", package.with_name("log"))
        check(f"and with the whole log: {name}", ran.returncode == 0, ran.stdout + ran.stderr)

    victim = package / "data" / f"UKR-000001-{7:07d}.txt"
    victim.write_bytes(b"E" + victim.read_bytes()[1:])
    reseal(package)
    ran = verify(package, "--keys", keys)
    check("it names the exhibit that was forged", ran.returncode == 1 and "UKR-000001-0000007" in ran.stdout, ran.stdout + ran.stderr)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(write(Path(sys.argv[2]), 5, 300, 10))
    else:
        judge(json.loads(Path(sys.argv[1]).read_text()))
        done()
