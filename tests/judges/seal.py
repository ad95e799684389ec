"""Opens and makes again, from docs/format/vault.md alone, what testdata/vectors/seal.json holds.

Exits with 1 if anything differs.
"""

import hashlib
import hmac
import json
import struct
import sys
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CHUNK = 16_384
TAG = 16
HEADER = 56


class Refused(Exception):
    """The sealed bytes do not open."""


def derive(key: bytes, salt: bytes, context: bytes) -> tuple[bytes, bytes, bytes]:
    info = b"c2sp.org/chunked-encryption@v1+" + b"AEAD_AES_256_GCM" + b"\0" + salt + context
    okm = HKDFExpand(algorithm=SHA512(), length=76, info=info).derive(key)
    return okm[:32], okm[32:44], okm[44:]


def nonce(base: bytes, k: int) -> bytes:
    return (int.from_bytes(base, "big") ^ k).to_bytes(12, "big")


def seal(key: bytes, salt: bytes, context: bytes, clear: bytes) -> bytes:
    cipher_key, base, commitment = derive(key, salt, context)
    cipher = AESGCM(cipher_key)
    out = salt + commitment
    for k in range(len(clear) // CHUNK + 1):
        out += cipher.encrypt(nonce(base, k), clear[k * CHUNK : (k + 1) * CHUNK], None)
    return out


def unseal(key: bytes, context: bytes, sealed: bytes) -> bytes:
    if len(sealed) < HEADER + TAG:
        raise Refused("too short")
    cipher_key, base, commitment = derive(key, sealed[:24], context)
    if not hmac.compare_digest(commitment, sealed[24:HEADER]):
        raise Refused("another key or context")
    cipher = AESGCM(cipher_key)
    body = sealed[HEADER:]
    clear = b""
    for k in range(len(body) // (CHUNK + TAG) + 1):
        try:
            clear += cipher.decrypt(nonce(base, k), body[k * (CHUNK + TAG) : (k + 1) * (CHUNK + TAG)], None)
        except (InvalidTag, ValueError) as error:
            raise Refused(f"chunk {k}") from error
    return clear


def tag(key: bytes, parts: list[bytes]) -> bytes:
    text = b"".join(struct.pack(">Q", len(part)) + part for part in parts)
    return hmac.new(key, text, hashlib.sha256).digest()[:16]


def main(path: Path) -> int:
    vectors = json.loads(path.read_text())
    wrong = 0
    for nth, case in enumerate(vectors["seal"]):
        key, salt, context = (bytes.fromhex(case[name]) for name in ("key", "salt", "context"))
        clear = bytes((i * 31 + i // 256) & 255 for i in range(case["clear_len"]))
        ours = seal(key, salt, context, clear)
        if "sealed_sha256" in case:
            agrees = hashlib.sha256(ours).hexdigest() == case["sealed_sha256"]
            sealed = ours
        else:
            sealed = bytes.fromhex(case["sealed"])
            agrees = ours == sealed
        if not agrees:
            print(f"seal {nth}: sealing the same text gives other bytes")
            wrong += 1
        try:
            if unseal(key, context, sealed) != clear:
                print(f"seal {nth}: opens to another text")
                wrong += 1
        except Refused as error:
            print(f"seal {nth}: does not open: {error}")
            wrong += 1
    for nth, case in enumerate(vectors["tag"]):
        parts = [bytes.fromhex(part) for part in case["parts"]]
        if tag(bytes.fromhex(case["key"]), parts).hex() != case["tag"]:
            print(f"tag {nth}: differs")
            wrong += 1
    count = len(vectors["seal"]) + len(vectors["tag"])
    if wrong or not vectors["seal"] or not vectors["tag"]:
        print(f"FAIL {path.name}: {wrong} of {count} vectors disagree")
        return 1
    print(f"ok   {path.name}: {count} vectors agree")
    return 0


if __name__ == "__main__":
    default = Path(__file__).parents[2] / "testdata" / "vectors" / "seal.json"
    sys.exit(main(default))
