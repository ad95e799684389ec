"""Good and bad BagIt bags, and what the Library of Congress's `bagit` makes of them.

    tests/judges/bags.py --make FOLDER     makes the bags, and `cases.json` that says what each is
    tests/judges/bags.py WORLD.json        makes them and holds `bagit` to what is written here of it

Each case says whether the bag is valid by RFC 8493 (or its draft for 0.97), a word of the finding that a reader must
name when it is not, and what `bagit` says. Where `bagit` differs, `why` says by which sentence it is wrong, or where we
are stricter on purpose because evidence wants it. Our reader runs over the same folder in its own tests.
"""

import hashlib
import io
import json
import os
import shutil
import stat
import struct
import sys
import unicodedata
import zipfile
from pathlib import Path

HELLO = b"hello\n"
FILES = {"data/hello.txt": HELLO, "data/sub/two words.bin": bytes(range(256)), "data/empty": b""}
INFO = "Source-Organization: Invented Police\nContact-Name: A. Nobody\n"
V1, V97 = "1.0", "0.97"


def encode(path, version=V1):
    """A path as a manifest has it."""
    path = path.replace("%", "%25") if version == V1 else path
    return path.replace("\r", "%0D").replace("\n", "%0A")


def digest(algorithm, data):
    return hashlib.new(algorithm, data).hexdigest()


def manifest(files, algorithm, version=V1):
    return "".join(f"{digest(algorithm, data)}  {encode(path, version)}\n" for path, data in files.items())


class Bag:
    """A bag in memory: sound as made, spoiled by its case afterwards."""

    def __init__(self, files=None, algorithms=("sha256",), version=V1, info=INFO, tag_algorithms=None):
        self.version = version
        self.files = dict(FILES if files is None else files)
        self.algorithms = algorithms
        self.tag_algorithms = algorithms if tag_algorithms is None else tag_algorithms
        self.tags = {"bagit.txt": f"BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n".encode()}
        if info is not None:
            total = sum(map(len, self.files.values()))
            self.tags["bag-info.txt"] = f"{info}Payload-Oxum: {total}.{len(self.files)}\n".encode()
        for algorithm in algorithms:
            self.tags[f"manifest-{algorithm}.txt"] = manifest(self.files, algorithm, version).encode()
        self.seal()

    def seal(self):
        """Makes the tag manifests anew."""
        listed = {path: data for path, data in self.tags.items() if not path.startswith("tagmanifest-")}
        for algorithm in self.tag_algorithms:
            self.tags[f"tagmanifest-{algorithm}.txt"] = manifest(listed, algorithm).encode()
        return self

    def tag(self, path, data, seal=True):
        """Replaces a tag file, or takes it away; a function makes new bytes of the old."""
        if callable(data):
            data = data(self.tags[path])
        if data is None:
            del self.tags[path]
        else:
            self.tags[path] = data if isinstance(data, bytes) else data.encode()
        return self.seal() if seal else self

    def write(self, folder):
        (folder / "data").mkdir(parents=True)
        for path, data in {**self.tags, **self.files}.items():
            target = os.path.join(os.fsencode(folder), os.fsencode(path))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as out:
                out.write(data)


CASES = []


def case(name, make, says=None, bagit=True, why=None, after=None):
    """`says`: a word of the finding, for an invalid bag; `after` spoils the folder once it is written."""
    CASES.append({"name": name, "make": make, "says": says, "bagit": bagit, "why": why, "after": after, "zip": False})


def line(algorithm, data, path):
    return f"{digest(algorithm, data)}  {path}\n".encode()


