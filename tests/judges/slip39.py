"""Holds our SLIP-39 against shamir-mnemonic, the standard's reference implementation, word for word and both ways.

Usage: slip39.py [world.json]
       slip39.py --write       makes testdata/vectors/slip39.json anew
"""

import dataclasses
import json
import os
import pty
import random
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from report import check, done
from seal import unseal
from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics, shamir
from shamir_mnemonic.share import Share

VECTORS = Path(__file__).resolve().parents[2] / "testdata/vectors/slip39.json"


def changed(words, **fields):
    return dataclasses.replace(Share.from_mnemonic(words), **fields).mnemonic()


def rows():
    source = random.Random(39)
    shamir.RANDOM_BYTES = source.randbytes
    made = []

    def row(what, mnemonics, secret=b"", passphrase="", says=""):
        made.append({"what": what, "mnemonics": mnemonics, "secret": secret.hex(), "passphrase": passphrase, "says": says})

    for length in (16, 32):
        for extendable in (False, True):
            for exponent in (0, 1):
                secret = source.randbytes(length)
                kind = f"{length * 8} bits, {'' if extendable else 'not '}extendable, exponent {exponent}"
                lone = generate_mnemonics(1, [(1, 1)], secret, b"TREZOR", extendable, exponent)
                row(f"one of one, {kind}", lone[0], secret, "TREZOR")
                groups = generate_mnemonics(2, [(2, 3), (1, 1), (3, 5)], secret, b"", extendable, exponent)
                row(f"two groups, {kind}", [groups[0][2], groups[1][0], groups[0][0]], secret)
                row(f"the other two, {kind}", groups[2][1:4] + groups[0][:2], secret)
                row(f"too few members, {kind}", groups[0][:1] + groups[1], says="too few")
                row(f"too few groups, {kind}", groups[2][:3], says="too few")
    a = generate_mnemonics(1, [(2, 3)], source.randbytes(32), extendable=True, iteration_exponent=0)[0]
    b = generate_mnemonics(1, [(2, 3)], source.randbytes(32), extendable=True, iteration_exponent=0)[0]
    row("of two sets", [a[0], b[1]], says="another set")
    row("twice the same", [a[0], a[0]], says="already")
    first = Share.from_mnemonic(a[0])
    row("of two secrets under one identifier", [a[0], changed(b[1], identifier=first.identifier)], says="do not fit together")
    row("of two exponents", [a[0], changed(a[1], iteration_exponent=3)], says="another set")
    row("of two group thresholds", [a[0], changed(a[1], group_count=2)], says="another set")
    row("of two member thresholds", [a[0], changed(a[1], member_threshold=3)], says="another set")
    row("two of one number", [a[0], changed(a[1], index=first.index)], says="same number")
    row("a group that is not there", [changed(a[0], group_index=3)], says="no share of SLIP-39")
    row("more groups than there are", [changed(a[0], group_threshold=2)], says="no share of SLIP-39")
    words = a[0].split()
    row("a wrong checksum", [" ".join(words[:-1] + ["zero" if words[-1] != "zero" else "acid"])], says="checksum")
    row("two words swapped", [" ".join(words[:8] + [words[9], words[8]] + words[10:])], says="checksum")
    row("a word too few", [" ".join(words[:-1])], says="33 words")
    return made


def opens(row):
    try:
        return combine_mnemonics(row["mnemonics"], row["passphrase"].encode()).hex()
    except MnemonicError:
        return ""


def judge():
    """The vectors are what the reference says; `cargo test` holds our own code against them."""
    # Given twice, a share is taken once by the reference; we say so, since a person should know.
    for row in json.loads(VECTORS.read_text()):
        check(f"slip39: {row['what']}", opens(row) == row["secret"])


def words_of(path):
    return next(line for line in path.read_text().splitlines() if not line.startswith("#"))


def of_program(world):
    """`comity keys share` on a copy of the centre: the reference reads its words, and our document opens its head."""
    scratch = Path(world["scratch"]) / "shared"
    shutil.copytree(world["centre"], scratch / "centre")
    (scratch / "shares").mkdir()
    env = {**os.environ, "COMITY_CENTRE": str(scratch / "centre"), "COMITY_PASSPHRASE": world["passphrase"], "COMITY_ACTOR": "UKR-P0001"}
    words = ["keys", "share", "--scheme", "2of2:UKR=2of3,LTU=1of2", "--to-dir", str(scratch / "shares")]
    subprocess.run([Path(world["programs"]) / "comity", *words], env=env, check=True, stdout=subprocess.DEVNULL)
    shares = [words_of(scratch / "shares" / name) for name in ("UKR-1-of-3.share", "UKR-3-of-3.share", "LTU-2-of-2.share")]
    for share in shares:
        check("slip39: a share is word for word the reference's", Share.from_mnemonic(share).mnemonic() == share)
    secret = combine_mnemonics(shares)
    head = json.loads((scratch / "centre/keyring/head").read_text().splitlines()[0])
    entry, ring = head["unlock"][0], bytes.fromhex(head["id"])
    check("slip39: shares alone open", len(head["unlock"]) == 1 and entry["kind"] == "shares")
    key = HKDFExpand(algorithm=SHA512(), length=32, info=b"comity/shares/v1\n" + ring).derive(secret)
    context = b"comity/root/v1\n" + ring + struct.pack(">I", head["epoch"])
    root = unseal(key, context, bytes.fromhex(entry["wrap"]))
    check("slip39: the reference's secret opens the head by the document", len(root) == 32)
    again = b"comity/unlock/v1\n" + ring + struct.pack(">I", head["epoch"]) + bytes.fromhex(entry["wrap"])
    check("slip39: the unlock key lies under the root key", unseal(root, again, bytes.fromhex(entry["again"])) == key)

    # The other way: words that the reference makes of the same secret are taken by our program.
    prefix = Share.from_mnemonic(shares[0])
    made = shamir.split_ems(2, [(2, 3), (1, 1)], shamir.EncryptedMasterSecret.from_master_secret(secret, b"", prefix.identifier, True, 0))
    file = scratch / "made"
    file.write_text("\n".join([made[0][1].mnemonic(), made[0][2].mnemonic(), made[1][0].mnemonic()]) + "\n")
    ran = subprocess.run([Path(world["programs"]) / "comity", "verify"], env={**env, "COMITY_SHARES_FILE": str(file)}, stdout=subprocess.DEVNULL)
    check("slip39: words of the reference open the centre", ran.returncode == 0)


