"""Notes, checkpoints, keys and their successions, for reader.py; from ledger.md, witness.md and succession.md alone."""

import base64
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey


class Wrong(Exception):
    """Something does not hold; the text says what."""


def need(holds, what):
    if not holds:
        raise Wrong(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def unbase64(text, size=None):
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        raise Wrong("is not base64") from None
    need(base64.b64encode(found).decode() == text, "is not base64 as it is written")
    need(size is None or len(found) == size, f"is not {size} bytes in base64")
    return found


# Notes, checkpoints, keys: ledger.md, and C2SP signed-note, tlog-checkpoint, tlog-cosignature.

class Key:
    def __init__(self, vkey):
        name, _, rest = vkey.partition("+")
        number, _, key = rest.partition("+")
        data = unbase64(key)
        need(name and not re.search(r"[\s+\x00-\x1f]", name), "a key's name is malformed")
        self.name, self.kind, self.public = name, data[:1], data[1:]
        self.id = sha256(name.encode(), b"\n", data)[:4]
        need(self.kind in (b"\1", b"\4", b"\6"), "a key is of an unknown type")
        need(len(self.public) == (1312 if self.kind == b"\6" else 32), "a key has a wrong length")
        need(self.id.hex() == number, "a key has another id than its own")

    def verify(self, note, signature, checkpoint):
        try:
            if self.kind == b"\1":
                return Ed25519PublicKey.from_public_bytes(self.public).verify(signature, note)
            time, signature = signature[:8], signature[8:]
            need(any(time), f"a signature of {self.name} has no time")
            if self.kind == b"\4":
                message = f"cosignature/v1\ntime {int.from_bytes(time)}\n".encode() + note
                return Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
            name, origin = self.name.encode(), checkpoint.origin.encode()
            message = b"".join([b"subtree/v1\n\0", bytes([len(name)]), name, time, bytes([len(origin)]), origin,
                                bytes(8), checkpoint.size.to_bytes(8), checkpoint.root])
            MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise Wrong(f"a signature of {self.name} is wrong") from None

    def verify_statement(self, note, signature):
        try:
            if self.kind == b"\6":
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, b"comity/succession/v1\n" + note)
            else:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, note)
        except (InvalidSignature, ValueError):
            raise Wrong(f"a signature of {self.name} on a succession is wrong") from None


class Statement:
    """A succession statement: succession.md, A statement."""

    def __init__(self, data):
        self.note, self.signatures = signed_note(data)
        lines = self.note.decode().split("\n")
        words = [line.split(" ") for line in lines[:-1]]
        shape = " ".join(word[0] for word in words)
        need(re.fullmatch("comity-succession-1 origin size root( old)+( new)+( need( heir)+)?", shape), "is no statement")
        need(len(words[0]) == 1 and all(len(word) == 2 for word in words[1:]), "has a malformed line")
        found = {name: [word[1] for word in words if word[0] == name] for name in ("old", "new", "need", "heir")}
        self.origin, size, self.root = words[1][1], words[2][1], unbase64(words[3][1], 32)
        need(re.fullmatch("0|[1-9][0-9]*", size) and int(size) < 1 << 64, "has a malformed size")
        self.size, self.need = int(size), int((found["need"] or ["0"])[0])
        self.old, self.new, self.heirs = ([Key(vkey) for vkey in found[name]] for name in ("old", "new", "heir"))
        for keys in (self.old, self.new):
            need({key.kind for key in keys} == {b"\1", b"\6"}, "lacks a key of one of the two kinds")
            need({key.name for key in keys} == {self.origin}, "has keys of another log")
            need(len({key.public for key in keys}) == len(keys), "has a key twice")
        old, new = ([key.public for key in keys] for keys in (self.old, self.new))
        need(old == new or not set(old) & set(new), "keeps an old key among the new ones")
        need(all(key.kind == b"\1" for key in self.heirs) and len(self.heirs) <= 32, "has an heir of another kind, or too many")
        for part in ("name", "public"):
            need(len({getattr(key, part) for key in self.heirs}) == len(self.heirs), "names an heir twice")
        need(self.need <= len(self.heirs) and str(self.need) == (found["need"] or ["0"])[0], "needs too many heirs")
        need(bool(self.need) == bool(self.heirs), "needs no heirs")

    def signed_by(self, keys):
        signed = set()
        for name, number, signature in self.signatures:
            for key in keys:
                if (name, number) == (key.name, key.id):
                    key.verify_statement(self.note, signature)
                    signed.add(key.public)
        return len(signed)

    def follows(self, former):
        """Holds it after the one before it, if there is one."""
        heirs, enough = [], 0
        if former:
            need(self.origin == former.origin and self.size > former.size, "does not come after the one before it")
            need([key.public for key in self.old] == [key.public for key in former.new], "succeeds other keys")
            heirs, enough = former.heirs, former.need
        need(self.signed_by(self.new) == len(self.new), "is not signed by each of the new keys")
        by_old, by_heirs = self.signed_by(self.old), self.signed_by(heirs)
        need(by_old == len(self.old) or enough and by_heirs >= enough, "is signed neither by the old keys nor by enough heirs")


def statements_of(text):
    starts = [at.start() for at in re.finditer("^comity-succession-1$", text, re.M)]
    need(not text or starts[:1] == [0], "has a line that belongs to no statement")
    need(len(starts) <= 64, "has too many statements")
    found = [Statement(text[start:end].encode()) for start, end in zip(starts, [*starts[1:], len(text)])]
    for former, statement in zip([None, *found], found):
        statement.follows(former)
    return found


