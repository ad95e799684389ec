"""Opens, from docs/format/vault.md alone, the packs in testdata/vectors/vault.

Usage: vault.py [folder]. Exits with 1 if anything differs.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import zstandard

from seal import Refused, unseal

HEADER = TRAILER = ENTRY = 64


def entries(pack: bytes) -> tuple[bytes, int, list[tuple[bytes, int, int, bytes]]]:
    """The id, the scope key and the index of a pack, held against its digest and its size."""
    magic, version, reserved, ident, scope_key, rest = struct.unpack(">8sH6s16sQ24s", pack[:HEADER])
    if magic != b"CMTYPACK" or version != 1 or any(reserved + rest):
        raise Refused("the header is not one of a pack of version 1")
    trailer = pack[-TRAILER:]
    magic, index_at, count, spare, rest, digest = struct.unpack(">8sQII8s32s", trailer)
    if magic != b"CMTYPEND" or spare or any(rest) or index_at + count * ENTRY + TRAILER != len(pack):
        raise Refused("the trailer does not fit the file")
    index = pack[index_at:-TRAILER]
    if hashlib.sha256(pack[:HEADER] + index + trailer[:32]).digest() != digest:
        raise Refused("the digest of header, index and trailer is wrong")
    found = [struct.unpack(">16sQQ32s", index[at : at + ENTRY]) for at in range(0, len(index), ENTRY)]
    end = HEADER
    for _, offset, length, _ in found:
        if offset != end:
            raise Refused("an object does not begin where the one before it ends")
        end += length
    if end != index_at:
        raise Refused("there are bytes between the objects and the index")
    return ident, scope_key, found


def original(clear: bytes) -> bytes:
    """The bytes of the item, from the clear form of its object."""
    magic, version, codec, log2, spare, length, frames, rest = struct.unpack(">4sBBBBQI12s", clear[-32:])
    if magic != b"CMOB" or version != 1 or spare or any(rest) or not 10 <= log2 <= 20:
        raise Refused("the footer is not one of an object of version 1")
    body = clear[:-32]
    if codec == 0:
        if frames or len(body) != length:
            raise Refused("stored bytes have another length than the footer says")
        return body
    if codec != 1 or frames != -(-length // (1 << log2)):
        raise Refused("the footer does not count the frames that its length needs")
    table = struct.unpack(f">{frames}I", body[len(body) - 4 * frames :])
    if sum(table) + 4 * frames != len(body):
        raise Refused("the seek table does not fill the object")
    out, at = b"", 0
    for nth, size in enumerate(table):
        wanted = min(1 << log2, length - (nth << log2))
        frame = zstandard.ZstdDecompressor().decompress(body[at : at + size], max_output_size=wanted)
        if len(frame) != wanted:
            raise Refused(f"frame {nth} has {len(frame)} bytes, not {wanted}")
        out += frame
        at += size
    return out


def judge(listed: dict, pack: bytes) -> list[str]:
    wrong = []
    ident, scope_key, index = entries(pack)
    if ident.hex() != listed["pack"] or scope_key != listed["scope_key"]:
        wrong.append("id or scope key differs from the list")
    if len(index) != len(listed["objects"]):
        wrong.append("the list has another number of objects")
    for (name, offset, length, digest), entry in zip(index, listed["objects"]):
        sealed = pack[offset : offset + length]
        if [name.hex(), offset, length] != [entry["object"], entry["offset"], entry["len"]]:
            wrong.append(f"object {name.hex()}: index and list differ")
        if not hashlib.sha256(sealed).digest() == digest == bytes.fromhex(entry["sealed_sha256"]):
            wrong.append(f"object {name.hex()}: the digest of the sealed bytes differs")
        try:
            data = original(unseal(bytes.fromhex(entry["key"]), b"comity/object/v1\n" + name, sealed))
        except (Refused, zstandard.ZstdError) as error:
            wrong.append(f"object {name.hex()}: {error}")
            continue
        if len(data) != entry["size"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
            wrong.append(f"object {name.hex()}: opens to other bytes")
    return wrong


def main(folder: Path) -> int:
    lists = sorted(folder.glob("*.json"))
    failed = not lists
    for path in lists:
        listed = json.loads(path.read_text())
        try:
            wrong = judge(listed, path.with_suffix(".pack").read_bytes())
        except Refused as error:
            wrong = [str(error)]
        for what in wrong:
            print(f"{path.stem}: {what}")
        if wrong:
            failed = True
        else:
            print(f"{path.with_suffix('.pack')}: {len(listed['objects'])} objects agree")
    if not lists:
        print(f"{folder}: no vectors")
    return 1 if failed else 0


if __name__ == "__main__":
    default = Path(__file__).parents[2] / "testdata" / "vectors" / "vault"
    sys.exit(main(default))
