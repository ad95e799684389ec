#!/usr/bin/env python3
"""A second reader of disclosure packages, written from the documents of this folder alone.

    reader.py PACKAGE [--keys FILE]

PACKAGE is a folder or a zip; the two files beside it are read when they are there. Prints each finding, one a line,
and exits with 0 when there is none, 1 when there is any, 2 when used wrongly. Needs Python 3.11 and `cryptography` 48 or later
(for ML-DSA-44). What it does not do: `--log`, receipts, and what is known of the revocation of a time stamp's certificates
(stamp.md); the stamps' tokens and chains it does check. Whether the quorum of the witnesses holds it does not say; that each
of their cosignatures holds, it does check (witness.md).
"""

import hashlib
import os
import re
import stat
import sys
import zipfile

from events import STEM, check_event, count, ern, hex32, hex64, in_order, or_null, read_json, read_line, shaped, text
from notes import Checkpoint, Keys, Wrong, need, sha256, unbase64
from people import Intakes, Persons
from tokens import check_token, nonce_of

SMALL, LINE, PIECE = 16 << 20, 4 << 20, 1 << 20
FIXED = {
    "bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "index.html", "comity/package.json",
    "comity/keys", "comity/persons.jsonl", "comity/items.jsonl", "comity/events.jsonl", "comity/case.jsonld", "comity/log/checkpoint",
}
FOLDERS = ("comity/log/tile/", "comity/format/", "comity/exhibits/", "comity/intakes/", "comity/stamps/")


# Where the files are: disclosure.md, the layout and Limits.

class Source:
    """Names to functions that open a stream; and what was refused."""

    def __init__(self, path):
        self.files, self.refused = {}, []
        if os.path.isdir(path):
            self.walk(path, "")
        else:
            self.zip = zipfile.ZipFile(path)
            self.unzip()
        folded = {}
        for name in self.files:
            if name.lower() in folded:
                self.refused.append((name, f"differs from {folded[name.lower()]} only by case"))
            folded[name.lower()] = name
            parts = name.split("/")
            if not re.fullmatch(r"[A-Za-z0-9._/-]{1,255}", name) or any(part in ("", ".", "..") for part in parts):
                self.refused.append((name, "has a name that no package may have"))

    def walk(self, root, prefix):
        for entry in sorted(os.scandir(os.path.join(root, prefix)), key=lambda entry: entry.name):
            name = prefix + entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                self.walk(root, name + "/")
            elif stat.S_ISREG(mode):
                self.files[name] = lambda path=os.path.join(root, name): open(path, "rb")
            else:
                self.refused.append((name, "is a link or a device"))

    def unzip(self):
        entries = self.zip.infolist()
        need(len({entry.filename for entry in entries}) == len(entries), "two entries have one name")
        end = 0
        for entry in sorted(entries, key=lambda entry: entry.header_offset):
            need(entry.header_offset >= end, "entries overlap")
            end = entry.header_offset + 30 + len(entry.filename.encode()) + entry.compress_size
        at_top = any(entry.filename == "bagit.txt" for entry in entries)
        tops = {entry.filename.split("/")[0] for entry in entries}
        need(at_top or len(tops) == 1, "it does not hold one folder")
        for entry in entries:
            if entry.is_dir():
                continue
            name = entry.filename if at_top else entry.filename.partition("/")[2]
            kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == 3 else 0
            if entry.flag_bits & 1 or entry.compress_type not in (0, 8) or kind not in (0, stat.S_IFREG):
                self.refused.append((name, "is encrypted, a link, or packed in a way that no package may use"))
            elif entry.file_size > 1 << 20 and entry.file_size > 200 * entry.compress_size:
                self.refused.append((name, "grows more than 200 times"))
            else:
                self.files[name] = lambda entry=entry: self.zip.open(entry)

    def pieces(self, name):
        need(name in self.files, "is missing")
        try:
            with self.files[name]() as stream:
                while piece := stream.read(PIECE):
                    yield piece
        except (OSError, EOFError, zipfile.BadZipFile, ValueError, RuntimeError) as error:
            raise Wrong(f"cannot be read: {error}") from None
        except Exception as error:  # zlib's own error has no public base
            raise Wrong(f"cannot be read: {error}") from None

    def small(self, name):
        data = bytearray()
        for piece in self.pieces(name):
            data += piece
            need(len(data) <= SMALL, "is larger than 16 MiB")
        return bytes(data)

    def lines(self, name, hasher):
        rest = b""
        for piece in self.pieces(name):
            hasher.update(piece)
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                need(len(line) <= LINE, "has a line of more than 4 MiB")
                yield line
            need(len(rest) <= LINE, "has a line of more than 4 MiB")
        need(rest == b"", "its last line has no line feed")