def valid():
    case("v1-sha256", Bag)
    case("v1-sha512", lambda: Bag(algorithms=("sha512",)))
    case("v1-two-manifests", lambda: Bag(algorithms=("sha256", "sha512")))
    case("v097-all-manifests", lambda: Bag(version=V97, algorithms=("md5", "sha1", "sha256", "sha512")))
    case("v097-md5", lambda: Bag(version=V97, algorithms=("md5",)))
    case("no-bag-info", lambda: Bag(info=None))
    case("no-tag-manifest", lambda: Bag(tag_algorithms=()))
    case("empty-payload", lambda: Bag(files={}))
    case("unicode-names", lambda: Bag(files={"data/Протокол № 7 📷.txt": HELLO, "data/..a": HELLO, "data/~b": HELLO, "data/ c": b""}))
    case("repeated-and-folded-info", lambda: Bag(info="B: 1\nA: 2\nB: 3\nLong: one\n  two\n\tthree\n"))
    case("upper-case-digests", lambda: Bag().tag("manifest-sha256.txt", lambda old: b"".join(
        row.split(b"  ")[0].upper() + b" \t " + row.split(b"  ")[1] + b"\n" for row in old.splitlines())))
    case("crlf", lambda: Bag(info="A: b\r\n").tag("manifest-sha256.txt", lambda old: old.replace(b"\n", b"\r\n")).tag(
        "bagit.txt", lambda old: old.replace(b"\n", b"\r\n")))
    case("no-end-of-last-line", lambda: Bag().tag("bagit.txt", lambda old: old[:-1]))
    case("blank-lines", lambda: Bag().tag("manifest-sha256.txt", lambda old: old + b"\n"))
    case("cr-alone", lambda: Bag().tag("manifest-sha256.txt", lambda old: old.replace(b"\n", b"\r")))
    case("tag-files-in-folders", lambda: Bag().tag("meta/more/notes.xml", "<x/>"))
    case("tag-file-not-listed", lambda: Bag().tag("notes.txt", "later\n", seal=False))
    case("fetch-of-what-is-here", lambda: Bag().tag("fetch.txt", "https://example.org/h 6 data/hello.txt\n"))
    case("dot-slash", lambda: Bag().tag("manifest-sha256.txt", lambda old: old.replace(b"  data/", b"  ./data/")))
    case("asterisk", lambda: Bag(version=V97, algorithms=("md5",)).tag("manifest-md5.txt", lambda old: old.replace(b"  data/", b" *data/")))
    case("v097-repeated-line", lambda: Bag(version=V97).tag("manifest-sha256.txt", lambda old: old + old.splitlines(True)[0]))
    case("v097-white-space", lambda: Bag(version=V97).tag("bagit.txt", "BagIt-Version : 0.97\nTag-File-Character-Encoding : UTF-8\n"))
    case("v097-separators", lambda: Bag(version=V97, info="A:1\nB : 2\nC   :   3\n"))
    case("v097-percent-as-it-is", lambda: Bag(version=V97, files={"data/100%.txt": HELLO, "data/a%20b": HELLO, "data/c%25": b""}))
    case("v097-line-feed", lambda: Bag(version=V97, files={"data/a\nb": HELLO}))
    case("v1-line-feed", lambda: Bag(files={"data/a\nb": HELLO, "data/c\r\nd": HELLO}))
    case("split-manifests-v097", lambda: split(V97))
    case("latin-1", lambda: encoded("ISO-8859-1", "ISO-8859-1"))
    case("utf-16", lambda: encoded("UTF-16", "UTF-16"))
    case("names-that-differ-in-case", lambda: Bag(files={"data/Readme": HELLO, "data/README": b"other"}))
    case("normalised-on-the-way", Bag.nfc_listed_nfd_present)
    # RFC 8493, 2.1.3: CR, LF and % are percent-encoded.
    case("v1-percent", lambda: Bag(files={"data/100%.txt": HELLO, "data/%0A": HELLO}), bagit=False,
         why="2.1.3: % is written %25; bagit never decodes it")
    case("v1-lower-case-escape", lambda: Bag(files={"data/a\nb": HELLO}).tag("manifest-sha256.txt", lambda old: old.replace(b"%0A", b"%0a")),
         bagit=False, why="2.1.3 with RFC 3986: hex digits of an escape have no case; bagit reads %0A alone")
    case("v1-many-line-feeds", lambda: Bag(files={"data/a\nb\nc\nd": HELLO}), bagit=False,
         why="2.1.3: every line feed is decoded; bagit decodes the first two of a path")


def split(version):
    """Two manifests, each of one half of the payload."""
    bag = Bag(version=version, algorithms=("sha256", "sha512"))
    for algorithm, keep in (("sha256", 0), ("sha512", 1)):
        half = {path: data for at, (path, data) in enumerate(bag.files.items()) if at % 2 == keep}
        bag.tag(f"manifest-{algorithm}.txt", manifest(half, algorithm, version))
    return bag


def encoded(name, codec):
    bag = Bag(version=V97, files={"data/Zoë": HELLO}, info="Contact-Name: Zoë\n")
    bag.tag("bagit.txt", f"BagIt-Version: 0.97\nTag-File-Character-Encoding: {name}\n")
    for path in ("bag-info.txt", "manifest-sha256.txt"):
        bag.tag(path, lambda old: old.decode().encode(codec))
    return bag.tag("tagmanifest-sha256.txt", lambda old: old.decode().encode(codec), seal=False)


