"""Canonical JSON and events, for reader.py; from README.md, body.md, ledger.md, disclosure.md and acts.md alone."""

import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from notes import Wrong, need, sha256

NUMBER = r"[A-Z][A-Z0-9]{1,7}-[0-9]{6}-[0-9]{7}"
PLACE = r"(?:0[0-9]{3}|[1-9][0-9]{3,6})"
ERN = NUMBER + r"(?:\." + PLACE + r"){0,12}"
STEM = NUMBER + r"(?:-" + PLACE + r"){0,12}"
HEX32, HEX64 = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{64}")


# Canonical JSON: README.md, Common rules.

def canonical(value):
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return b"{" + b",".join(canonical(name) + b":" + canonical(v) for name, v in members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    return json.dumps(value, ensure_ascii=False).encode()


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def read_json(data):
    def members(pairs):
        need(len({name for name, _ in pairs}) == len(pairs), "names a member twice")
        return dict(pairs)

    def integer(text):
        need(abs(int(text)) < 1 << 53, "has a number out of range")
        return int(text)

    def no_fraction(text):
        raise Wrong(f"has the number {text}, which is no integer")

    try:
        value = json.loads(data.decode(), object_pairs_hook=members, parse_int=integer, parse_float=no_fraction,
                           parse_constant=no_fraction)
        need(depth(value) <= 64, "is nested too deep")
        need(canonical(value) == data, "is not canonical JSON")
    except (ValueError, RecursionError) as error:
        raise Wrong(f"is not JSON: {error}") from None
    return value


def shaped(value, shape, what):
    """`value` has exactly the members of `shape`, each of which passes its test."""
    need(isinstance(value, dict) and value.keys() == shape.keys(), f"{what} does not have the members that it must have")
    for name, test in shape.items():
        need(test(value[name]), f"{name} of {what} is not what it must be")
    return value


def text(value):
    return isinstance(value, str)


def count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def hex64(value):
    return text(value) and HEX64.fullmatch(value) is not None


def hex32(value):
    return text(value) and HEX32.fullmatch(value) is not None


def or_null(test):
    return lambda value: value is None or test(value)


def ern(value):
    return text(value) and re.fullmatch(ERN, value) is not None and ".0000" not in value


def in_order(ern):
    """A container before what is in it, and that in its order."""
    number, *places = ern.split(".")
    return number, [int(place) for place in places]


# Events: disclosure.md, Events; body.md, Commitment; ledger.md, Leaf.

def check_event(fields, leaf_text, origin):
    """Holds fields against body and leaf, and a signature (acts.md) against both. Gives the leaf, its hash, and the
    opened values."""
    need(isinstance(fields, list) and fields, "has no fields")
    listed, opened, content = [], {}, False
    for field in fields:
        need(isinstance(field, dict), "has a field that is none")
        if "withheld" in field:
            shaped(field, {"class": text, "name": text, "withheld": hex64}, "a field")
            commitment = field["withheld"]
        else:
            shaped(field, {"class": text, "name": text, "salt": hex64, "value": lambda value: True}, "a field")
            opened[field["name"]] = field["value"]
            commitment = sha256(b"comity/field/v1\n", bytes.fromhex(field["salt"]),
                                canonical([field["name"], field["value"]])).hex()
        need(field["class"] in ("custody", "content"), "has a field of an unknown class")
        need(re.fullmatch("[a-z][a-z0-9_]{0,63}", field["name"]), "has a field with a malformed name")
        need(not (content and field["class"] == "custody"), "has a custody field after content")
        content = field["class"] == "content"
        listed.append([field["class"], field["name"], commitment])
    need(len({name for _, name, _ in listed}) == len(listed), "has two fields of one name")
    need(text(leaf_text), "has no leaf")
    leaf = shaped(read_json(leaf_text.encode()), {"body": hex64, "chain": hex32, "n": count, "prev": or_null(hex64),
                                                  "v": lambda v: v == 1 and v is not True}, "the leaf")
    need((leaf["n"] == 0) == (leaf["prev"] is None), "its leaf names an event before it where there is none")
    body = sha256(b"comity/body/v1\n", canonical(listed)).hex()
    need(leaf["body"] == body, "its fields are not those that its leaf commits to")
    if origin and "signature" in opened:
        signature = shaped(opened["signature"], {"key": text, "value": text}, "the signature")
        others = sha256(b"comity/body/v1\n", canonical([line for line in listed if line[1] != "signature"]))
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature["key"]))
            key.verify(bytes.fromhex(signature["value"]), b"comity/signature/v1\n" + origin.encode() + b"\n" + others)
        except (InvalidSignature, ValueError):
            raise Wrong("its signature does not hold") from None
    elif origin:
        need(opened.get("auth") != "signed" and opened.get("kind") != "erased", "was signed, and its signature is not there")
    return leaf, sha256(b"\0", leaf_text.encode()), opened


def read_line(line, origin):
    """A line of events: its index, leaf, leaf hash, and opened values."""
    event = read_json(line)
    need(isinstance(event, dict), "is no object")
    shape = {"index": count, "leaf": text, "fields": lambda fields: True}
    if "why" in event:
        shape["why"] = text
    shaped(event, shape, "the line")
    leaf, found, opened = check_event(event["fields"], event["leaf"], origin)
    need(("why" in event) == (not opened), "shows fields and a reason for none, or neither")
    return event["index"], leaf, found, opened