CLEAR = "\x1b[2J\x1b[3J\x1b[H"
ASKED = re.compile(r"press Enter\. $|written down\. $|see them again\. $|word (\d+) and word (\d+): $")


def at_a_terminal(program, env, scheme, broken_off_at=None, wrong_at=0):
    """`comity keys share` as holders meet it: all that it wrote, the words of each, and how it ended."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(program, [program, "keys", "share", "--scheme", scheme], env)
    written, since, holders, asked_for_words = "", "", [], 0
    while True:
        try:
            piece = os.read(terminal, 4096).decode()
        except OSError:
            break
        written, since = written + piece, since + piece
        found = ASKED.search(since.replace("\r", ""))
        if not found:
            continue
        answer = ""
        if "written down" in found[0]:
            screen = since.split(CLEAR)[-1]
            holders.append(re.findall(r"\d+ ([a-z]+)", screen.split("words down:")[1]))
            if len(holders) == broken_off_at:
                os.close(terminal)
                break
        elif found[1]:
            asked_for_words += 1
            chosen = [holders[-1][int(found[place]) - 1] for place in (1, 2)]
            answer = " ".join(chosen if asked_for_words != wrong_at else chosen[::-1] + ["no"])
        since = ""
        os.write(terminal, f"{answer}\n".encode())
    return written, holders, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def on_screens(world):
    """Each holder sees their own words, alone, and has to read two of them back; broken off, nothing is changed."""
    scratch = Path(world["scratch"]) / "screens"
    shutil.copytree(world["centre"], scratch / "centre")
    env = {**os.environ, "COMITY_CENTRE": str(scratch / "centre"), "COMITY_PASSPHRASE": world["passphrase"], "COMITY_ACTOR": "UKR-P0001"}
    program, scheme = str(Path(world["programs"]) / "comity"), "2of2:UKR=2of3,LTU=2of2"
    head = scratch / "centre/keyring/head"
    before = head.read_bytes()
    at_a_terminal(program, env, scheme, broken_off_at=3)
    works = subprocess.run([program, "item", "list"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    check("shares on a screen: broken off, the passphrase opens as before", works.returncode == 0)
    check("shares on a screen: broken off, no share opens", b'"shares"' not in head.read_bytes() or head.read_bytes() == before)
    written, shown, code = at_a_terminal(program, env, scheme, wrong_at=1)
    # The first holder read back wrongly, and saw the words again.
    check("shares on a screen: who reads back wrongly sees them again", code == 0 and shown[0] == shown[1] and "not the words" in written)
    shares = [" ".join(words) for words in shown[1:]]
    check("shares on a screen: five holders, five shares", len(set(shares)) == len(shares) == 5, f"{len(shares)}")
    screens = [screen for screen in written.split(CLEAR) if "words down:" in screen]
    owners = [re.match(r"\S+, holder \d of \d", screen)[0] for screen in screens]
    expected = [f"UKR, holder {n} of 3" for n in (1, 1, 2, 3)] + [f"LTU, holder {n} of 2" for n in (1, 2)]
    check("shares on a screen: each holder alone, in turn", owners == expected, f"{owners}")
    # A few words are common to two shares by chance, and the first four are to all of a scheme's.
    alone = all(sum(word in screen for word in share.split()[6:]) < 27 for share, own in zip(shares, owners[1:])
                for screen, owner in zip(screens, owners) if owner != own)
    check("shares on a screen: no words of another one's", alone)
    check("shares on a screen: the screen is empty at the end", CLEAR in written[written.rindex("from the paper"):])
    secret = combine_mnemonics([shares[0], shares[2], *shares[3:]])
    check("shares on a screen: what was written down opens it, says the reference", len(secret) == 32)
    file = scratch / "written"
    file.write_text("\n".join(shares[1:]) + "\n")
    ran = subprocess.run([program, "verify"], env={**env, "COMITY_SHARES_FILE": str(file)}, stdout=subprocess.DEVNULL)
    check("shares on a screen: and our program takes them", ran.returncode == 0)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        VECTORS.write_text(json.dumps(rows(), indent=1) + "\n")
    else:
        judge()
        for world in sys.argv[1:]:
            of_program(json.loads(Path(world).read_text(encoding="utf-8")))
            on_screens(json.loads(Path(world).read_text(encoding="utf-8")))
        done()
