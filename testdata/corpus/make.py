"""Makes the inputs here that are cut from other test data, so that who changes a format can make them anew.

`make.py` writes each folder's `valid-*` and `nasty-*` files. A file with another name is a finding that was kept: it is
left alone. The folder `stamp` is made by OpenSSL, `disk` by the programs that
make file systems and by libewf, and written once; images in several files are cut from these. `compound`, `film`,
`html`, `office`, `pdf`, `picture`, `rar`, `rtf`, `sound` and `web` are files that the tests of the worker make, and cuts
of them, written once; so is `pst` with messages, and without it is the empty mailbox that comes with the crate
outlook-pst (MIT), without its free space. What is signed by a log or by witnesses is made by
`crates/core/tests/hostile/signed.rs` and `crates/witness/tests/hostile/main.rs`, which hold that it is what they make.
"""

import base64
import gzip
import hashlib
import io
import json
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from quine import quine

HERE = Path(__file__).resolve().parent
TESTDATA = HERE.parent
VECTORS = TESTDATA / "vectors"
PACKAGE = TESTDATA / "package/1"
RECEIPT = TESTDATA / "receipt/1"


def put(parser, name, data):
    (HERE / parser).mkdir(exist_ok=True)
    (HERE / parser / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def core():
    checkpoint = (RECEIPT / "log/checkpoint").read_bytes()
    root = base64.b64encode(bytes(32)).decode()
    signature = base64.b64encode(bytes(68)).decode()
    for parser in ["note", "checkpoint"]:
        put(parser, "valid-receipt", checkpoint)
        put(parser, "valid-empty-tree", vectors("checkpoint")["accepted"][0]["note"])
        put(parser, "nasty-size-too-large", f"o\n18446744073709551616\n{root}\n\n— o {signature}\n")
        put(parser, "nasty-size-greatest", f"o\n18446744073709551615\n{root}\n\n— o {signature}\n")
        put(parser, "nasty-short-signature", f"o\n1\n{root}\n\n— o AAAA\n")
        put(parser, "nasty-only-newlines", b"\n" * 5000)
        put(parser, "nasty-many-signatures", f"o\n1\n{root}\n\n" + f"— o {signature}\n" * 500)
        put(parser, "nasty-not-text", b"\xff\xfe\n\n\xe2\x80\x94 \n")

    put("tile", "valid-full", (RECEIPT / "log/tile/0/000").read_bytes())
    put("tile", "valid-partial", (RECEIPT / "log/tile/0/001.p/56").read_bytes())
    put("tile", "nasty-odd-length", bytes(33))
    put("tile", "nasty-path-greatest", "tile/63/x999/x999/x999/x999/x999/x999/999.p/255")
    put("tile", "nasty-path-overflow", "tile/63/" + "x999/" * 40 + "999")
    put("tile", "valid-path", "tile/entries/x001/x234/067.p/8")

    proof = (PACKAGE / "NAME.disclosure.tlog-proof").read_bytes()
    put("proof", "valid-package", proof)
    put("proof", "nasty-index-greatest", proof.replace(b"index ", b"index 1844674407370955161", 1))
    put("proof", "nasty-many-hashes", f"c2sp.org/tlog-proof@v1\nindex 0\n{(root + chr(10)) * 500}\n")
    put("proof", "valid-consistency", (PACKAGE / "NAME.consistency").read_bytes())

    keys = (PACKAGE / "keys-from-elsewhere").read_bytes()
    put("policy", "valid-keys", keys)
    put("policy", "nasty-count-too-large", keys + b"group g 99999999999999999999 a\nquorum g\n")
    put("policy", "nasty-group-of-itself", b"group g any g\nquorum g\n")
    put("policy", "nasty-many-words", b"group g any" + b" w" * 9000 + b"\nquorum g\n")
    put("policy", "nasty-vkey-parts", b"log +++\nwitness w a+00000000+ \nquorum none\n")

    put("misbehaviour", "nasty-empty-parts", b"comity-misbehaviour-1\nfork\nroot " + root.encode() + b"\n\n\n\n\n\n")
    put("misbehaviour", "nasty-two-of-one", b"comity-misbehaviour-1\nfork\nroot " + root.encode() + b"\n\n" + keys + b"\n" + checkpoint + b"\n" + checkpoint)
    put("misbehaviour", "nasty-rollback", b"comity-misbehaviour-1\nrollback\nroot " + root.encode() + b"\n\n" + keys + b"\n" + checkpoint + b"\n" + checkpoint)

    for n, vector in enumerate(vectors("body")["accepted"]):
        for key, parser in [("framed_as_if_sealed", "body"), ("custody_section", "section"), ("content_section", "section")]:
            if isinstance(vector.get(key), str) and vector[key]:
                put(parser, f"valid-{n}-{key.replace('_', '-')}", bytes.fromhex(vector[key]))
    for parser in ["body", "section"]:
        for width in [1, 2, 4, 8]:
            put(parser, f"nasty-lengths-{width}", b"\xff" * width + bytes(64) + b"\xff" * 64)
        put(parser, "nasty-zeros", bytes(200))

    for n, vector in enumerate(vectors("leaf")["accepted"][:3]):
        put("leaf", f"valid-{n}", vector["entry"])
    leaf = vectors("leaf")["accepted"][0]["entry"]
    put("leaf", "nasty-twice-one-key", leaf.replace('"n":0', '"n":0,"n":0'))
    put("leaf", "nasty-n-too-large", leaf.replace('"n":0', '"n":18446744073709551616'))
    put("json", "valid-package", (PACKAGE / "NAME/comity/package.json").read_bytes())
    put("json", "nasty-deep-lists", "[" * 20000)
    put("json", "nasty-deep-objects", '{"a":' * 20000)
    put("json", "nasty-numbers", "[1e999999999,-0,1.0,9223372036854775808,-9223372036854775809]")
    put("json", "nasty-half-surrogates", r'["\ud800","\udc00\ud800","\u0000"]')
    put("json", "nasty-twice-one-key", '{"a":1,"a":2}')

    lines = (PACKAGE / "NAME/comity/events.jsonl").read_bytes().splitlines()
    items = (PACKAGE / "NAME/comity/items.jsonl").read_bytes().splitlines()
    rows = (RECEIPT / "manifest.jsonl").read_bytes().splitlines()
    for n in [0, len(lines) // 2, len(lines) - 1]:
        put("line", f"valid-event-{n}", lines[n])
    put("line", "valid-item", items[0])
    put("line", "valid-item-of-intakes", items[0].replace(b',"last":', b',"intakes":[7,null,0],"last":', 1))
    put("line", "valid-receipt", rows[0])
    for n, line in enumerate((RECEIPT / "differences.jsonl").read_bytes().splitlines()[:2]):
        put("line", f"valid-difference-{n}", line)
    put("line", "nasty-index-too-large", lines[0].replace(b'"index":', b'"index":99999999999999999999', 1))
    put("line", "nasty-fields-only", b'{"fields":[' + b"[" * 9000)
    put("line", "nasty-ends-in-escape", b'{"fields":[{"name":"\\')
    put("head", "valid-package", (PACKAGE / "NAME/comity/package.json").read_bytes())
    put("head", "valid-receipt", (RECEIPT / "receipt.json").read_bytes())
    put("head", "nasty-nothing-in-it", "{}")

    for name in ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"]:
        put("bag", f"valid-{name}", (PACKAGE / "NAME" / name).read_bytes())
    digest = "0" * 64
    put("bag", "nasty-way-out", f"{digest}  ../../etc/passwd\n{digest}  data/%2e%2e/x\n{digest}  /data/x\n")
    put("bag", "nasty-half-escapes", f"{digest}  data/%\n{digest}  data/%0\n{digest}  data/%é\n")
    put("bag", "nasty-version", "BagIt-Version: 99999999999999999999.1\nTag-File-Character-Encoding: UTF-8\n")
    put("bag", "nasty-folded", ":\n \n\t\nA:\n :b\n" * 50)


def whole():
    """One file of a package or receipt under its name; `packages.rs` of core's test puts it in its place."""
    named = lambda name, data: name.encode() + b"\n" + data
    for path in sorted((PACKAGE / "NAME").rglob("*")):
        name = str(path.relative_to(PACKAGE / "NAME"))
        if path.is_file() and not name.startswith("comity/format/"):
            put("package", "valid-" + name.replace("/", "-"), named(name, path.read_bytes()))
    for name in ["checkpoint", "tile/0/001.p/53", "tile/entries/001.p/53"]:
        put("package", "valid-tree-" + name.replace("/", "-"), named("tree/" + name, (PACKAGE / "tree" / name).read_bytes()))
    put("package", "valid-beside-proof", named("beside/proof", (PACKAGE / "NAME.disclosure.tlog-proof").read_bytes()))
    put("package", "valid-beside-consistency", named("beside/consistency", (PACKAGE / "NAME.consistency").read_bytes()))
    for path in sorted(RECEIPT.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(RECEIPT))
            put("receipt", "valid-" + name.replace("/", "-"), named(name, path.read_bytes()))
    events = (PACKAGE / "NAME/comity/events.jsonl").read_bytes().splitlines(keepends=True)
    put("package", "nasty-events-backwards", named("comity/events.jsonl", b"".join(events[::-1])))
    put("package", "nasty-events-twice", named("comity/events.jsonl", b"".join(events * 3)))
    put("package", "nasty-no-events", named("comity/events.jsonl", b""))
    put("package", "nasty-stamps", named("comity/stamps/aa/token", b"\x30\x80" * 50))
    put("package", "nasty-persons", named("comity/persons.jsonl", b"".join(events)))
    put("package", "nasty-persons-without-end", named("comity/persons.jsonl", events[0].rstrip(b"\n")))
    put("package", "nasty-intake", named("comity/intakes/UKR-000001/events.jsonl", b"".join(events[:2])))
    put("package", "nasty-intake-tile", named("comity/intakes/UKR-000001/tile/0/000.p/2", bytes(64)))
    put("package", "nasty-fetch", named("fetch.txt", b"http://127.0.0.1/x 1 data/x\n"))
    put("receipt", "nasty-stamps", named("stamps/aa/1.tsr", b"\x30\x80" * 50))
    for how, name in [(zipfile.ZIP_DEFLATED, "deflated"), (zipfile.ZIP_STORED, "stored")]:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", how) as archive:
            for path in sorted(RECEIPT.rglob("*")):
                if path.is_file():
                    inside = zipfile.ZipInfo(f"r/{path.relative_to(RECEIPT)}", (2026, 1, 1, 0, 0, 0))
                    archive.writestr(inside, path.read_bytes(), how)
        put("package-zip", f"valid-receipt-{name}", made.getvalue())
    put("package-zip", "nasty-end-only", b"PK\x05\x06" + b"\xff" * 18)
    put("package-zip", "nasty-zip64", b"PK\x06\x06" + b"\xff" * 52 + b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + b"\xff" * 18)


def sealed():
    """C2SP chunked-encryption under the key and the context of the parser (docs/format/vault.md, Seal)."""
    context, key, salt = b"comity/hostile/v1\n", bytes([7]) * 32, bytes([9]) * 24
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    okm = HKDFExpand(SHA512(), 76, info).derive(key)
    for length in [0, 100, 16384, 40000]:
        clear = bytes(n % 251 for n in range(length))
        chunks = [clear[at : at + 16384] for at in range(0, length + 1, 16384)]
        number = int.from_bytes(okm[32:44], "big")
        out = salt + okm[44:]
        for k, chunk in enumerate(chunks):
            out += AESGCM(okm[:32]).encrypt((number ^ k).to_bytes(12, "big"), chunk, None)
        put("sealed", f"valid-{length}", out)
    put("sealed", "nasty-no-chunk", bytes(56))
    put("sealed", "nasty-empty", b"")

    def footer(codec, log2, length, frames):
        return b"CMOB" + struct.pack(">BBBBQI12x", 1, codec, log2, 0, length, frames)

    put("object", "valid-stored", b"as it is" + footer(0, 20, 8, 0))
    for name, log2, length in [("one-frame", 20, 5000), ("many-frames", 10, 5000), ("empty", 20, 0)]:
        data = b"what the witness said. " * 300
        frames = [zstandard.compress(data[at : at + (1 << log2)][: length - at]) for at in range(0, length, 1 << log2)]
        table = b"".join(struct.pack(">I", len(frame)) for frame in frames)
        put("object", f"valid-{name}", b"".join(frames) + table + footer(1, log2, length, len(frames)))
    frame = zstandard.compress(bytes(1 << 20))
    frames = 5
    table = struct.pack(">I", len(frame)) * frames
    put("object", "valid-zeros", frame * frames + table + footer(1, 20, frames << 20, frames))
    put("object", "nasty-believed-length", bytes(4 * 4096) + footer(1, 20, 4096 << 20, 4096))
    put("object", "nasty-greatest", footer(1, 20, 2**64 - 1, 2**32 - 1))


def stores():
    put("pack", "valid-1", (VECTORS / "vault/1.pack").read_bytes())
    pack = (VECTORS / "vault/1.pack").read_bytes()
    for n in [8, 16, 24, 32, 40, 48, 64, 72]:
        put("pack", f"nasty-trailer-{n}", pack[:-n] + b"\xff" * 8 + pack[len(pack) - n + 8 :])
    put("pack", "nasty-empty", b"")
    put("keyring-head", "valid-1", (VECTORS / "keyring/head").read_bytes())
    put("keyring-segment", "valid-1", (VECTORS / "keyring/00000000.keys").read_bytes())
    for parser in ["keyring-head", "keyring-segment"]:
        put(parser, "nasty-empty", b"")
        put(parser, "nasty-ones", b"\xff" * 4096)
    for n, vector in enumerate(vectors("slip39")[:4]):
        put("share", f"valid-{n}", vector["mnemonics"][0])
    put("share", "nasty-one-word", "academic " * 5000)
    put("share", "nasty-unknown-words", "zzz é " * 33)
    line = "comity-desk-key-1 UKR " + "de" * 32
    put("desk-key", "valid-1", f"{line} {hashlib.sha256(line.encode()).hexdigest()[:16]}\n")
    put("desk-key", "nasty-empty-lines", "\n" * 100)


def ledger():
    kept = VECTORS / "ledger/kept/ledger"
    for parser, path in [("edge", "edge"), ("entries", "tile/entries/000"), ("bodies", "body/000"), ("published", "checkpoint")]:
        put(parser, "valid-1", (kept / path).read_bytes())
        put(parser, "nasty-empty", b"")
        put(parser, "nasty-ones", b"\xff" * 4096)
        put(parser, "nasty-zeros", bytes(4096))
        put(parser, "nasty-lengths", struct.pack(">HIQ", 1, 0xFFFFFFFF, 2**64 - 1) * 64)


def delivered():
    folder = TESTDATA / "samples/hand-over"
    put("list", "valid-sums", (folder / "manifest.sha256").read_bytes())
    put("list", "valid-table", f"path,sha256,size\na.txt,{'0' * 64},3\n\"b,\"\"c\",{'1' * 64},\n")
    put("list", "nasty-escapes", f"\\{'0' * 64}  a\\n\\\\b\\\n" * 20)
    put("list", "nasty-open-quote", 'path,sha256\n"' + "a" * 9000)
    put("list", "nasty-utf16", "path,sha256\n".encode("utf-16"))
    put("provenance", "valid-1", (folder / "provenance.csv").read_bytes())
    rows = [{"path": "a.txt", "source": "Поліція", "at": "2026-01-02"}, {"path": "b/*", "place": "Харків"}]
    put("provenance", "valid-lines", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    put("provenance", "nasty-deep", '{"path":' * 3000)
    put("provenance", "nasty-twice", '{"path":"a","path":"b","source":"x"}\n' * 30)
    put("provenance", "nasty-open-quote", 'path,source\n"' + "a" * 9000)
    put("provenance", "nasty-patterns", "path,source\n" + "**/" * 500 + "[[[{{{,x\n")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in ["bagit.txt", "manifest-sha256.txt", "data/UKR-000123-0000001.txt"]:
            archive.writestr(zipfile.ZipInfo("bag/" + path, (2026, 1, 1, 0, 0, 0)), (PACKAGE / "NAME" / path).read_bytes())
    put("zip", "valid-1", made.getvalue())
    put("zip", "nasty-end-only", b"PK\x05\x06" + b"\xff" * 18)
    put("zip", "nasty-zip64", b"PK\x06\x06" + b"\xff" * 52 + b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + b"\xff" * 18)


def read():
    """Files that hold other files, and mail, for the readers behind the walls."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("наказ.txt", "order " * 30)
        archive.writestr("b/c.txt", b"")
    put("container", "valid-zip", made.getvalue())
    put("container", "nasty-zip-end", b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + b"\xff" * 18)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("свідок.txt", "d/" + "n" * 120):
            about = tarfile.TarInfo(name)
            about.size = 4
            archive.addfile(about, io.BytesIO(b"text"))
    put("container", "valid-tar", tar.getvalue())
    put("container", "valid-tar.gz", gzip.compress(tar.getvalue(), mtime=0))
    put("container", "nasty-gz-cut", gzip.compress(bytes(1 << 20), mtime=0)[:400])
    put("container", "nasty-quine", quine())
    put("container", "nasty-7z", b"7z\xbc\xaf\x27\x1c\x00\x04" + b"\xff" * 56)
    stored = bytes([2, 2, 5, 0, 5, 0, 0, 0, 1]) + b"a"
    block = lambda body: struct.pack("<I", zlib.crc32(bytes([len(body)]) + body)) + bytes([len(body)]) + body
    put("container", "valid-rar", b"Rar!\x1a\x07\x01\x00" + block(b"\1\0\0") + block(stored) + b"order" + block(b"\5\0\0"))
    put("container", "nasty-ole", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + b"\x3e\0\x03\0\xfe\xff\x09\0" + b"\xff" * 992)
    samples = TESTDATA / "samples/evidence/mail"
    for n, path in enumerate(sorted(samples.glob("*.eml"))):
        put("mail", f"valid-{n}", path.read_bytes()[:8000])
    letter = "From: a@b\nTo: c@d\nSubject: =?koi8-u?B?7sHLwdo=?=\n\n>From here\n\n"
    put("mail", "valid-box", ("From a@b Thu Jan  1 00:00:00 2026\n" + letter) * 2)
    put("mail", "nasty-nested", "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(200)))
    put("mail", "nasty-headers", "Subject: =?utf-8?q?" + "=41" * 3000 + "?=\n" + "X: y\n" * 2000)
    put("mail", "nasty-base64", "Content-Transfer-Encoding: base64\nContent-Type: application/zip; name*0=a; name*1*=%ff\n\n" + "====" * 500)


def stamp():
    if (HERE / "stamp").exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

        (folder / "c").write_text(
            "[req]\ndistinguished_name=d\nx509_extensions=e\nprompt=no\n[d]\nCN=Test stamping\n"
            "[e]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,digitalSignature\n"
            "extendedKeyUsage=critical,timeStamping\n"
            "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ndefault_policy=1.2.3.4\ndigests=sha256\n"
            "signer_digest=sha256\ness_cert_id_chain=no\nordering=yes\n"
        )
        (folder / "serial").write_text("01\n")
        (folder / "data").write_bytes(b"stamped")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", "key", "-out", "cert.pem", "-days", "9000", "-config", "c")
        openssl("ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "query")
        openssl("ts", "-reply", "-config", "c", "-section", "t", "-queryfile", "query", "-signer", "cert.pem",
                "-inkey", "key", "-out", "reply")
        serial = subprocess.run(["openssl", "x509", "-in", "cert.pem", "-noout", "-serial"], cwd=folder, check=True, capture_output=True, text=True)
        number = serial.stdout.strip().split("=")[1]
        (folder / "index").write_text(f"V\t450101000000Z\t\t{number}\tunknown\t/CN=Test stamping\n")
        openssl("ocsp", "-issuer", "cert.pem", "-cert", "cert.pem", "-reqout", "ask", "-no_nonce")
        openssl("ocsp", "-index", "index", "-CA", "cert.pem", "-rsigner", "cert.pem", "-rkey", "key", "-reqin", "ask", "-respout", "answer", "-ndays", "9000")
        answer = base64.b64encode((folder / "answer").read_bytes()).decode()
        lines = "".join(answer[at : at + 64] + "\n" for at in range(0, len(answer), 64))
        put("stamp", "valid-answer.pem", f"-----BEGIN OCSP RESPONSE-----\n{lines}-----END OCSP RESPONSE-----\n")
        put("stamp", "valid-response", (folder / "reply").read_bytes())
        put("stamp", "valid-certificate.pem", (folder / "cert.pem").read_bytes())
    put("stamp", "nasty-length", b"\x30\x84\xff\xff\xff\xff\x30\x80")
    put("stamp", "nasty-deep", b"\x30\x80" * 20000)
    put("stamp", "nasty-pem", b"-----BEGIN CERTIFICATE-----\n" * 200)


def sorted_digests(listed):
    """The sorted digests of a list, by docs/format/lists.md: a second implementation."""
    kinds = {64: 0, 40: 1, 32: 2}
    heads, found, at = [], [{}, {}, {}], 0
    for number, line in enumerate(listed.splitlines(keepends=True)):
        cells = line.decode().strip().split(",")
        if number == 0 and "sha256" in cells:
            heads.append(at)
        else:
            strongest = max((cell for cell in cells if len(cell) in kinds), key=len)
            found[kinds[len(strongest)]].setdefault(bytes.fromhex(strongest), at)
        at += len(line)
    records, tables, end = b"", b"", b"comity/digests/v1\n" + struct.pack(">I", len(heads))
    for of in found:
        bits = next((b for b in range(20) if len(of) >> b <= 128), 20)
        for digest in sorted(of):
            records += digest + struct.pack(">Q", of[digest])
        first = [int.from_bytes(digest[:4], "big") >> (32 - bits) for digest in of]
        if of:
            tables += b"".join(struct.pack(">Q", sum(f <= value for f in first)) for value in range(1 << bits))
        end += struct.pack(">QB", len(of), bits)
    return records + tables + struct.pack(f">{len(heads)}Q", *heads) + end


def lists():
    samples = TESTDATA / "samples/lists"
    for name in ["entities.ftm.json", "names.csv", "targets.simple.csv"]:
        put("names", f"valid-{name}", (samples / name).read_bytes())
    put("names", "nasty-deep", '{"id":' + "[" * 20000)
    put("names", "nasty-open-quote", 'id,kind,name\n1,person,"' + "a,b\n" * 500)
    put("names", "nasty-many-names", "id,kind,name,aliases\n1,person,A B," + ";".join(f"Word{n} Other{n}" for n in range(500)))
    put("names", "nasty-marks", "name;kind\n" + "\u0301\u02bc\u2019 \u0301;person\n" * 50)
    put("names", "nasty-not-text", b"id,kind,name\n1,person,\xff\xfe\x00\n")
    for name in ["watch.sha256", "hashdeep.txt", "rds.csv"]:
        put("files", f"valid-{name}", (samples / name).read_bytes())
    digest = lambda n: hashlib.sha256(str(n).encode()).hexdigest()
    one = f"sha256,md5,name\n{digest(1)},{digest(1)[:32]},a\n,{digest(2)[:32]},b\n{digest(1)},,again\n".encode()
    many = "".join(f"{digest(n)}  {n}.txt\n" for n in range(300)).replace("  ", ",").encode()
    for name, listed in [("one", one), ("many", many)]:
        put("files", f"valid-{name}", listed)
        put("digests", f"valid-{name}", sorted_digests(listed))
    put("files", "nasty-heads", "%%%% md5,sha256\n" * 300 + f"{digest(1)[:32]},{digest(2)}\n")
    put("files", "nasty-open-quote", f'sha256,name\n{digest(1)},"' + "a," * 2000)
    put("files", "nasty-not-text", b"sha1;filename\n" + b"a" * 40 + b";\xff\xfe\n")
    put("digests", "nasty-count", b"comity/digests/v1\n" + b"\xff" * 31)
    put("digests", "nasty-bits", b"comity/digests/v1\n" + struct.pack(">IQBQBQB", 0, 1, 255, 0, 0, 0, 0))
    put("digests", "nasty-unsorted", bytes(40) + struct.pack(">QQ", 9, 1) + b"comity/digests/v1\n" + struct.pack(">IQBQBQB", 0, 1, 1, 0, 0, 0, 0))

    # What texts say of dates and places, in words and numbers.
    dates = "24 лютого 2022 року о 04:15, 24.02.2022, 03/04/2022, February 24, 2022, 2022-02-24T04:15:00+02:00, в феврале 2022 г., 31 листопада 2022, 99.99.9999, 1.1.1"
    places = "48.019542, 37.803427; 48°01'10.3\"N 37°48'12.3\"E; 48° 1,5′ пн. ш. 37° 48,2′ сх. д.; 36UUA2418291607; 37T DK 1 1; N48 E037; 36 U 500000 5400000; -91.0, 181.0; 89.999999999999999999, 0"
    for name, text in [("dates", dates), ("places", places)]:
        for encoding in ["utf-8", "windows-1251", "koi8-u"]:
            put("text", f"valid-{name}-{encoding}", (text + "\n").encode(encoding, "replace"))
    put("text", "nasty-digits", "1" * 3000 + "." + "9" * 3000 + ", " + "0." * 500)
    put("text", "nasty-degrees", "°'\"N " * 800)
    put("text", "nasty-marks", "2022\u0301-\u0301" * 400)
    put("text", "nasty-months", "лютого 0 99999999999 лютого " * 200)


def exfat_entry(name, first, size):
    """A file in one piece, as a folder of exFAT has it."""
    letters = name.encode("utf-16-le")
    head = struct.pack("<BBHHH3I", 0x85, 2, 0, 0x20, 0, *[0x5A4E4100] * 3).ljust(32, b"\0")
    stream = struct.pack("<BBBBHHQII", 0xC0, 3, 0, len(name), 0, 0, size, 0, first) + struct.pack("<Q", size)
    return head + stream + b"\xc1\0" + letters.ljust(30, b"\0")


def disks():
    """Small media of each file system, and the image of one."""
    if (HERE / "disk/valid-fat").exists():
        return

    def run(*command):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MTOOLS_SKIP_CHECK": "1"})

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "tree/a").mkdir(parents=True)
        (place / "tree/one.txt").write_text("first words\n")
        (place / "tree/a/two words.txt").write_text("second words\n")
        sizes = {"fat": 64 << 10, "ext2": 64 << 10, "ext4": 96 << 10, "ntfs": 1200 << 10, "exfat": 1 << 20}
        for name, size in sizes.items():
            (place / name).write_bytes(bytes(size))
        run("mkfs.vfat", "-F", "12", "-n", "CARD", "fat")
        run("mcopy", "-s", "-i", "fat", "tree/one.txt", "tree/a", "::/")
        run("mke2fs", "-q", "-F", "-t", "ext2", "-b", "1024", "-N", "16", "-d", "tree", "ext2", "64")
        run("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-b", "1024", "-N", "16", "-d", "tree", "ext4", "96")
        run("mkntfs", "-F", "-q", "-Q", "-c", "512", "-s", "512", "-p", "0", "-H", "16", "-S", "63", "ntfs")
        run("ntfscp", "-q", "ntfs", "tree/one.txt", "one.txt")
        run("ntfscp", "-q", "-N", "stream", "ntfs", "tree/one.txt", "one.txt")
        run("mkfs.exfat", "-c", "512", "-b", "4096", "exfat")
        run("genisoimage", "-quiet", "-no-pad", "-R", "-o", "rock", "tree")
        run("genisoimage", "-quiet", "-no-pad", "-J", "-o", "joliet", "tree")
        (place / "fat.img").write_bytes((place / "fat").read_bytes())
        run("ewfacquire", "-u", "-q", "-t", "e", "-c", "best", "-d", "sha1", "-f", "encase6", "fat.img")
        run("ewfacquire", "-u", "-q", "-t", "n", "-c", "none", "-f", "encase5", "fat.img")
        for name in ["fat", "ext2", "ext4", "rock", "joliet"]:
            put("disk", f"valid-{name}", (place / name).read_bytes())
        # What comes behind is the log and free space.
        put("disk", "valid-ntfs", (place / "ntfs").read_bytes()[:184320])
        put("disk", "valid-e01", (place / "e.E01").read_bytes())
        put("disk", "valid-e01-plain", (place / "n.E01").read_bytes())
        exfat = bytearray((place / "exfat").read_bytes()[:32768])
        heap, root = struct.unpack_from("<I4xI", exfat, 88)
        at = heap * 512 + (root - 2) * 512
        while exfat[at]:
            at += 32
        entry = exfat_entry("one.txt", root + 1, 12)
        exfat[at : at + len(entry)] = entry
        put("disk", "valid-exfat", bytes(exfat))
        fat = (place / "fat").read_bytes()
    first = bytearray(512)
    first[446:462] = struct.pack("<B3xB3xII", 0, 1, 8, 128)
    first[462:478] = struct.pack("<B3xB3xII", 0, 5, 4, 200)
    first[510:] = b"\x55\xaa"
    # The extended partition's table leads to itself.
    link = bytearray(512)
    link[446:462] = struct.pack("<B3xB3xII", 0, 0x83, 4, 100)
    link[462:478] = struct.pack("<B3xB3xII", 0, 5, 0, 200)
    link[510:] = b"\x55\xaa"
    put("disk", "valid-mbr", bytes(first) + bytes(512 * 3) + bytes(link) + bytes(512 * 3) + fat)


def e01_section(kind, at, data, follows=True):
    """A section of E01 that begins at `at`; `next` and `done` lead to themselves."""
    after = at + 76 + len(data) if follows else at
    head = struct.pack("<16sQQ40x", kind, after, 76 + len(data))
    return head + struct.pack("<I", zlib.adler32(head)) + data


def e01_parts():
    """The image in one file that libewf made, cut into two files between its two chunks; one after the other."""
    image = (HERE / "disk/valid-e01-plain").read_bytes()
    sections, at = {}, 13
    while True:
        kind, after, size = struct.unpack_from("<16sQQ", image, at)
        sections.setdefault(kind.rstrip(b"\0"), (at + 76, image[at + 76 : at + size]))
        if after == at:
            break
        at = after
    _, table = sections[b"table"]
    count, base = struct.unpack_from("<I4xQ", table)
    start, sectors = sections[b"sectors"]
    offsets = [base + entry - start for entry in struct.unpack_from(f"<{count}I", table, 24)]
    chunks = [sectors[a:b] for a, b in zip(offsets, offsets[1:] + [len(sectors)])]
    parts = []
    for number, chunk in enumerate(chunks, 1):
        last = number == len(chunks)
        part = image[:8] + struct.pack("<BHH", 1, number, 0)
        for kind in [b"header", b"volume"] if number == 1 else [b"data"]:
            part += e01_section(kind, len(part), sections[b"volume" if kind == b"data" else kind][1])
        place = len(part) + 76
        part += e01_section(b"sectors", len(part), chunk)
        head = struct.pack("<I4xQ4x", 1, place)
        entries = struct.pack("<I", 0)
        table = head + struct.pack("<I", zlib.adler32(head)) + entries + struct.pack("<I", zlib.adler32(entries))
        part += e01_section(b"table", len(part), table)
        if last:
            part += e01_section(b"hash", len(part), sections[b"hash"][1])
        part += e01_section(b"done" if last else b"next", len(part), b"", False)
        parts.append(part)
    put("disk", "valid-e01-parts", b"".join(parts))
    put("disk", "nasty-e01-again", parts[0] * 3)
    put("disk", "nasty-e01-backwards", b"".join(reversed(parts)))


core()
whole()
sealed()
stores()
ledger()
delivered()
read()
stamp()
lists()
disks()
e01_parts()