class Keys(list):
    """The keys of the log that sign now, how they came to be it, and those of its witnesses: witness.md, Policy."""

    def __init__(self, data):
        super().__init__()
        self.witnesses, names, grouped, quorums, statements = [], {}, set(), [], ""
        for line in data.decode().split("\n"):
            words = line.split()
            if words and words[0] == "#=":
                rest = line.lstrip()[2:]
                statements += rest.removeprefix(" ") + "\n"
            if not words or words[0].startswith("#"):
                continue
            kind, *words = words
            if kind == "log" and len(words) in (1, 2):
                self.append(Key(words[0]))
            elif kind == "witness" and len(words) in (2, 3):
                self.witnesses.append(Key(words[1]))
            elif kind == "group" and len(words) > 2:
                members = words[2:]
                number = {"any": "1", "all": str(len(members))}.get(words[1], words[1])
                need(re.fullmatch("[1-9][0-9]*", number) and int(number) <= len(members), "has a group of too many")
                need(len(set(members)) == len(members) and names.keys() >= set(members), "has a group of unknown members")
                need(not grouped & set(members), "has a member in two groups")
                grouped |= set(members)
            else:
                need(kind == "quorum" and len(words) == 1, "has a line that is none of a policy")
                need(words[0] == "none" or words[0] in names, "has a quorum of nobody")
                quorums.append(words[0])
            if kind in ("witness", "group"):
                need(words[0] not in names and words[0] != "none", "names two of its lines alike")
                names[words[0]] = kind
        need(len(quorums) == 1, "does not have one quorum line")
        need(max(len(self), *(list(names.values()).count(kind) for kind in ("witness", "group"))) <= 32, "has too many lines")
        need({key.kind for key in self} == {b"\1", b"\6"}, "lacks a key of one of the two kinds")
        need(len({key.name for key in self}) == 1, "has keys of several logs")
        need(all(key.kind != b"\1" for key in self.witnesses), "has a witness's key of another type")
        self.chain = statements_of(statements)
        last = self.chain[-1].new if self.chain else self
        need([key.public for key in last] == [key.public for key in self], "has other keys than its last statement names")
        every = [*self, *self.witnesses]
        need(len({key.public for key in every}) == len(every) == len({(key.name, key.id) for key in every}), "has a key twice")


    def at(self, size):
        """The keys that sign a tree of this size: succession.md, The rule."""
        later = [statement.new for statement in self.chain if statement.size < size]
        return later[-1] if later else self.chain[0].old if self.chain else self

    def joined(self, papers):
        """These keys, which the reader had before, and a paper's: the longer list, with the reader's policy."""
        longer, shorter = (papers, self) if len(papers.chain) > len(self.chain) else (self, papers)
        same = all(one.note == two.note for one, two in zip(longer.chain, shorter.chain))
        sets = [[key.public for key in keys] for s in longer.chain for keys in (s.old, s.new)] or [[k.public for k in longer]]
        if not same or [key.public for key in shorter] not in sets or longer[0].name != shorter[0].name:
            return None
        joined = Keys.__new__(Keys)
        joined.extend(longer)
        joined.chain, joined.witnesses = longer.chain, self.witnesses
        return joined


def signed_note(data):
    """The text of a note and its signatures: C2SP signed-note."""
    try:
        whole = data.decode()
    except ValueError:
        raise Wrong("is not text") from None
    need(len(data) <= 1_000_000 and not re.search(r"[\x00-\x09\x0b-\x1f]", whole), "is no note")
    head, empty, lines = whole.rpartition("\n\n")
    need(empty and lines.endswith("\n"), "is no signed note")
    signatures = []
    for line in lines[:-1].split("\n"):
        found = re.fullmatch("\u2014 ([^\\s+]+) ([A-Za-z0-9+/=]+)", line)
        need(found, "has a line that is no signature")
        signature = unbase64(found[2])
        need(len(signature) > 4, "has a line that is no signature")
        signatures.append((found[1], signature[:4], signature[4:]))
    need(len(signatures) <= 100, "has too many signatures")
    return (head + "\n").encode(), signatures


class Checkpoint:
    def __init__(self, data):
        self.data = data
        self.note, self.signatures = signed_note(data)
        head = self.note[:-1].decode()
        parts = head.split("\n")
        need(len(parts) == 3 and re.fullmatch("0|[1-9][0-9]*", parts[1]), "is no checkpoint of three lines")
        need(parts[0] and not re.search(r"[\s+]", parts[0]), "has no origin")
        self.origin, self.size, self.root = parts[0], int(parts[1]), unbase64(parts[2], 32)
        need(self.size < 1 << 64, "has a size out of range")
        need(self.size or self.root == sha256(), "has a wrong root of an empty tree")

    def verify(self, keys):
        need(self.origin == keys[0].name, "is of another log")
        for statement in keys.chain:
            need(statement.size != self.size or statement.root == self.root, "has another root than a succession names")
        for key in keys.at(self.size):
            own = [signature for name, number, signature in self.signatures if (name, number) == (key.name, key.id)]
            need(own, "lacks a signature of the keys that sign this size")
            for signature in own:
                key.verify(self.note, signature, self)
        for key in keys.witnesses:
            for name, number, signature in self.signatures:
                if (name, number) == (key.name, key.id):
                    key.verify(self.note, signature, self)
        return self
