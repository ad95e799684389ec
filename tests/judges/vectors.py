"""Makes again, from docs/format/ledger.md and body.md alone, what testdata/vectors holds of leaves, bodies, checkpoints
and proofs, and verifies the signatures with the library `cryptography`."""

import base64
import hashlib
import hmac
import json
import sys
import struct
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from report import attempt, check, done, refused

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs/format"))
import notes  # noqa: E402

VECTORS = Path(__file__).resolve().parents[2] / "testdata/vectors"


def vectors(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def sha256(data):
    return hashlib.sha256(data).digest()


def canonical(value):
    """RFC 8785, of values without fractions."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def leaf(case):
    made = canonical({"body": case["body"], "chain": case["chain"], "n": case["n"], "prev": case["prev"], "v": 1})
    assert made == case["entry"]
    assert sha256(b"\0" + made.encode()).hex() == case["leaf_hash"]


def body(case):
    custody, content = bytes.fromhex(case["custody_seed"]), bytes.fromhex(case["content_seed"])
    section = custody + struct.pack(">H", len(case["fields"]))
    values, listed = content, []
    for field in case["fields"]:
        seed = custody if field["class"] == "custody" else content
        salt = hmac.digest(seed, b"comity/salt/v1\n" + field["name"].encode(), "sha256")
        assert salt.hex() == field["salt"]
        pair = canonical([field["name"], field["value"]]).encode()
        commitment = sha256(b"comity/field/v1\n" + salt + pair)
        assert commitment.hex() == field["commitment"]
        listed.append([field["class"], field["name"], commitment.hex()])
        value = canonical(field["value"]).encode()
        value = struct.pack(">I", len(value)) + value
        name = field["name"].encode()
        section += bytes([field["class"] == "content", len(name)]) + name
        if field["class"] == "custody":
            section += value
        else:
            section += commitment
            values += value
    commitment = sha256(b"comity/body/v1\n" + canonical(listed).encode())
    assert commitment.hex() == case["commitment"]
    assert section.hex() == case["custody_section"]
    assert case["content_section"] in ([values.hex()] if values != content else [None])
    for name in ("custody", "content"):
        assert case[f"{name}_context"] == (f"comity/body/v1/{name}\n".encode() + commitment).hex()
    sealed = values if case["content_section"] else b""
    head = bytes([1]) + bytes(7) + struct.pack(">QQII", case["custody_key"], case["content_key"], len(section), len(sealed))
    assert (head + section + sealed).hex() == case["framed_as_if_sealed"]


def keys_of(file):
    """The public keys by (name, key id), with their type byte, and the fingerprint."""
    keys, hashed = {}, b""
    for line in file.splitlines():
        if line.startswith("log "):
            vkey = line.removeprefix("log ")
            name, key_id, key = vkey.split("+", 2)
            key = base64.b64decode(key, validate=True)
            assert sha256(name.encode() + b"\n" + key)[:4].hex() == key_id
            keys[name, key_id] = key
            hashed += vkey.encode() + b"\n"
    return keys, sha256(hashed).hex()


def verify(note, keys):
    """The origin, size and root of a checkpoint that every key signed, and the times that signatures say."""
    text, lines = note[: note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2 :]
    assert lines.endswith("\n") and text.count("\n") == 3
    origin, size, root = text.splitlines()
    assert str(int(size)) == size
    signed, times = set(), []
    for line in lines.splitlines():
        dash, name, encoded = line.split(" ")
        assert dash == "\u2014"
        raw = base64.b64decode(encoded, validate=True)
        key = keys.get((name, raw[:4].hex()))
        if key is None:
            continue
        assert name == origin
        if key[0] == 1:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[4:], text.encode())
        else:
            (time,) = struct.unpack(">Q", raw[4:12])
            sized = bytes([len(origin)]) + origin.encode()
            message = b"subtree/v1\n\0" + sized + raw[4:12] + sized + struct.pack(">QQ", 0, int(size)) + base64.b64decode(root)
            MLDSA44PublicKey.from_public_bytes(key[1:]).verify(raw[12:], message)
            times.append(time)
        signed.add((name, raw[:4].hex()))
    assert signed == set(keys)
    return origin, int(size), base64.b64decode(root).hex(), times


def checkpoint(case, keys, origin):
    assert verify(case["note"], keys) == (origin, case["size"], case["root"], [case["time"]])


def public_keys(case, keys):
    ed25519 = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(case["ed25519_seed"])).public_key().public_bytes_raw()
    mldsa44 = MLDSA44PrivateKey.from_seed_bytes(bytes.fromhex(case["mldsa44_seed"])).public_key().public_bytes_raw()
    assert sorted(keys.values()) == [b"\1" + ed25519, b"\6" + mldsa44]


def node(left, right):
    return sha256(b"\1" + left + right)


def tree(hashes):
    """MTH of RFC 6962 section 2.1."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else sha256(b"")
    k = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node(tree(hashes[:k]), tree(hashes[k:]))


def path(m, hashes):
    """PATH of RFC 6962 section 2.1.1."""
    if len(hashes) == 1:
        return []
    k = 1 << ((len(hashes) - 1).bit_length() - 1)
    return path(m, hashes[:k]) + [tree(hashes[k:])] if m < k else path(m - k, hashes[k:]) + [tree(hashes[:k])]


def subproof(m, hashes, whole):
    """SUBPROOF of RFC 6962 section 2.1.2."""
    if m == len(hashes):
        return [] if whole else [tree(hashes)]
    k = 1 << ((len(hashes) - 1).bit_length() - 1)
    if m <= k:
        return subproof(m, hashes[:k], whole) + [tree(hashes[k:])]
    return subproof(m - k, hashes[k:], False) + [tree(hashes[:k])]


LEAVES = [sha256(b"\0leaf %d" % i) for i in range(700)]


def inclusion(case):
    hashes = LEAVES[: case["size"]]
    assert tree(hashes).hex() == case["root"] and hashes[case["index"]].hex() == case["leaf_hash"]
    assert [hash.hex() for hash in path(case["index"], hashes)] == case["proof"]


def consistency(case):
    old, new = LEAVES[: case["old"]], LEAVES[: case["new"]]
    assert (tree(old).hex(), tree(new).hex()) == (case["old_root"], case["new_root"])
    assert [hash.hex() for hash in (subproof(len(old), new, True) if old else [])] == case["proof"]


def tiles(cases):
    made = {}
    level, hashes = 0, LEAVES
    while hashes:
        for first in range(0, len(hashes), 256):
            tile = hashes[first : first + 256]
            partial = "" if len(tile) == 256 else f".p/{len(tile)}"
            made[f"tile/{level}/{first // 256:03d}{partial}"] = sha256(b"".join(tile)).hex()
        hashes = [tree(hashes[first : first + 256]) for first in range(0, len(hashes) - 255, 256)]
        level += 1
    assert made == {case["path"]: case["sha256"] for case in cases}


def tlog_proof(case):
    keys, _ = keys_of(case["keys"])
    head, note = case["file"].split("\n\n", 1)
    first, _extra, index, *hashes = head.splitlines()
    assert first == "c2sp.org/tlog-proof@v1" and index == "index 100"
    _, size, root, _ = verify(note, keys)
    assert tree(LEAVES[:size]).hex() == root and case["entry"] == "leaf 100"
    assert [base64.b64decode(hash) for hash in hashes] == path(100, LEAVES[:size])


def of_reign(case, keys):
    try:
        notes.Checkpoint(case["note"].encode()).verify(keys)
        held = True
    except notes.Wrong:
        held = False
    assert held == case["holds"]


def anchors(succession, keys):
    """A file with the keys of one reign alone, as somebody had it before, leads to all; a stranger's does not."""
    lines = [line.split(" ", 1) for line in succession["statements"].splitlines() if line[:4] in ("old ", "new ")]
    vkeys = list(dict.fromkeys(vkey for _, vkey in lines))
    assert len(vkeys) == 6
    for pair in (vkeys[:2], vkeys[2:4], vkeys[4:]):
        anchor = notes.Keys("".join(f"log {vkey}\n" for vkey in pair).encode() + b"quorum none\n")
        for joined in (anchor.joined(keys), keys.joined(anchor)):
            assert [key.public for key in joined] == [key.public for key in keys] and joined.chain == keys.chain
    crossed = notes.Keys("".join(f"log {vkey}\n" for vkey in (vkeys[0], vkeys[3])).encode() + b"quorum none\n")
    assert crossed.joined(keys) is None and keys.joined(crossed) is None


def main():
    for n, case in enumerate(vectors("leaf.json")["accepted"]):
        attempt(f"leaf {n} is made again", lambda: leaf(case))
    for n, case in enumerate(vectors("body.json")["accepted"]):
        attempt(f"body {n} is made again", lambda: body(case))
    log = vectors("checkpoint.json")
    keys, fingerprint = keys_of(log["keys"])
    check("the fingerprint is that of the keys", fingerprint == log["fingerprint"].replace(" ", ""))
    attempt("the public keys are those of the seeds", lambda: public_keys(log, keys))
    for case in log["accepted"]:
        attempt(f"the checkpoint at {case['size']} verifies", lambda: checkpoint(case, keys, log["origin"]))
    for case in log["refused"]:
        refused(f"a checkpoint is refused: {case['why']}", lambda: verify(case["note"], keys))
    proofs = vectors("proof.json")
    for case in proofs["inclusion"]:
        attempt(f"the proof of {case['index']} in {case['size']} is made again", lambda: inclusion(case))
    for case in proofs["consistency"]:
        attempt(f"the proof from {case['old']} to {case['new']} is made again", lambda: consistency(case))
    attempt("the tiles are made again", lambda: tiles(proofs["tiles_of_700"]))
    attempt("the tlog-proof file verifies", lambda: tlog_proof(proofs["tlog_proof"]))
    succession = vectors("succession.json")
    keys = notes.Keys(succession["keys"].encode())
    for case in succession["checkpoints"]:
        attempt(f"a checkpoint of reign {case['reign']} holds or not, as it should", lambda: of_reign(case, keys))
    attempt("a reader of any of its keys joins them with the file", lambda: anchors(succession, keys))
    for case in succession["refused"]:
        refused(f"a succession is refused: {case['why']}", lambda: notes.statements_of(case["statements"]))
    done()


main()