def nfc_listed_nfd_present():
    name = "data/Núñez.txt"
    bag = Bag(files={unicodedata.normalize("NFD", name): HELLO})
    return bag.tag("manifest-sha256.txt", line("sha256", HELLO, unicodedata.normalize("NFC", name)))


Bag.nfc_listed_nfd_present = staticmethod(nfc_listed_nfd_present)


def invalid():
    declared = lambda text: (lambda: Bag().tag("bagit.txt", text))
    encoding = "Tag-File-Character-Encoding: UTF-8\n"
    case("no-bagit-txt", lambda: Bag().tag("bagit.txt", None), "bagit.txt: it is not there", False)
    case("no-data", Bag, "data: there is no such folder", False, after=lambda at: shutil.rmtree(at / "data"))
    case("no-manifest", lambda: Bag().tag("manifest-sha256.txt", None), "no manifest of its payload", False)
    case("mark-in-bagit-txt", declared("\ufeffBagIt-Version: 1.0\n" + encoding), "byte order mark", False)
    case("version-2", declared("BagIt-Version: 2.0\n" + encoding), 'version is "2.0"', False)
    case("version-without-number", declared("BagIt-Version: .97\n" + encoding), 'version is ".97"', False)
    case("one-line", declared("BagIt-Version: 1.0\n"), "fewer than its two lines", False)
    case("odd-encoding", declared("BagIt-Version: 1.0\nTag-File-Character-Encoding: klingon\n"), "klingon", False)
    wrong = "2.1.1: bagit.txt is exactly two lines of exactly this form"
    case("white-space-before-colon", declared("BagIt-Version : 1.0\n" + encoding), "white space", True, wrong)
    case("white-space-at-end", declared("BagIt-Version: 1.0 \n" + encoding), "white space", True, wrong)
    case("third-line", declared("BagIt-Version: 1.0\n" + encoding + "Third: line\n"), "one too many", True, wrong)
    case("swapped-lines", declared(encoding + "BagIt-Version: 1.0\n"), "and not `BagIt-Version", True, wrong)

    case("payload-altered", Bag, "its SHA-256 is", False, after=lambda at: (at / "data/hello.txt").write_bytes(b"hellO\n"))
    case("payload-missing", lambda: Bag(info=None), "listed and not there", False, after=lambda at: (at / "data/hello.txt").unlink())
    case("payload-extra", lambda: Bag(info=None), "listed in no manifest", False, after=lambda at: (at / "data/extra").write_bytes(b"x"))
    case("v097-payload-extra", lambda: Bag(version=V97, info=None), "listed in no manifest", False,
         after=lambda at: (at / "data/extra").write_bytes(b"x"))
    case("second-manifest-wrong", lambda: Bag(algorithms=("sha256", "sha512")).tag(
        "manifest-sha512.txt", lambda old: b"0" * 128 + old[128:]), "its SHA-512 is", False)
    case("tag-file-altered", lambda: Bag().tag("bag-info.txt", lambda old: old + b"More: x\n", seal=False), "its SHA-256 is", False)
    case("tag-file-missing", lambda: Bag().tag("bag-info.txt", None, seal=False), "a tag manifest lists it and it is not there", False)
    case("manifest-altered", lambda: Bag().tag("manifest-sha256.txt", lambda old: old.replace(b"  data/h", b" data/h"), seal=False),
         "its SHA-256 is", False)
    case("split-manifests-v1", lambda: split(V1), "which must list all", True,
         "3, point 4: from 1.0 on every payload file is listed in every payload manifest")
    case("listed-twice-differently", lambda: Bag().tag("manifest-sha256.txt", lambda old: old + line("sha256", b"x", "data/hello.txt")),
         "contradicts line", False)
    case("listed-twice-v1", lambda: Bag().tag("manifest-sha256.txt", lambda old: old + old.splitlines(True)[0]), "repeats line", False)
    case("tag-manifest-lists-payload", lambda: Bag().tag(
        "tagmanifest-sha256.txt", lambda old: old + line("sha256", HELLO, "data/hello.txt"), seal=False), "lies in the payload", False)
    case("tag-manifest-lists-tag-manifest", lambda: Bag(algorithms=("sha256", "sha512")).tag(
        "tagmanifest-sha512.txt", lambda old: old + line("sha512", b"", "tagmanifest-sha256.txt"), seal=False),
        "not for tag manifests", False)
    case("tag-manifest-omits-manifest", lambda: Bag().tag(
        "tagmanifest-sha256.txt", lambda old: b"".join(row for row in old.splitlines(True) if b"manifest-" not in row), seal=False),
        "does not list manifest-sha256.txt", True, "2.2.1: every tag manifest lists every payload manifest")

    listing = lambda path: (lambda: Bag().tag("manifest-sha256.txt", lambda old: old + line("sha256", HELLO, path)))
    case("path-up", listing("data/../../hello.txt"), "leads up", False)
    case("path-up-within", listing("data/sub/../hello.txt"), "leads up", False)
    case("path-absolute", listing("/etc/passwd"), "absolute", False)
    case("path-home", listing("~/hello.txt"), "home folder", False)
    case("path-drive", listing("C:\\hello.txt"), "drive", False)
    case("path-outside-payload", listing("bag-info.txt"), "outside the payload", False)
    case("path-is-folder", listing("data/sub/"), "names no file", False)
    case("digest-too-short", lambda: Bag().tag("manifest-sha256.txt", lambda old: old[1:]), "its digest is none", False)
    case("digest-not-hex", lambda: Bag().tag("manifest-sha256.txt", lambda old: b"z" + old[1:]), "its digest is none", False)
    case("line-without-path", lambda: Bag().tag("manifest-sha256.txt", lambda old: old + b"abc\n"), "is not a digest", True,
         "2.1.3: each line is a digest and a path; bagit logs and skips it")
    case("comment-line", lambda: Bag().tag("manifest-sha256.txt", lambda old: b"# by hand\n" + old), "its digest is none", True,
         "2.1.3: each line is a digest and a path, and there are no comments")
    case("mark-in-manifest", lambda: Bag().tag("manifest-sha256.txt", lambda old: b"\xef\xbb\xbf" + old), "byte order mark", True,
         "2.3: a mark only where the encoding needs it, and never in UTF-8; bagit warns")
    case("manifest-not-utf-8", lambda: Bag(files={"data/caf\udce9": HELLO}, info=None, algorithms=()).tag(
        "manifest-sha256.txt", digest("sha256", HELLO).encode() + b"  data/caf\xe9\n"), "not in the encoding", False)
    case("v1-percent-as-it-is", lambda: Bag(files={"data/100%.txt": HELLO}).tag("manifest-sha256.txt", lambda old: old.replace(b"%25", b"%")),
         "is not written `%25`", True, "2.1.3: % is written %25")
    case("unknown-algorithm", lambda: Bag().tag("manifest-whirlpool.txt", "00  data/hello.txt\n"), "cannot be checked", True,
         "not wrong: bagit passes over manifests by algorithms that it lacks; we refuse what we cannot check")

    oxum = lambda value: (lambda: Bag(info=None).tag("bag-info.txt", f"Payload-Oxum: {value}\n"))
    case("oxum-bytes", oxum("263.3"), "Payload-Oxum says 263 bytes", False)
    case("oxum-files", oxum("262.4"), "in 4 files", False)
    case("oxum-odd", oxum("262.3x"), "is not bytes, a full stop and files", False)
    case("oxum-twice", oxum("262.3\nPayload-Oxum: 262.3"), "more than once", True, "2.2.2: Payload-Oxum is not repeated; bagit takes the first")
    case("oxum-second-wrong", lambda: Bag(version=V97, info=None).tag("bag-info.txt", "Payload-Oxum: 262.3\nPayload-Oxum: 1.1\n"),
         "says 1 bytes", True, "the second one says otherwise; bagit takes the first")
    case("info-without-colon", lambda: Bag(info="nothing here\n"), "no colon", False)
    case("info-space-before-colon", lambda: Bag(info="A : b\n"), "before its colon", True, "2.2.2: a label neither begins nor ends with white space")
    case("info-no-space-after-colon", lambda: Bag(info="A:b\n"), "after its colon", True, "2.2.2: one white space follows the colon")

    fetch = lambda text: (lambda: Bag(info=None).tag("fetch.txt", text))
    gone = lambda at: (at / "data/hello.txt").unlink()
    case("fetch-of-what-is-not-here", fetch("https://example.org/h 6 data/hello.txt\n"), "nothing is fetched", False, after=gone)
    case("fetch-outside", fetch("https://example.org/h 6 ../hello.txt\n"), "leads up", False)
    case("fetch-of-unlisted", fetch("https://example.org/h 6 data/more.txt\n"), "is listed in no manifest", True,
         "2.2.3: every file in fetch.txt is in a payload manifest")
    case("fetch-odd-length", fetch("https://example.org/h six data/hello.txt\n"), "is no number", True, "2.2.3: the length is a number or -")

    case("link-in-payload", lambda: Bag(files={"data/a": HELLO, "data/b": HELLO}, info=None), "symbolic link", True,
         "not wrong: the RFC is silent; a bag of evidence holds the bytes that it hands over", after=lambda at: relink(at / "data/b", "a"))
    case("link-for-payload", lambda: Bag(info=None), "symbolic link", True,
         "not wrong: the RFC is silent; a bag of evidence holds the bytes that it hands over", after=lambda at: move_data(at))
    # bagit would wait for a writer for ever.
    case("pipe-in-payload", lambda: Bag(info=None), "no regular file", None, after=lambda at: os.mkfifo(at / "data/pipe"))


