"""Holds our SLIP-39 against shamir-mnemonic, the standard's reference implementation, word for word and both ways.

Usage: slip39.py [FOLDER]      FOLDER: shares that `comity keys share --to-dir` wrote
       slip39.py --write       makes testdata/vectors/slip39.json anew
"""

import dataclasses
import json
import random
import sys
from pathlib import Path

from report import check, done
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


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        VECTORS.write_text(json.dumps(rows(), indent=1) + "\n")
    else:
        judge()
        done()
