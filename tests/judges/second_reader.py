"""docs/format/reader.py and comity-verify come to the same verdict: on whole packages, on the table of damage, on attacks."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from report import check, done

world = json.loads(Path(sys.argv[1]).read_text())
scratch = Path(world["scratch"]) / "second"
scratch.mkdir()
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "docs/format"))
import reader  # noqa: E402

VERIFY = Path(world["programs"]) / "comity-verify"


def verdicts(path, *more):
    """Exit codes of both. The reader runs in this process: starting Python anew costs more than the check."""
    ours = subprocess.run([VERIFY, path, *more], capture_output=True, text=True)
    second = reader.Reader(str(path), None)
    second.run()
    return ours.returncode, int(bool(second.findings)), ours.stdout, second.findings


def agree(name, path, expected=None):
    ours, second, said, findings = verdicts(path)
    # The attacks that expect nothing change bytes that may be unsigned: there a strict parser may refuse what another
    # passes over, and never the other way round.
    is_stricter = expected is None and ours == 1
    if (ours != second and not is_stricter) or (expected is not None and ours != expected):
        check(name, False, f"comity-verify {ours}, reader.py {second}, expected {expected}: {said[:600]} {findings[:3]}")
        return False
    return True


def program(*words):
    return subprocess.run([sys.executable, reader.__file__, *words], capture_output=True, text=True)


def copied(source, to):
    shutil.copytree(source, to)
    for ending in (".disclosure.tlog-proof", ".consistency"):
        shutil.copyfile(f"{source}{ending}", f"{to}{ending}")
    return to


# As programs, on what is whole.
for kind in ("package", "few", "package_zip"):
    ran = program(world[kind])
    check(f"reader.py finds nothing wrong with the {kind}", ran.returncode == 0, ran.stdout)
    check(f"nor does comity-verify, {kind}", agree(kind, Path(world[kind]), 0))
check("the log's keys from elsewhere are those", program(world["few"], "--keys", world["keys"]).returncode == 0)
check("used wrongly it says so", program().returncode == 2 and program("nowhere").returncode == 2)
check("what it needs is the documents alone", "comity" not in "".join(
    line for line in Path(reader.__file__).read_text().splitlines() if line.startswith(("import", "from"))))

# Every file, each damage.
few = Path(world["few"])
names = sorted(str(path.relative_to(few)) for path in few.rglob("*") if path.is_file())


def damages(data, other):
    yield "delete", None
    yield "truncate", data[: len(data) // 2]
    for place in (0, len(data) // 2, len(data) - 1):
        if data:
            yield f"flip {place}", data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]
    yield "grow", data + b"\n"
    yield "swap", other


def table(part):
    number, some = part
    copy = copied(few, scratch / f"few-{number}")
    tried, wrong = 0, 0
    for name in some:
        path, other = copy / name, copy / names[(names.index(name) + 1) % len(names)]
        data, others = path.read_bytes(), other.read_bytes()
        for kind, damaged in damages(data, others):
            if damaged == data:
                continue
            if damaged is None:
                path.unlink()
            else:
                path.write_bytes(damaged)
            if kind == "swap":
                other.write_bytes(data)
            tried += 1
            wrong += not agree(f"{kind} {name}", copy, 1)
            path.write_bytes(data)
            other.write_bytes(others)
    return tried, wrong


# One of many documents and pages stands for its kind; everything else is damaged.
kinds = [name for name in names if not name.startswith("comity/format/")] + ["comity/format/README.md"]
with ThreadPoolExecutor(2) as pool:
    results = list(pool.map(table, enumerate([kinds[::2], kinds[1::2]])))
tried, wrong = (sum(column) for column in zip(*results))
check(f"one verdict on {tried} damaged packages", tried > 150 and not wrong, f"{wrong} differ")

# What no digest protects: the two files beside it, byte after byte.
copy = copied(few, scratch / "beside")
tried = wrong = 0
for ending in (".disclosure.tlog-proof", ".consistency"):
    path = Path(f"{copy}{ending}")
    data = path.read_bytes()
    for damaged in [data[: len(data) // 2], b"", data + b"\n", *(
            data[:at] + bytes([data[at] ^ 2]) + data[at + 1:] for at in range(0, len(data), 131))]:
        path.write_bytes(damaged)
        tried += 1
        wrong += not agree(f"{ending} damaged", copy, 1)
    path.unlink()
    wrong += not agree(f"without {ending}", copy, 0)
    path.write_bytes(data)
check(f"one verdict on {tried} damaged proofs", not wrong)


# Attacks: a forger puts the digests right again, so that the bag is whole.
def mended(folder):
    for manifest, belongs in (("manifest-sha256.txt", True), ("tagmanifest-sha256.txt", False)):
        lines = []
        for path in folder.rglob("*"):
            name = str(path.relative_to(folder))
            if path.is_file() and not path.is_symlink() and name.startswith("data/") == belongs and name != "tagmanifest-sha256.txt":
                lines.append((name, reader.sha256(path.read_bytes()).hex()))
        text = "".join(f"{digest}  {name}\n" for name, digest in sorted(lines))
        (folder / manifest).write_text(text)


def edited(name, change):
    def attack(folder):
        path = folder / name
        data = path.read_bytes()
        after = change(data)
        assert after != data, name
        path.write_bytes(after)
    return attack


def in_lines(change):
    def edit(data):
        lines = data.split(b"\n")[:-1]
        return b"".join(line + b"\n" for line in change(lines))
    return edit


def added(name, data=b"x"):
    def attack(folder):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return attack


def swapped_exhibits(folder):
    one, two = sorted((folder / "data").iterdir(), key=lambda path: path.stat().st_size)[-2:]
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)


EVENTS, ITEMS, HEAD = "comity/events.jsonl", "comity/items.jsonl", "comity/package.json"
STAMP = "comity/stamps/judged"


def restamped(change):
    """A stamp whose response a forger changes, and the record of its digest with it."""
    def attack(folder):
        path, about = folder / STAMP / "000.tsr", folder / STAMP / "000.json"
        before = path.read_bytes()
        after = change(before)
        assert after != before
        path.write_bytes(after)
        digests = [reader.sha256(data).hex().encode() for data in (before, after)]
        about.write_bytes(about.read_bytes().replace(*digests))
    return attack


def flipped(at):
    def change(data):
        place = int(at * (len(data) - 1))
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]
    return restamped(change)


def another_root(folder):
    """A root of the same name that the forger made."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    path, about = folder / STAMP / "000.pem", folder / STAMP / "000.json"
    before = path.read_bytes()
    roots = [one for one in x509.load_pem_x509_certificates(before) if one.subject == one.issuer]
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateBuilder(
        roots[0].issuer, roots[0].subject, key.public_key(), roots[0].serial_number, roots[0].not_valid_before_utc,
        roots[0].not_valid_after_utc, list(roots[0].extensions)).sign(key, hashes.SHA256())
    after = made.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(after)
    digests = [reader.sha256(data).hex().encode() for data in (before, after)]
    about.write_bytes(about.read_bytes().replace(*digests))