def relink(path, target):
    path.unlink()
    os.symlink(target, path)


def move_data(at):
    (at / "data").rename(at / "elsewhere")
    os.symlink("elsewhere", at / "data")


def zipped(name, make, says=None):
    CASES.append({"name": name, "make": make, "says": says, "bagit": None, "why": None, "after": None, "zip": True})


def pack(bag=None, base="bag/", method=zipfile.ZIP_DEFLATED, more=(), skip=(), folders=False):
    """The bytes of a zip of `bag`; `more` are pairs of a name, or a ZipInfo, and bytes."""
    bag = bag or Bag()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        if folders:
            archive.writestr(base + "data/", b"")
        for path, data in {**bag.tags, **bag.files}.items():
            if path not in skip:
                archive.writestr(base + path, data)
        for path, data in more:
            archive.writestr(path, data)
    return out.getvalue()


def special(name, mode):
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = mode << 16
    return entry


class Unseekable(io.RawIOBase):
    """Makes zipfile write lengths behind the bytes."""

    def __init__(self):
        self.parts = []

    def writable(self):
        return True

    def write(self, data):
        self.parts.append(bytes(data))
        return len(data)


def streamed():
    out = Unseekable()
    bag = Bag()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in {**bag.tags, **bag.files}.items():
            with archive.open("bag/" + path, "w") as member:
                member.write(data)
    return b"".join(out.parts)


