"""Opens, from docs/format/keyring.md alone, the keyring in testdata/vectors/keyring and the one of the judged centre.

Usage: keyring.py [world.json]
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from report import attempt, check, done, refused
from seal import Refused, unseal

FROZEN = Path(__file__).resolve().parents[2] / "testdata/vectors/keyring"
HEADER, SLOT, SLOTS = 64, 192, 65_536


class Damaged(Exception):
    """The bytes are not what was written."""


class WrongPassphrase(Exception):
    """The head is whole, and the passphrase is not its own."""


def read_head(data):
    lines = data.split(b"\n")
    if len(lines) != 3 or lines[2] or hashlib.sha256(lines[0]).hexdigest().encode() != lines[1]:
        raise Damaged("head")
    head = json.loads(lines[0])
    canonical = json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if canonical != lines[0] or head["format"] != "comity-keyring-1":
        raise Damaged("head")
    return head


def open_root(head, passphrase):
    context = b"comity/root/v1\n" + bytes.fromhex(head["id"]) + struct.pack(">I", head["epoch"])
    for entry in head["unlock"]:
        if entry["kind"] != "passphrase":
            continue
        cost = entry["argon2id"]
        key = hash_secret_raw(
            passphrase.encode(), bytes.fromhex(cost["salt"]), time_cost=cost["passes"], memory_cost=cost["memory_kib"],
            parallelism=cost["lanes"], hash_len=32, type=Type.ID, version=0x13,
        )
        try:
            return unseal(key, context, bytes.fromhex(entry["wrap"]))
        except Refused:
            continue
    raise WrongPassphrase


def read_slots(folder, keyring_id):
    """Every used slot by its key number: (meta, wrap)."""
    slots = {}
    for path in sorted(folder.glob("*.keys")):
        data = path.read_bytes()
        magic, version, reserved, segment = struct.unpack(">8sHHI", data[:16])
        whole = hashlib.sha256(data[:32]).digest() == data[32:HEADER]
        if not whole or (magic, version, reserved, f"{segment:08x}.keys") != (b"CMTYKEYS", 1, 0, path.name):
            raise Damaged(path.name)
        if data[16:32] != keyring_id:
            raise Damaged(f"{path.name}: another keyring's")
        for at in range((len(data) - HEADER) // SLOT):
            slot, number = data[HEADER + at * SLOT : HEADER + (at + 1) * SLOT], segment * SLOTS + at
            if slot == bytes(SLOT):
                continue
            summed = b"comity/slot/v1\n" + keyring_id + struct.pack(">Q", number) + slot[:168]
            if hashlib.sha256(summed).digest()[:24] != slot[168:]:
                raise Damaged(f"{path.name}: key {number}")
            slots[number] = (slot[:32], slot[32:168])
    return slots


class Keyring:
    def __init__(self, folder, passphrase, desk_keys=None):
        head = read_head((folder / "head").read_bytes())
        self.root = open_root(head, passphrase)
        self.slots = read_slots(folder, bytes.fromhex(head["id"]))
        self.desk_keys = desk_keys or {}

    def info(self, number):
        state, kind, lock, reserved, epoch, parent, subject = struct.unpack(">BBBBIQ16s", self.slots[number][0])
        assert reserved == 0 and state in (1, 2) and kind in (1, 2, 3) and lock in (0, 1)
        return state, kind, lock, parent, subject

    def open(self, number):
        """The secret, 64 bytes; None when it was destroyed."""
        meta, wrap = self.slots[number]
        state, _, lock, parent, _ = self.info(number)
        if state == 2:
            assert wrap == bytes(136), "a destroyed slot still holds a wrap"
            return None
        key = self.root if parent == 0 else self.open(parent)[:32]
        if lock:
            key += self.desk_keys[number]
            key = HKDFExpand(algorithm=SHA512(), length=32, info=b"comity/lock/v1\n").derive(key)
        return unseal(key, b"comity/wrap/v1\n" + struct.pack(">Q", number) + b"\x01" + meta[1:], wrap)


def frozen():
    expected = json.loads((FROZEN / "expected.json").read_text(encoding="utf-8"))
    desk = bytes.fromhex(expected["desk_key"])
    desk_keys = {key["number"]: desk for key in expected["keys"] if key["lock"]}
    ring = attempt("the frozen keyring opens", lambda: Keyring(FROZEN, expected["passphrase"], desk_keys))
    if ring is None:
        return
    check("it has the keys that it should", sorted(ring.slots) == [key["number"] for key in expected["keys"]])
    for key in expected["keys"]:
        number, secret = key["number"], key["secret"] and bytes.fromhex(key["secret"])
        check(f"key {number} holds what went in", ring.open(number) == secret)
        said = (key["kind"], key["lock"], key["parent"], bytes.fromhex(key["subject"]))
        check(f"key {number} says what it is", ring.info(number)[1:] == said)
    head = (FROZEN / "head").read_bytes()
    check("a wrong passphrase is one", fails_with(WrongPassphrase, lambda: open_root(read_head(head), "another")))
    flipped = (head[:at] + bytes([head[at] ^ 1]) + head[at + 1 :] for at in range(len(head)))
    check("each flipped byte of the head is damage", all(fails_with(Damaged, lambda: read_head(one)) for one in flipped))
    refused("a key moved to another number does not open", lambda: moved(ring, 4, 5))


def fails_with(kind, action):
    try:
        action()
    except kind:
        return True
    return False


def moved(ring, number, to):
    ring.slots[to] = ring.slots[number]
    ring.open(to)


def of_centre(world):
    ring = attempt(
        "the centre's keyring opens", lambda: Keyring(Path(world["centre"]) / "keyring", world["passphrase"])
    )
    if ring is None:
        return
    opened = attempt("each of its keys opens", lambda: [ring.open(number) for number in ring.slots])
    check("it has keys, and no number is skipped", opened and sorted(ring.slots) == list(range(1, len(opened) + 1)))
    check("no two keys are equal", opened and len({secret for secret in opened if secret}) == sum(map(bool, opened)))


frozen()
if len(sys.argv) > 1:
    of_centre(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
done()