ATTACKS = {
    "an event left out": edited(EVENTS, in_lines(lambda lines: lines[:1] + lines[2:])),
    "the last event left out": edited(EVENTS, in_lines(lambda lines: lines[:-1])),
    "an event twice": edited(EVENTS, in_lines(lambda lines: lines[:2] + lines[1:])),
    "two events exchanged": edited(EVENTS, in_lines(lambda lines: [lines[1], lines[0], *lines[2:]])),
    "an exhibit left out": edited(ITEMS, in_lines(lambda lines: lines[1:])),
    "exhibits out of order": edited(ITEMS, in_lines(lambda lines: lines[::-1])),
    "another value": edited(EVENTS, lambda data: data.replace(b'"received"', b'"receives"', 1)),
    "another index": edited(EVENTS, lambda data: data.replace(b'"index":', b'"index":1', 1)),
    "a salt changed": edited(EVENTS, lambda data: data.replace(b'"salt":"', b'"salt":"0', 1)),
    "a duplicate member": edited(HEAD, lambda data: data.replace(b'{"bytes"', b'{"bytes":0,"bytes"', 1)),
    "an unknown member": edited(HEAD, lambda data: data.replace(b"{", b'{"a":1,', 1)),
    "a fraction": edited(HEAD, lambda data: data.replace(b'"exhibits":', b'"exhibits":1.', 1)),
    "a head that is not canonical": edited(HEAD, lambda data: data.replace(b",", b", ", 1)),
    "another count": edited(HEAD, lambda data: data.replace(b'"exhibits":', b'"exhibits":1', 1)),
    "another purpose": edited(HEAD, lambda data: data.replace(b'"judging"', b'"trading"', 1)),
    "another recipient": edited(HEAD, lambda data: data.replace(b'"the judges"', b'"the press"', 1)),
    "another case": edited(HEAD, lambda data: data.replace(b'"case":"C0001"', b'"case":"C0002"', 1)),
    "a page changed": edited("index.html", lambda data: data + b"<!-- -->"),
    "a signature left out": edited("comity/log/checkpoint", lambda data: b"\n".join(data.split(b"\n")[:-2]) + b"\n"),
    "another size": edited("comity/log/checkpoint", lambda data: data.replace(b"\n", b"\n1", 1)),
    "a strange key file": edited("comity/keys", lambda data: data + b"witness x y\n"),
    "no quorum": edited("comity/keys", lambda data: data.replace(b"quorum none", b"", 1)),
    "exhibits under each other's names": swapped_exhibits,
    "a file more in the payload": added("data/UKR-000009-0000009.txt"),
    "a payload with no number": added("data/readme.txt"),
    "a file of nobody": added("fetch.txt"),
    "a tile too many": added("comity/log/tile/0/007", bytes(8192)),
    "a strange tile": added("comity/log/tile/one"),
    "a name that differs by case": added("comity/KEYS"),
    "a name with a space": added("comity/format/a b.md"),
    "a name in another script": added("comity/format/кава.md"),
    "a link": lambda folder: os.symlink("/etc/hostname", folder / "comity/format/link.md"),
    "an empty bag-info": edited("bag-info.txt", lambda data: b"x: y\n"),
    "Payload-Oxum twice": edited("bag-info.txt", lambda data: data + data.splitlines()[-1] + b"\n"),
    "a stamp of another time": edited(f"{STAMP}/000.json", lambda data: data.replace(b'"qualified":', b'"qualifies":', 1)),
    "a stamp's checkpoint changed": edited(f"{STAMP}/checkpoint", lambda data: data + b"\n"),
    "a stamp's response changed": edited(f"{STAMP}/000.tsr", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    "a stamp's root exchanged": edited(f"{STAMP}/000.pem", lambda data: data.replace(b"MI", b"MJ", 1)),
    "a stamp's list gone": lambda folder: (folder / STAMP / "000.crl").unlink(),
    "a stamp's token gone": lambda folder: (folder / STAMP / "000.tsr").unlink(),
    "a stamp that leads elsewhere": edited(f"{STAMP}/consistency", lambda data: data.replace(b"consistency-1\n", b"consistency-1\nAAAA\n", 1)),
    "a stamp's signature changed, and its record": flipped(1),
    "a stamp of another root of that name": another_root,
    "a stamp that answers another question": edited(f"{STAMP}/000.json", lambda d: re.sub(rb'("nonce":")(..)', lambda m: m[1] + (b"7d" if m[2] == b"7e" else b"7e"), d)),
    "a stamp of a strange authority": added("comity/stamps/Other/000.tsr"),
    "a stamp with a file more": added(f"{STAMP}/notes.txt"),
}
def attacked(attacks, source):
    """Each attack with the record beside the package, which then tells of another one, and without it."""
    wrong = 0
    for name, (attack, alone) in attacks.items():
        copy = copied(source, scratch / "attacked")
        attack(copy)
        mended(copy)
        wrong += not agree(name, copy, 1)
        for ending in (".disclosure.tlog-proof", ".consistency"):
            Path(f"{copy}{ending}").unlink()
        wrong += not agree(f"{name}, not recorded", copy, alone)
        shutil.rmtree(copy)
    return wrong


# What the package itself does not contradict.
TAKEN = {"another purpose", "another recipient", "a page changed"}
tries = {name: (attack, int(name not in TAKEN)) for name, attack in ATTACKS.items()}
# Some bytes of a response nobody signed, and where they lie differs from one authority's answer to the next.
tries |= {f"a stamp changed at {at}/30, and its record": (flipped(at / 30), None) for at in range(30)}
wrong = attacked(tries, few)
check(f"one verdict on {len(tries)} attacks", not wrong)

# A bag that is whole and was made anew is caught by the record beside it alone.
copy = copied(few, scratch / "remade")
edited("index.html", lambda data: data + b" ")(copy)
mended(copy)
check("a bag made anew is not the recorded one", agree("made anew", copy, 1))
for ending in (".disclosure.tlog-proof", ".consistency"):
    Path(f"{copy}{ending}").unlink()
check("and without the record it is made, not recorded", agree("not recorded", copy, 0))

# Zips.
whole = [(name, (few / name).read_bytes()) for name in names]


def zipped(entries, **more):
    path = scratch / "few.zip"
    with zipfile.ZipFile(path, "w", **more) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    for ending in (".disclosure.tlog-proof", ".consistency"):
        shutil.copyfile(f"{few}{ending}", scratch / f"few{ending}")
    return path


inside = [(f"few/{name}", data) for name, data in whole]
link = zipfile.ZipInfo("few/comity/format/link.md")
link.create_system, link.external_attr = 3, 0o120777 << 16
ZIPS = {
    "as it is": (inside, {}, 0),
    "deflated": (inside, {"compression": zipfile.ZIP_DEFLATED}, 0),
    "packed by a method of no package": (inside, {"compression": zipfile.ZIP_LZMA}, 1),
    "two entries of one name": ([*inside, inside[0]], {}, 1),
    "two folders": ([*inside, ("other/x", b"x")], {}, 1),
    "no folder": (whole, {}, 0),
    "a path that leads out": ([*inside, ("few/../../x", b"x")], {}, 1),
    "an absolute path": ([*inside, ("/x", b"x")], {}, 1),
    "a bomb": ([*inside, ("few/comity/format/zeros.md", bytes(8 << 20))], {"compression": zipfile.ZIP_DEFLATED}, 1),
    "a link": ([*inside, (link, b"/etc/hostname")], {}, 1),
    "nothing": ([], {}, 1),
}
wrong = 0
for name, (entries, more, expected) in ZIPS.items():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong += not agree(f"zip: {name}", zipped(entries, **more), expected)
data = zipped(inside).read_bytes()
for cut in (0, 1, 100, len(data) // 2, len(data) - 1):
    (scratch / "few.zip").write_bytes(data[:cut])
    wrong += not agree(f"zip cut at {cut}", scratch / "few.zip", 1)
check(f"one verdict on {len(ZIPS) + 5} zips", not wrong)

# A package with signatures of people, an erased item, and a witness's cosignatures.
home = scratch / "signed"
home.mkdir()
env = {**os.environ, "COMITY_CENTRE": str(home / "centre"), "COMITY_PASSPHRASE": "judged", "COMITY_ACTOR": "UKR-P0001"}


def comity(*words, **more):
    ran = subprocess.run([Path(world["programs"]) / "comity", *map(str, words)], cwd=home, env={**env, **more},
                         stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(f"comity {' '.join(map(str, words))}: {ran.stdout}{ran.stderr}")
    return ran.stdout


(home / "usb").mkdir()
(home / "usb/a.txt").write_text("taken from the wrong house")
(home / "usb/b.txt").write_text("stays")
comity("init", home / "centre", "--name", "Signed", "--member", "UKR=Ukraine", COMITY_ACTOR="A. Judge")
comity("person", "add", "--member", "UKR", "Second")
comity("case", "new", "Case")
second = {"COMITY_ACTOR": "UKR-P0002", "COMITY_KEY": str(home / "UKR-P0002")}
for person in ("UKR-P0001", "UKR-P0002"):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / person], check=True)
    comity("person", "key", COMITY_ACTOR=person, COMITY_KEY=str(home / person))
env["COMITY_KEY"] = str(home / "UKR-P0001")
with socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))
    port = taken.getsockname()[1]