def central(data, name, offset, form, value):
    """Changes a field of the central directory's header of `name`."""
    at = data.rindex(name) - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    out = bytearray(data)
    struct.pack_into(form, out, at + offset, value)
    return bytes(out)


def overlapping():
    data = pack()
    other = struct.unpack_from("<L", data, data.rindex(b"bag/data/hello.txt") - 46 + 42)[0]
    return central(data, b"bag/data/empty", 42, "<L", other)


def renamed_inside():
    data = pack()
    return data.replace(b"bag/data/hello.txt", b"bag/data/hallo.txt", 1)


def lying_length(by):
    """Both headers agree on a length that the bytes do not have."""
    data = pack(Bag(info=None))
    name = b"bag/data/sub/two words.bin"
    local = bytearray(central(data, name, 24, "<L", 256 + by))
    struct.pack_into("<L", local, data.index(name) - 30 + 22, 256 + by)
    return bytes(local)


def swapped_bytes():
    """A stored file whose bytes are no longer those of its CRC-32; the manifest is of the new bytes."""
    bag = Bag(files={"data/hello.txt": b"hallo\n"})
    return pack(bag, method=zipfile.ZIP_STORED).replace(b"hallo\n", HELLO, 1)


def archives():
    zipped("zip", pack)
    zipped("zip-stored", lambda: pack(method=zipfile.ZIP_STORED))
    zipped("zip-without-folder", lambda: pack(base=""))
    zipped("zip-streamed", streamed)
    zipped("zip-empty-payload", lambda: pack(Bag(files={}), folders=True))
    zipped("zip-from-macos", lambda: pack(more=[("__MACOSX/bag/._data", b"x")]))
    zipped("zip-after-a-stub", lambda: b"#!/bin/sh\n" + pack())
    zipped("zip-no-data", lambda: pack(Bag(files={})), "data: there is no such folder")
    zipped("zip-path-up", lambda: pack(more=[("bag/data/../../../etc/x", b"x")]), "leads up")
    zipped("zip-path-absolute", lambda: pack(more=[("/etc/x", b"x")]), "absolute")
    zipped("zip-path-backslash-up", lambda: pack(more=[("bag/data/..\\..\\x", b"x")]), "leads up")
    zipped("zip-name-twice", lambda: pack(more=[("bag/data/hello.txt", b"other")]), "lists a name twice")
    zipped("zip-names-differ-in-case", lambda: pack(Bag(files={"data/A": HELLO, "data/a": HELLO})), "for one")
    zipped("zip-names-differ-in-normalisation", lambda: pack(Bag(files={"data/\u00e9": HELLO, "data/e\u0301": HELLO})), "for one")
    zipped("zip-link", lambda: pack(skip=["data/hello.txt"], more=[(special("bag/data/hello.txt", stat.S_IFLNK | 0o777), b"../x")]),
           "a link or another special file")
    zipped("zip-two-bags", lambda: pack(more=[("bag2/bagit.txt", b"x")]), "beside the one folder")
    zipped("zip-encrypted", lambda: central(pack(), b"bag/data/hello.txt", 8, "<H", 1), "is encrypted")
    zipped("zip-bzip2", lambda: pack(method=zipfile.ZIP_BZIP2), "a method that is not read")
    zipped("zip-overlapping", overlapping, "two different bags")
    zipped("zip-renamed-inside", renamed_inside, "two different bags")
    zipped("zip-truncated", lambda: pack()[:-40], "no sound zip archive")
    zipped("zip-wrong-crc", swapped_bytes, "it cannot be read: its CRC-32")
    zipped("zip-longer-than-said", lambda: lying_length(-1), "longer than the archive says")
    zipped("zip-shorter-than-said", lambda: lying_length(1), "shorter than the archive says")
    zipped("zip-empty", lambda: pack(Bag(files={}), skip=Bag(files={}).tags), "there is no bag in it")
    zipped("zip-not-a-zip", lambda: b"PK\x03\x04 but no more", "no sound zip archive")
    zipped("zip-payload-altered", lambda: pack(skip=["data/hello.txt"], more=[("bag/data/hello.txt", b"hellO\n")]), "its SHA-256 is")


