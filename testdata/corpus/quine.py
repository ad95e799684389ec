"""A ZIP whose only member is itself: whoever opens what is inside never comes to an end.

Built from two instructions of DEFLATE (RFC 1951), each five bytes long, a *unit*: L(n), a stored block, writes the n
units that follow it; R(n), two blocks with fixed codes, writes the last n units once more. The method is Russ Cox's
(`Zip Files All The Way Down`, 2010). The CRC-32 of the file stands in the file four times; CRC-32 is linear, so the one
that fits is found by solving 32 equations.
"""

import struct
import zlib

UNIT = 5
# R(13) has exactly 40 bits: of length and distance 65 with three and five further bits, and an empty block.
PREFIX = 12


def stored(units):
    return struct.pack("<BHH", 0, UNIT * units, 0xFFFF ^ UNIT * units)


class Bits:
    def __init__(self):
        self.bits = ""

    def number(self, value, count):
        self.bits += format(value, f"0{count}b")[::-1] if count else ""

    def code(self, value, count):
        self.bits += format(value, f"0{count}b")

    def copy(self, length, distance):
        """A length and a distance, in fixed codes; lengths to 114."""
        base, code = 3, 257
        for extra in [0] * 8 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 3:
            if length < base + (1 << extra):
                break
            base, code = base + (1 << extra), code + 1
        self.code(code - 256, 7)
        self.number(length - base, extra)
        base, code = 1, 0
        for extra in [0, 0] + [e for e in range(14) for _ in (0, 1)]:
            if distance < base + (1 << extra):
                break
            base, code = base + (1 << extra), code + 1
        self.code(code, 5)
        self.number(distance - base, extra)

    def unit(self):
        assert len(self.bits) <= 8 * UNIT, len(self.bits)
        bits = self.bits.ljust(8 * UNIT, "0")
        return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, 8 * UNIT, 8))


def repeat(units, copies, empty, final=False):
    """The last `units` units once more, by so many equal copies."""
    bits = Bits()
    bits.number(1 if final else 0, 1)
    bits.number(1, 2)
    for _ in range(copies):
        bits.copy(UNIT * units // copies, UNIT * units)
    bits.code(0, 7)
    if empty:
        bits.number(0, 1)
        bits.number(1, 2)
        bits.code(0, 7)
    assert final or len(bits.bits) == 8 * UNIT
    return bits.unit()


def body(prefix, suffix):
    """A DEFLATE stream that gives `prefix`, itself, and `suffix`."""
    p, s = len(prefix) // UNIT, len(suffix) // UNIT
    assert p == PREFIX and len(prefix) == UNIT * p and len(suffix) == UNIT * s
    lp, rp = stored(p + 1), repeat(p + 1, 1, True)
    l0, l1, l4, r4 = stored(0), stored(1), stored(4), repeat(4, 2, False)
    ls, last = stored(s + 1), repeat(s + 1, 1, False, final=True)
    return b"".join([
        lp, prefix, lp, rp, l1, rp, l1, l1, l4, rp, l1, l1, l4, r4, l4, r4, l4, r4, l4, r4,
        l4, r4, l0, l0, ls, r4, l0, l0, ls, last, suffix, last,
    ])


def archive(crc):
    """The archive, if its CRC-32 were this."""
    name = b"the same archive once more.zip"

    def ends(compressed, size):
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x5A21, crc, compressed, size, len(name), 0)
        entry = b"PK\1\2" + struct.pack("<H", 20) + fields + bytes(14) + name
        comment = bytes(-(len(entry) + 22) % UNIT)
        end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), 30 + len(name) + compressed, len(comment))
        return b"PK\3\4" + fields + name, entry + b"PK\5\6" + end + comment

    prefix, suffix = ends(0, 0)
    compressed = len(body(prefix, suffix))
    prefix, suffix = ends(compressed, len(prefix) + compressed + len(suffix))
    return prefix + body(prefix, suffix) + suffix


def solve(rows):
    """The number x for which bit i of (rows[i] & x) has the parity of rows[i] >> 32, for 32 rows."""
    for bit in range(32):
        at = next(n for n in range(bit, 32) if rows[n] >> bit & 1)
        rows[bit], rows[at] = rows[at], rows[bit]
        rows = [row ^ rows[bit] if n != bit and row >> bit & 1 else row for n, row in enumerate(rows)]
    return sum((row >> 32) << bit for bit, row in enumerate(rows))


def quine():
    base = zlib.crc32(archive(0))
    columns = [zlib.crc32(archive(1 << bit)) ^ base ^ 1 << bit for bit in range(32)]
    rows = [sum((column >> bit & 1) << n for n, column in enumerate(columns)) | (base >> bit & 1) << 32 for bit in range(32)]
    made = archive(solve(rows))
    stream = made[UNIT * PREFIX :]
    assert zlib.decompressobj(-15).decompress(stream) == made, "it is its own content"
    return made