comity("witness", "init", home / "aster", "--name", "aster")
comity("witness", "add-log", home / "aster", home / "centre/keys")
witness = subprocess.Popen(
    [Path(world["programs"]) / "comity", "witness", "serve", home / "aster", "--listen", f"127.0.0.1:{port}"],
    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
try:
    witness.stdout.readline()
    keys = [line.split()[1] for line in (home / "centre/keys").read_text().splitlines() if line.startswith("log ")]
    own = [next(word for word in line.split() if "+" in word)
           for line in (home / "aster/keys").read_text().splitlines() if "+" in line]
    (home / "policy").write_text("".join([
        *(f"log {key}\n" for key in keys),
        *(f"witness aster-{n} {key} http://127.0.0.1:{port}\n" for n, key in enumerate(own)),
        "group aster all aster-0 aster-1\nquorum aster\n"]))
    comity("ledger", "policy", home / "policy")
    comity("intake", "usb", "--member", "UKR", "--case", "Case", "--source", "s", "--no-receipt", "--attested")
    comity("erase", "UKR-000001-0000001", "--reason", "wrong house", "--authority", "order 7")
    comity("erase", "--confirm", "P0001", **second)
    comity("disclose", "--case", "Case", "--purpose", "trial", "-o", "package", "--attested")
finally:
    witness.terminate()
    witness.wait()
few = home / "package"
said = json.loads(subprocess.run([VERIFY, few, "--json"], capture_output=True, text=True).stdout)
check("comity-verify names the signers, the erased and the witness", bool(
    said["package"]["signed"] and said["package"]["erased"] and said["log"]["witnesses"]["attested_at"]), str(said))
check("both find nothing wrong with it", agree("signed, erased, attested", few, 0))
cosigned = "\u2014 aster ".encode()


def without_cosignatures(data):
    return b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(cosigned))