valid()
invalid()
archives()

# What our reader remarks on without refusing the bag; every other valid bag passes without a word.
REMARKS = {
    "dot-slash": "line 1 and 2 more: its path has a superfluous",
    "asterisk": "the asterisk of md5sum",
    "v097-repeated-line": "line 4 repeats line 1",
    "v097-white-space": "white space where none belongs",
    "v097-separators": "white space before its colon",
    "names-that-differ-in-case": "for one",
    "normalised-on-the-way": "another Unicode normalisation",
    "zip-from-macos": "macOS added",
    "no-end-of-last-line": "its last line has no end",
    "blank-lines": "line 4: it is blank",
}


def make(folder):
    """Writes all bags below `folder`, and `cases.json`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    for known in CASES:
        made = known["make"]()
        name = known["name"] + (".zip" if known["zip"] else "")
        if known["zip"]:
            (folder / name).write_bytes(made)
        else:
            made.write(folder / name)
            if known["after"]:
                known["after"](folder / name)
        told.append({"path": name, "says": known["says"], "bagit": known["bagit"], "why": known["why"], "remark": REMARKS.get(known["name"])})
    (folder / "cases.json").write_text(json.dumps(told, indent=1, ensure_ascii=False))
    return told


def judge(world):
    import logging

    import bagit
    from report import check, done

    logging.disable(logging.CRITICAL)
    folder = Path(json.loads(Path(world).read_text())["scratch"]) / "bags"
    for told in make(folder):
        if told["bagit"] is None:
            continue
        try:
            bagit.Bag(str(folder / told["path"])).validate()
            says, why = True, "it is accepted"
        except Exception as error:
            says, why = False, f"{type(error).__name__}: {error}"
        agrees = told["bagit"] == (told["says"] is None)
        name = f"{told['path']}: bagit and we {'agree' if agrees else 'differ, ' + str(told['why'])}"
        check(name, says == told["bagit"] and (agrees or told["why"]), why)
    done()


if __name__ == "__main__":
    if sys.argv[1] == "--make":
        print(f"{len(make(sys.argv[2]))} bags")
    else:
        judge(sys.argv[1])
