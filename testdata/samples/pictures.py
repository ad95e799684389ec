"""JPEG and PNG files with EXIF positions, made without a library so that the same bytes come out everywhere."""

import struct
import zlib

from glyphs import pixels

LUMA_DC = (bytes([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]), bytes(range(12)))
LUMA_AC = (
    bytes([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D]),
    bytes.fromhex(
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728"
        "292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a83848586878889"
        "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2"
        "e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
    ),
)
# Cosines of the discrete transform as integers of 1/4096: cos((2x+1)uπ/16), so that no float decides a byte.
COSINE = [
    [4096, 4017, 3784, 3406, 2896, 2276, 1567, 799],
    [4096, 3406, 1567, -799, -2896, -4017, -3784, -2276],
    [4096, 2276, -1567, -4017, -2896, 799, 3784, 3406],
    [4096, 799, -3784, -2276, 2896, 3406, -1567, -4017],
    [4096, -799, -3784, 2276, 2896, -3406, -1567, 4017],
    [4096, -2276, -1567, 4017, -2896, -799, 3784, -3406],
    [4096, -3406, 1567, 799, -2896, 4017, -3784, 2276],
    [4096, -4017, 3784, -3406, 2896, -2276, 1567, -799],
]
ZIGZAG = sorted(
    ((v, u) for v in range(8) for u in range(8)),
    key=lambda p: (p[0] + p[1], p[0] if (p[0] + p[1]) % 2 else p[1]),
)
QUANTUM = 16


def exif(latitude, longitude, taken, camera):
    """A TIFF structure with make, time and position. Degrees are (degrees, minutes, hundredths of a second)."""

    def rationals(value):
        return struct.pack(">6I", value[0], 1, value[1], 1, value[2], 100)

    make = camera.encode() + b"\0"
    make += b"\0" * (len(make) % 2)
    time = taken.encode() + b"\0"
    first = 8
    data_at = first + 2 + 3 * 12 + 4
    time_at = data_at + len(make)
    gps_at = time_at + len(time)
    gps_data_at = gps_at + 2 + 4 * 12 + 4
    ifd = struct.pack(">H", 3)
    ifd += struct.pack(">HHII", 0x010F, 2, len(camera) + 1, data_at)
    ifd += struct.pack(">HHII", 0x0132, 2, len(time), time_at)
    ifd += struct.pack(">HHII", 0x8825, 4, 1, gps_at) + struct.pack(">I", 0)
    gps = struct.pack(">H", 4)
    gps += struct.pack(">HHI", 1, 2, 2) + b"N\0\0\0"
    gps += struct.pack(">HHII", 2, 5, 3, gps_data_at)
    gps += struct.pack(">HHI", 3, 2, 2) + b"E\0\0\0"
    gps += struct.pack(">HHII", 4, 5, 3, gps_data_at + 24) + struct.pack(">I", 0)
    return b"MM\0*" + struct.pack(">I", first) + ifd + make + time + gps + rationals(latitude) + rationals(longitude)


def scene(width, height, seed):
    """Rows of grey values: sky, ground, a crater, and the word FICTIONAL across the top."""
    rows = []
    noise = seed
    for y in range(height):
        row = []
        for x in range(width):
            noise = (noise * 1103515245 + 12345) & 0x7FFFFFFF
            grain = (noise >> 16) % 9
            grey = 210 - y // 2 if y < height // 2 else 90 + grain * 3
            dx, dy = x - width // 2, (y - height * 3 // 4) * 2
            if dx * dx + dy * dy < (width // 6) ** 2:
                grey = 40 + grain
            row.append(grey)
        rows.append(row)
    scale = 2
    for place, letter in enumerate("FICTIONAL"):
        for x, y in pixels(letter):
            for i in range(scale):
                for j in range(scale):
                    rows[6 + y * scale + j][6 + place * 6 * scale + x * scale + i] = 0
    return rows


def jpeg(rows, exif_data):
    """A grey baseline JPEG (ITU T.81) with an EXIF segment."""
    height, width = len(rows), len(rows[0])
    out = bytearray(b"\xff\xd8")

    def segment(marker, data):
        out.extend(struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data)

    segment(0xE1, b"Exif\0\0" + exif_data)
    segment(0xDB, b"\0" + bytes([QUANTUM] * 64))
    segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    segment(0xC4, b"\x00" + LUMA_DC[0] + LUMA_DC[1])
    segment(0xC4, b"\x10" + LUMA_AC[0] + LUMA_AC[1])
    segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")

    codes = []
    for counts, values in (LUMA_DC, LUMA_AC):
        table, code, place = {}, 0, 0
        for length, count in enumerate(counts, 1):
            for _ in range(count):
                table[values[place]] = (code, length)
                code, place = code + 1, place + 1
            code <<= 1
        codes.append(table)

    bits = []

    def put(value, length):
        bits.append(format(value, f"0{length}b") if length else "")

    def put_number(value):
        size = abs(value).bit_length()
        put(value if value >= 0 else value + (1 << size) - 1, size)

    before = 0
    for top in range(0, height, 8):
        for left in range(0, width, 8):
            block = [[rows[top + y][left + x] - 128 for x in range(8)] for y in range(8)]
            lines = [[sum(line[x] * COSINE[x][u] for x in range(8)) for u in range(8)] for line in block]
            numbers = []
            for v, u in ZIGZAG:
                total = sum(lines[y][u] * COSINE[y][v] for y in range(8))
                # 1/4 · C(u) · C(v), with C(0) = 1/√2, in integers: 2896/4096 is 1/√2.
                for k in (u, v):
                    total = total * 2896 >> 12 if k == 0 else total
                step = QUANTUM << 26
                numbers.append((total + step // 2) // step if total >= 0 else -((-total + step // 2) // step))
            change, before = numbers[0] - before, numbers[0]
            put(*codes[0][abs(change).bit_length()])
            put_number(change)
            zeros = 0
            last = max((i for i, n in enumerate(numbers) if n), default=0)
            for number in numbers[1 : last + 1]:
                if number == 0:
                    zeros += 1
                    continue
                while zeros > 15:
                    put(*codes[1][0xF0])
                    zeros -= 16
                put(*codes[1][zeros << 4 | abs(number).bit_length()])
                put_number(number)
                zeros = 0
            if last < 63:
                put(*codes[1][0])
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    out += int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\0")
    return bytes(out + b"\xff\xd9")


def stored(data):
    """A zlib stream of stored blocks: compressors differ between versions, stored blocks do not."""
    out = bytearray(b"\x78\x01")
    for start in range(0, len(data), 65535):
        part = data[start : start + 65535]
        final = start + 65535 >= len(data)
        out += struct.pack("<BHH", final, len(part), len(part) ^ 0xFFFF) + part
    return bytes(out) + struct.pack(">I", zlib.adler32(data))


def png(rows, exif_data):
    """A grey PNG with an eXIf chunk."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    raw = b"".join(b"\0" + bytes(row) for row in rows)
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"eXIf", exif_data)
        + chunk(b"IDAT", stored(raw))
        + chunk(b"IEND", b"")
    )