SIGNED = {
    "a cosignature is altered": (edited("comity/log/checkpoint", lambda d: d[:-12] + bytes([d[-12] ^ 1]) + d[-11:]), 1),
    "a quorum of nobody": (edited("comity/keys", lambda d: re.sub(rb"quorum \S+", b"quorum vega", d)), 1),
    "a group asks for more than it has": (edited("comity/keys", lambda d: re.sub(rb"(group \S+) \S+", rb"\1 3", d)), 1),
    "a signature is left out": (edited("comity/events.jsonl", lambda d: d.replace(b'"signature"', b'"signatura"', 1)), 1),
}
PERSONS, INTAKE = "comity/persons.jsonl", "comity/intakes/UKR-000001"
SIGNED |= {name: (attack, 1) for name, attack in {
    "a registration is left out": edited(PERSONS, in_lines(lambda lines: lines[:1] + lines[2:])),
    "a person's beginning is left out": edited(PERSONS, in_lines(lambda lines: lines[1:])),
    "the last registration is left out": edited(PERSONS, in_lines(lambda lines: lines[:-1])),
    "a person stands twice": edited(PERSONS, in_lines(lambda lines: lines + lines[:2])),
    "persons out of order": edited(PERSONS, in_lines(lambda lines: lines[2:] + lines[:2])),
    "a person under another number": edited(PERSONS, lambda d: d.replace(b"UKR-P0001", b"UKR-P0003")),
    "another key": edited(PERSONS, lambda d: re.sub(rb'("name":"key","salt":"[0-9a-f]*","value":")..', rb"\1ff", d, count=1)),
    "a registration elsewhere in the log": edited(PERSONS, lambda d: re.sub(rb'"index":(\d+)', rb'"index":1\1', d, count=1)),
    "persons of no line feed": edited(PERSONS, lambda d: d[:-1]),
    "no persons, an empty file": edited(PERSONS, lambda d: b""),
    "another place in the intake": edited(ITEMS, lambda d: d.replace(b'"intakes":[1]', b'"intakes":[0]', 1)),
    "a place outside the intake": edited(ITEMS, lambda d: d.replace(b'"intakes":[1]', b'"intakes":[7]', 1)),
    "a place too many": edited(ITEMS, lambda d: d.replace(b'"intakes":[1]', b'"intakes":[1,1]', 1)),
    "a place too few": edited(ITEMS, lambda d: d.replace(b'"intakes":[1]', b'"intakes":[]', 1)),
    "no place of any exhibit": edited(ITEMS, lambda d: re.sub(rb'"intakes":\[\d\]', b'"intakes":[null]', d)),
    "a place that is none": edited(ITEMS, lambda d: d.replace(b'"intakes":[1]', b'"intakes":[-1]', 1)),
    "the closing of the intake is left out": edited(f"{INTAKE}/events.jsonl", in_lines(lambda lines: lines[:1])),
    "opening and closing exchanged": edited(f"{INTAKE}/events.jsonl", in_lines(lambda lines: lines[::-1])),
    "the opening twice": edited(f"{INTAKE}/events.jsonl", in_lines(lambda lines: lines[:1] * 2)),
    "another root": edited(f"{INTAKE}/events.jsonl", lambda d: re.sub(rb'"root":"..', b'"root":"ff', d, count=1)),
    "the intake's tile changed": edited(f"{INTAKE}/tile/0/000.p/2", lambda d: d[:-1] + bytes([d[-1] ^ 1])),
    "the intake's tile gone": lambda folder: (folder / INTAKE / "tile/0/000.p/2").unlink(),
    "a tile more": added(f"{INTAKE}/tile/0/001.p/2", bytes(64)),
    "a file more": added(f"{INTAKE}/notes.txt"),
    "an intake that is none": added("comity/intakes/notes.txt"),
    "the intake gone": lambda folder: shutil.rmtree(folder / INTAKE),
    "the intake under another name": lambda folder: (folder / INTAKE).rename(folder / "comity/intakes/UKR-000002"),
    "the intake twice": lambda folder: shutil.copytree(folder / INTAKE, folder / "comity/intakes/UKR-000002"),
}.items()}
# Whose a key is, is then not shown, and said so.
SIGNED["persons are left out"] = (lambda folder: (folder / PERSONS).unlink(), 0)
wrong = attacked(SIGNED, few)
names = sorted(str(path.relative_to(few)) for path in few.rglob("*") if path.is_file())
kinds = [name for name in names if name.startswith((PERSONS, "comity/intakes/"))]
tried, differ = table(("signed", kinds))
check(f"one verdict on {tried} damaged persons and intakes", tried > 15 and not differ, f"{differ} differ")
copy = copied(few, scratch / "uncosigned")
edited("comity/log/checkpoint", without_cosignatures)(copy)
mended(copy)
for ending in (".disclosure.tlog-proof", ".consistency"):
    Path(f"{copy}{ending}").unlink()