# Trees: RFC 6962 section 2.1, tlog-tiles.

def node(left, right):
    return sha256(b"\1", left, right)


def fold(hashes):
    while len(hashes) > 1:
        hashes = [node(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def verify_inclusion(index, size, leaf, proof, root):
    need(index < size, "the index is not in the tree")
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        need(last > 0, "the proof is too long")
        if at & 1 or at == last:
            found = node(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, sibling)
        at, last = at >> 1, last >> 1
    need(last == 0 and found == root, "the leaf is not in the tree of the checkpoint")


def verify_consistency(old, new, old_root, new_root, proof):
    need(old <= new, "the later checkpoint is of a smaller tree")
    if old == new or old == 0:
        return need(not proof and (old_root == new_root if old else old_root == sha256()), "the roots differ")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    rest = list(proof)
    need(rest or not at, "the proof is too short")
    first = rest.pop(0) if at else old_root
    one, two = first, first
    for sibling in rest:
        need(last > 0, "the proof is too long")
        if at & 1 or at == last:
            one, two = node(sibling, one), node(sibling, two)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            two = node(two, sibling)
        at, last = at >> 1, last >> 1
    need(last == 0 and one == old_root and two == new_root, "the later checkpoint does not continue the earlier one")


class Tiles:
    """Tiles of a package, held against the root."""

    def __init__(self, source, folder, size, root, wrong):
        self.size, self.tiles = size, {}
        for name in source.files:
            if name.startswith(folder + "tile/"):
                try:
                    key, width = self.parse(name[len(folder) + 5:])
                    need(width == self.width(*key), f"does not belong to a tree of {size} leaves")
                    data = source.small(name)
                    need(len(data) == 32 * width, "does not have the bytes that its name says")
                    self.tiles[key] = [data[i:i + 32] for i in range(0, len(data), 32)]
                except Wrong as error:
                    wrong(name, error)
        self.held = {}
        try:
            need(self.subtree(0, size) == root if size else root == sha256(), "the partial tiles do not give the root")
        except Wrong as error:
            wrong(folder + "tile", error)
        for (level, index) in self.tiles:
            if len(self.tiles[level, index]) == 256:
                try:
                    above = self.hash_at(level + 1, index)
                    need(fold(self.tiles[level, index]) == above, "is not the tile whose hash stands above it")
                except Wrong as error:
                    wrong(folder + self.path(level, index), error)

    def width(self, level, index):
        hashes = self.size >> 8 * level
        return max(0, min(256, hashes - 256 * index))

    @staticmethod
    def parse(path):
        found = re.fullmatch(r"(0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", path)
        need(found, "is not the name of a tile")
        level, index = int(found[1]), int(found[2].replace("x", "").replace("/", ""))
        width = int(found[3] or 256)
        need(level < 64 and (width < 256) == (found[3] is not None), "is not the name of a tile")
        need(not found[2].startswith("x000"), "is not the name of a tile")
        return (level, index), width

    def path(self, level, index):
        groups = re.findall("...", f"{index:0{-(-len(str(index)) // 3) * 3}d}")
        width = self.width(level, index)
        ending = "" if width == 256 else f".p/{width}"
        return f"tile/{level}/" + "/".join(["x" + group for group in groups[:-1]] + groups[-1:]) + ending

    def hash_at(self, level, index):
        tile = self.tiles.get((level, index // 256))
        need(tile is not None and index % 256 < len(tile), f"{self.path(level, index // 256)} is missing")
        return tile[index % 256]

    def subtree(self, start, size):
        if size & size - 1 == 0:
            bits = size.bit_length() - 1
            level, some = bits // 8, 1 << bits % 8
            first = start >> 8 * level
            return fold([self.hash_at(level, first + i) for i in range(some)])
        half = 1 << size.bit_length() - 1
        return node(self.subtree(start, half), self.subtree(start + half, size - half))

    def needed(self, indices):
        needed = set()
        for level in range(8):
            if (self.size >> 8 * level) % 256:
                needed.add((level, (self.size >> 8 * level) // 256))
        row = {index // 256 for index in indices}
        for level in range(8):
            needed |= {(level, index) for index in row if self.width(level, index)}
            row = {index // 256 for index in row}
        return needed


class Reader:
    def __init__(self, path, given):
        self.path, self.given, self.findings = path, given, []

    def wrong(self, place, what):
        self.findings.append(f"{place}: {what}")

    def attempt(self, place, action, *arguments):
        try:
            return action(*arguments)
        except Wrong as error:
            self.wrong(place, error)
        except (UnicodeError, ValueError) as error:
            self.wrong(place, f"cannot be read: {error}")
        return None

    def run(self):
        try:
            self.source = Source(self.path)
        except (Wrong, zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            return self.wrong(self.path, f"cannot be read as a package: {error}")
        for place, what in self.source.refused:
            self.wrong(place, what)
        for name in self.source.files:
            payload = name.startswith("data/") and re.fullmatch(STEM + r"(\.[^/]*)?", name[5:])
            if name not in FIXED and not name.startswith(FOLDERS) and not payload:
                self.wrong(name, "has no place in a package")
        self.bag()
        keys = self.attempt("comity/keys", lambda: Keys(self.source.small("comity/keys")))
        joined = self.given and keys and self.given.joined(keys)
        if self.given and keys and joined is None:
            self.wrong("comity/keys", "are not the keys that were given, nor theirs by succession")
        self.keys = joined or self.given or keys
        name = "comity/log/checkpoint"
        self.checkpoint = self.attempt(name, lambda: Checkpoint(self.source.small(name)))
        if self.checkpoint and self.keys:
            self.attempt(name, self.checkpoint.verify, self.keys)
        self.head = self.attempt("comity/package.json", self.read_head)
        self.tiles, self.indices = None, set()
        if self.checkpoint:
            self.tiles = Tiles(self.source, "comity/log/", self.checkpoint.size, self.checkpoint.root, self.wrong)
        origin = self.head and self.head["origin"]
        self.persons, self.intakes = Persons(origin, self.in_log), Intakes(origin, self.in_log)
        if "comity/persons.jsonl" in self.source.files:
            self.attempt("comity/persons.jsonl", lambda: self.persons.read(self.source.small("comity/persons.jsonl")))
        for folder in sorted({name.split("/")[2] for name in self.source.files if name.startswith("comity/intakes/")}):
            self.attempt(f"comity/intakes/{folder}", self.read_intake, folder)
        self.exhibits()
        if self.keys and self.checkpoint:
            self.recording()
            self.stamps()

    def bag(self):
        """RFC 8493, and disclosure.md, Bag."""
        declared = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        self.attempt("bagit.txt", lambda: need(self.source.small("bagit.txt") == declared, "is not the declaration"))
        listed, self.digests, self.sizes = {}, {}, {}
        for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
            self.attempt(manifest, self.read_manifest, manifest, listed)
        for name in self.source.files:
            self.attempt(name, self.hash_file, name)
            if name != "tagmanifest-sha256.txt" and name not in listed:
                self.wrong(name, "is not listed")
        for name, digest in listed.items():
            if name not in self.source.files:
                self.wrong(name, "is listed and missing")
            elif self.digests.get(name) not in (None, digest):
                self.wrong(name, "was altered: its digest is not the listed one")
        self.attempt("bag-info.txt", self.read_info)

    def hash_file(self, name):
        hasher, size = hashlib.sha256(), 0
        for piece in self.source.pieces(name):
            hasher.update(piece)
            size += len(piece)
        self.digests[name], self.sizes[name] = hasher.hexdigest(), size

    def read_manifest(self, manifest, listed):
        last = b""
        for line in self.source.lines(manifest, hashlib.sha256()):
            found = re.fullmatch("([0-9a-f]{64})  (.+)", line.decode())
            need(found, "has a line that is not '<digest>  <path>'")
            path = found[2]
            need(path.encode() > last, f"lists {path} twice or out of order")
            need(path != "tagmanifest-sha256.txt", "lists the tag manifest")
            need(path.startswith("data/") == (manifest == "manifest-sha256.txt"), f"lists {path}, which does not belong")
            last = path.encode()
            listed[path] = found[1]

    def read_info(self):
        fields = []
        for line in self.source.small("bag-info.txt").decode().splitlines():
            if line[:1] in (" ", "\t"):
                need(fields, "begins with a continued line")
            elif line:
                need(line.partition(":")[1] and line[0] != ":", "has a line that is not 'Label: value'")
                fields.append(line)
        need(len(fields) <= 4096, "has more than 4,096 tags")
        oxum = [field.split(":", 1)[1].strip() for field in fields if field.lower().startswith("payload-oxum:")]
        payload = [size for name, size in self.sizes.items() if name.startswith("data/")]
        need(oxum == [f"{sum(payload)}.{len(payload)}"], "does not have one true Payload-Oxum")

    def read_head(self):
        data = self.source.small("comity/package.json")
        need(data.endswith(b"\n"), "has no line feed at its end")
        shape = {name: text for name in ("centre", "origin", "case", "case_name", "purpose", "made_at", "made_by", "program")}
        shape |= {name: count for name in ("exhibits", "files", "bytes", "events", "size")}
        shape |= {"format": lambda f: f == "comity-package-1", "recipient": or_null(text), "root": hex64}
        head = shaped(read_json(data[:-1]), shape, "the head")
        if self.checkpoint:
            same = (head["size"], head["root"], head["origin"])
            need(same == (self.checkpoint.size, self.checkpoint.root.hex(), self.checkpoint.origin),
                 "has another size, root or origin than the checkpoint")
        return head

    def read_intake(self, folder):
        prefix = f"comity/intakes/{folder}/"
        for name in self.source.files:
            if name.split("/")[:3] == ["comity", "intakes", folder] and not name.startswith(prefix + "tile/"):
                need(name == prefix + "events.jsonl", f"{name} has no place in a package")
        data = self.source.small(prefix + "events.jsonl")
        self.intakes.read(folder, data, self.persons, lambda size, root: Tiles(self.source, prefix, size, root, self.wrong))

    # Exhibits and their chains.

    def read_item(self, line):
        item = read_json(line)
        places = {"intakes": lambda at: isinstance(at, list) and all(map(or_null(count), at))} if "intakes" in item else {}
        item = shaped(item, places | {
            "ern": ern, "chain": hex32, "events": count, "last": hex64, "file": or_null(text), "without": or_null(text),
            "path": or_null(text), "size": or_null(count), "sha256": or_null(hex64)}, "the line")
        need((item["file"] is None) != (item["without"] is None), "has a file and a reason for none, or neither")
        need(item["events"] > 0, "has no events")
        if item["file"] is not None:
            need(item["size"] is not None and item["sha256"] is not None, "has a file, and no size or digest")
            need(re.fullmatch(re.escape("data/" + item["ern"].replace(".", "-")) + r"(\.[a-z0-9]{1,8})?", item["file"]),
                 "its file does not have its number")
        return item

    def exhibits(self):
        events, hasher = 0, hashlib.sha256()
        self.count, claimed, self.selection = 0, set(), hashlib.sha256()
        items_name, events_name = "comity/items.jsonl", "comity/events.jsonl"
        tiles = self.tiles
        try:
            lines = self.source.lines(events_name, hasher)
            last_ern, chains = None, set()
            for line in self.source.lines(items_name, hashlib.sha256()):
                item = self.read_item(line)
                self.count += 1
                follows = last_ern is None or in_order(item["ern"]) > in_order(last_ern)
                need(follows and item["chain"] not in chains, f"{item['ern']} is there twice or out of order")
                last_ern = item["ern"]
                self.selection.update(f"{last_ern}\n".encode())
                chains.add(item["chain"])
                before = None
                for n in range(item["events"]):
                    try:
                        events += 1
                        before = self.event(next(lines, None), item, n, before)
                    except Wrong as error:
                        raise Wrong(f"{item['ern']}: event {n}: {error}") from None
                need(before["hash"].hex() == item["last"], f"{item['ern']}: its last event is another one")
                need(len(item.get("intakes", ())) <= before["entered"], f"{item['ern']}: has a place in an intake too many")
                if item["file"] is not None:
                    claimed.add(item["file"])
                    same = (self.digests.get(item["file"]), self.sizes.get(item["file"]))
                    if same != (item["sha256"], item["size"]):
                        self.wrong(item["ern"], f"{item['file']} is not the file that was received")
            need(next(lines, None) is None, "events are left that belong to no exhibit")
        except Wrong as error:
            return self.wrong(f"{items_name} and {events_name}", error)
        for name in self.source.files:
            if name.startswith("data/") and name not in claimed:
                self.wrong(name, "belongs to no exhibit")
        if tiles:
            needed = tiles.needed(self.indices)
            for key in needed - tiles.tiles.keys():
                self.wrong("comity/log/" + tiles.path(*key), "is missing")
            for key in tiles.tiles.keys() - needed:
                self.wrong("comity/log/" + tiles.path(*key), "is not needed")
        for folder, what in self.intakes.left_over():
            self.wrong(f"comity/intakes/{folder}", what)
        if self.head:
            payload = [size for name, size in self.sizes.items() if name.startswith("data/")]
            found = {"exhibits": self.count, "events": events, "files": len(payload), "bytes": sum(payload)}
            for name, number in found.items():
                if self.head[name] != number:
                    self.wrong("comity/package.json", f"says {self.head[name]} {name}, and there are {number}")

    def event(self, line, item, n, before):
        need(line is not None, "is missing")
        index, leaf, found, opened = read_line(line, self.head and self.head["origin"])
        need(leaf["chain"] == item["chain"] and leaf["n"] == n, "another event stands in its place")
        if before:
            need(leaf["prev"] == before["hash"].hex(), "does not follow the event before it")
            need(index > before["index"], "stands before the event before it")
        need(opened.get("ern", item["ern"]) == item["ern"], "was recorded for another exhibit")
        if n == 0:
            need(opened.get("kind") in ("received", "extracted") and "ern" in opened, "does not open that it was received under this number")
            for name in ("path", "size", "sha256"):
                need(opened.get(name) == item[name], f"its {name} is not the one of the exhibit's line")
            if self.head and "case" in opened:
                need(opened["case"] == self.head["case"], "was received for another case")
        else:
            need(opened.get("kind") not in ("received", "extracted"), "is received a second time")
        self.in_log(index, found)
        self.persons.bind(opened, index)
        entered = before["entered"] if before else 0
        if opened.get("kind") in ("received", "delivered_again"):
            if "intakes" in item:
                need(entered < len(item["intakes"]), "the line does not say its place in its intake")
                self.intakes.hold(opened.get("act"), item["intakes"][entered], index, found)
            entered += 1
        return {"hash": found, "index": index, "entered": entered}

    def in_log(self, index, found):
        self.indices.add(index)
        if self.tiles:
            need(index < self.tiles.size and self.tiles.hash_at(0, index) == found, "its leaf is not in the log there")

    # Beside the package.

    def beside(self, ending):
        path = os.path.normpath(os.path.abspath(self.path))
        name = path[:-4] if path.endswith(".zip") else path
        try:
            with open(name + ending, "rb") as file:
                return file.read(SMALL)
        except FileNotFoundError:
            return None

    def recording(self):
        proof, consistency = self.beside(".disclosure.tlog-proof"), self.beside(".consistency")
        if proof is None or consistency is None:
            return print("note: made, not recorded: not both files are beside the package")
        later = self.attempt(".disclosure.tlog-proof", self.read_proof, proof)
        self.attempt(".consistency", self.read_consistency, consistency, self.checkpoint, later)

    def read_proof(self, data):
        head, _, note = data.partition(b"\n\n")
        lines = head.decode().split("\n")
        need(lines.pop(0) == "c2sp.org/tlog-proof@v1", "is no tlog-proof")
        need(len(lines) >= 2 and lines[0].startswith("extra "), "has no extra line")
        act = read_json(unbase64(lines.pop(0)[6:]))
        need(isinstance(act, dict), "its extra line is no object")
        proposal = act.pop("proposal", None)
        shape = {"fields": lambda fields: True, "leaf": text}
        shaped(act, shape, "the extra line")
        index = re.fullmatch("index (0|[1-9][0-9]*)", lines.pop(0))
        need(index, "has no index")
        later = Checkpoint(note).verify(self.keys)
        _, found, opened = check_event(act["fields"], act["leaf"], later.origin)
        verify_inclusion(int(index[1]), later.size, found, [unbase64(line, 32) for line in lines], later.root)
        need(opened.get("kind") == "disclosed", "its act is no disclosure")
        self.persons.bind(opened, None)
        need(opened.get("tagmanifest_sha256") == self.digests.get("tagmanifest-sha256.txt"), "another package was recorded")
        need(opened.get("exhibits") == self.count, "its act speaks of another number of exhibits")
        need(int(index[1]) >= self.checkpoint.size, "its act stands before checkpoint A")
        withheld = {field["name"] for field in act["fields"] if "withheld" in field}
        for name in ("case", "purpose", "recipient"):
            if self.head and name not in withheld:
                need(opened.get(name) == self.head[name], f"its act has another {name} than the head")
        need((proposal is not None) == ("proposal_leaf" in opened), "its act and the proposal shown do not belong together")
        if proposal is not None:
            self.two_persons(opened, shaped(proposal, shape, "the proposal"), later.origin)
        return later

    def two_persons(self, act, proposal, origin):
        """acts.md, Two persons."""
        _, found, opened = check_event(proposal["fields"], proposal["leaf"], origin)
        need(found.hex() == act["proposal_leaf"], "its act names another proposal")
        self.persons.bind(opened, None)
        need((opened.get("kind"), opened.get("proposes")) == ("proposed", "disclose"), "its proposal is of another act")
        need("signature" in opened and "signature" in act, "not both persons have signed it")
        need(opened["signature"]["key"] != act["signature"]["key"] and opened.get("actor") != act.get("actor"),
             "those who proposed and confirmed it are not two")
        need(act.get("proposed_by") == opened.get("actor"), "its act says that another person proposed it")
        need(isinstance(opened.get("parameters"), dict), "its proposal shows no parameters")
        for name, value in opened["parameters"].items():
            if isinstance(value, (str, bool)):
                need(act.get(name, value) == value, f"its act has another {name} than was proposed")
        need(act.get("selection_sha256") == self.selection.hexdigest(), "the exhibits are not those that were proposed")

    def read_consistency(self, data, old, new):
        """The file of two checkpoints; `new` may be unknown when something else is wrong with it."""
        parts = data.decode().split("\n\n")
        need(len(parts) == 5, "does not have a proof and two checkpoints")
        lines = parts[0].split("\n")
        need(lines.pop(0) == "comity-consistency-1", "is no consistency file")
        one = Checkpoint(f"{parts[1]}\n\n{parts[2]}\n".encode()).verify(self.keys)
        two = Checkpoint(f"{parts[3]}\n\n{parts[4]}".encode()).verify(self.keys)
        verify_consistency(one.size, two.size, one.root, two.root, [unbase64(line, 32) for line in lines])
        need((one.size, one.root) == (old.size, old.root), "its earlier checkpoint is another one")
        need(new is None or (two.size, two.root) == (new.size, new.root), "its later checkpoint is another one")
        return one, two

    # Time stamps: stamp.md.

    def stamps(self):
        folders = {}
        for name in self.source.files:
            if name.startswith("comity/stamps/"):
                folder, _, file = name[14:].partition("/")
                folders.setdefault(folder, set()).add(file)
        if len(folders) > 16:
            self.wrong("comity/stamps", "has stamps of more than 16 authorities")
        for folder, files in folders.items():
            self.attempt(f"comity/stamps/{folder}", self.series, folder, files)

    def series(self, folder, files):
        need(re.fullmatch("[a-z0-9-]{1,32}", folder), "is no name of an authority")
        tokens = len([file for file in files if file.endswith(".tsr")])
        need(0 < tokens <= 100, "has no token, or too many")
        expected = {"checkpoint", "consistency"} | {f"{n:03}.{kind}" for n in range(tokens) for kind in ("tsr", "pem", "json")}
        lists = {f"{n:03}.crl" for n in range(tokens)}
        need(expected <= files <= expected | lists, "does not have the files that it must have")
        read = {file: self.source.small(f"comity/stamps/{folder}/{file}") for file in files}
        one, two = self.read_consistency(read["consistency"], Checkpoint(read["checkpoint"]), self.checkpoint)
        need((one.data, two.data) == (read["checkpoint"], self.checkpoint.data), "its consistency is of other checkpoints")
        stamped, before = read["checkpoint"], None
        for n in range(tokens):
            need(read[f"{n:03}.json"].endswith(b"\n"), f"{n:03}.json has no line feed at its end")
            about = shaped(read_json(read[f"{n:03}.json"][:-1]), {
                "format": lambda f: f == "comity-stamp-1", "authority": text, "url": text, "nonce": text,
                "hash": lambda h: h in ("sha256", "sha512"), "qualified": lambda q: isinstance(q, bool),
                "response_sha256": hex64, "certificates_sha256": hex64, "revocation_sha256": or_null(hex64)}, f"{n:03}.json")
            for kind, member in (("tsr", "response_sha256"), ("pem", "certificates_sha256"), ("crl", "revocation_sha256")):
                found = read.get(f"{n:03}.{kind}")
                found = None if found is None else sha256(found).hex()
                need(found == about[member], f"{n:03}.{kind} is not the one that is recorded")
            time, until = check_token(read[f"{n:03}.tsr"], stamped, read[f"{n:03}.pem"], nonce_of(about["nonce"]))
            need(before is None or before[0] <= time <= before[1], f"{n:03}.tsr renews too late, or before what it renews")
            before = time, until
            stamped += read[f"{n:03}.tsr"] + read[f"{n:03}.pem"] + read.get(f"{n:03}.crl", b"")


def main(words):
    given = None
    if len(words) == 3 and words[1] == "--keys":
        try:
            with open(words[2], "rb") as file:
                given = Keys(file.read())
        except (OSError, Wrong, ValueError) as error:
            sys.stderr.write(f"reader.py: {words[2]}: {error}\n")
            return 2
    elif len(words) != 1:
        sys.stderr.write(__doc__)
        return 2
    if not os.path.exists(words[0]):
        sys.stderr.write(f"reader.py: {words[0]} is not there\n")
        return 2
    reader = Reader(words[0], given)
    reader.run()
    for finding in reader.findings:
        print(finding.encode("ascii", "backslashreplace").decode())
    print(f"{len(reader.findings)} findings" if reader.findings else "Nothing is wrong.")
    return 1 if reader.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