wrong += not agree("cosignatures are left out", copy, 0)
check(f"one verdict on {len(SIGNED) + 1} attacks on signatures and cosignatures", not wrong)

# An intake of more than 256 items: the tree that binds them has tiles above tiles. The first and the last are disclosed.
(home / "many").mkdir()
for n in range(300):
    (home / f"many/{n:03}.txt").write_text(f"statement {n}")
comity("intake", "many", "--member", "UKR", "--case", "Case", "--source", "t", "--no-receipt")
comity("disclose", "--case", "Case", "--item", "UKR-000002-0000001", "--item", "UKR-000002-0000300", "--purpose", "trial",
       "-o", "of-many")
few, INTAKE = home / "of-many", "comity/intakes/UKR-000002"
FULL, EDGE, ABOVE = (f"{INTAKE}/tile/{name}" for name in ("0/000", "0/001.p/44", "1/000.p/1"))
check("the first and the last of 300 items are bound to their intake by both", agree("of many", few, 0))
last_bit = lambda d: d[:-1] + bytes([d[-1] ^ 1])
MANY = {f"{name} changed": edited(name, last_bit) for name in (FULL, EDGE, ABOVE)}
MANY |= {f"{name} gone": lambda folder, name=name: (folder / name).unlink() for name in (FULL, EDGE, ABOVE)}
MANY |= {
    "a full tile of other items": edited(FULL, lambda d: d[32:] + d[:32]),
    "the place in the tile instead of the tree": edited(ITEMS, lambda d: d.replace(b'"intakes":[299]', b'"intakes":[43]')),
    "a tile above the top": added(f"{INTAKE}/tile/2/000.p/1", bytes(32)),
    "a tile beside the top": added(f"{INTAKE}/tile/1/001.p/1", bytes(32)),
    "the top under the width of another tree": lambda folder: (folder / ABOVE).rename(folder / f"{INTAKE}/tile/1/000.p/2"),
}
wrong = attacked({name: (attack, 1) for name, attack in MANY.items()}, few)
check(f"one verdict on {len(MANY)} attacks on the tree of an intake of 300", not wrong)
done()
