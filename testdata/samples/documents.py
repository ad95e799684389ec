"""PDF, DOCX, ZIP and e-mail files, made without a library so that the same bytes come out everywhere."""

import base64
import io
import zipfile

from glyphs import pixels, smooth


def pdf(title, lines):
    """One page of Latin text in Helvetica (PDF 1.4, ISO 32000)."""
    text = "".join(f"({line.replace('(', '').replace(')', '')}) Tj T*\n" for line in lines)
    content = f"BT /F1 12 Tf 16 TL 60 780 Td\n({title}) Tj T* T*\n{text}ET\n".encode("latin-1")
    return _pdf_file(title, content, [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"])


def pdf_drawn(title, lines):
    """One page of capital letters in any script: a Type 3 font drawn from pixels, with a ToUnicode map."""
    letters = sorted(set("".join(lines)))
    code = {letter: 33 + place for place, letter in enumerate(letters)}
    extra = []
    glyph_names = " ".join(f"/g{code[letter]} {8 + place} 0 R" for place, letter in enumerate(letters))
    font = (
        f"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 6 8] /FontMatrix [0.14 0 0 0.14 0 0] "
        f"/CharProcs << {glyph_names} >> /Encoding << /Type /Encoding /Differences [33 "
        f"{' '.join(f'/g{code[letter]}' for letter in letters)}] >> /FirstChar 33 /LastChar {32 + len(letters)} "
        f"/Widths [{' '.join('6' for _ in letters)}] /Resources << >> /ToUnicode 7 0 R >>"
    ).encode()
    mapping = "".join(f"<{code[letter]:02x}> <{ord(letter):04x}>\n" for letter in letters)
    to_unicode = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /F def /CMapType 2 def\n"
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(letters)} beginbfchar\n{mapping}endbfchar\nendcmap end end\n"
    ).encode()
    extra.append(_stream(to_unicode))
    for letter in letters:
        squares = "".join(f"{x} {6 - y} 1 1 re " for x, y in pixels(letter))
        extra.append(_stream(f"6 0 0 0 6 8 d1 {squares}f".encode() if squares else b"6 0 0 0 6 8 d1"))
    shown = "".join(f"<{''.join(f'{code[c]:02x}' for c in line)}> Tj T*\n" for line in lines)
    content = f"BT /F1 10 Tf 16 TL 40 780 Td\n{shown}ET\n".encode()
    return _pdf_file(title, content, [font, *extra])


def pdf_scanned(title, lines):
    """One page that is a picture, as a scanner makes it: black on white at 150 points an inch, and no text."""
    width, height, points = 1240, 1754, 2
    page = [[1] * width for _ in range(height)]
    top = 120
    for line in lines:
        letters = [[0] * (6 * max(len(line), 1)) for _ in range(9)]
        for place, letter in enumerate(line):
            for x, y in pixels(letter) if letter != " " else []:
                letters[y + 1][6 * place + x] = 1
        for dy, row in enumerate(smooth(letters)):
            for dx, ink in enumerate(row):
                for i in range(points if ink else 0):
                    for j in range(points):
                        page[top + points * dy + i][90 + points * dx + j] = 0
        top += 48
    packed = bytearray()
    for row in page:
        bits = "".join(map(str, row))
        packed += bytes(int(bits[at : at + 8], 2) for at in range(0, width, 8))
    data = _run_lengths(bytes(packed))
    image = (
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 1 "
        b"/Filter /RunLengthDecode /Length %d >>\nstream\n%s\nendstream" % (width, height, len(data), data)
    )
    return _pdf_file(title, b"q 595 0 0 842 0 0 cm /I1 Do Q\n", [image], b"/XObject << /I1 6 0 R >>")


def _run_lengths(data):
    """PackBits, as PDF's RunLengthDecode undoes it."""
    out, at = bytearray(), 0
    while at < len(data):
        run = 1
        while run < 128 and data[at + run : at + run + 1] == data[at : at + 1]:
            run += 1
        if run > 1:
            out += bytes([257 - run, data[at]])
            at += run
            continue
        start = at
        while at < len(data) and at - start < 128 and data[at : at + 1] != data[at + 1 : at + 2]:
            at += 1
        out += bytes([at - start - 1]) + data[start:at]
    return bytes(out + b"\x80")


def _stream(data):
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(data), data)


def _pdf_file(title, content, font_and_more, resources=b"/Font << /F1 6 0 R >>"):
    title_hex = "feff" + title.encode("utf-16-be").hex()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << " + resources + b" >> >>",
        _stream(content),
        f"<< /Title <{title_hex}> /Producer (sample maker) /CreationDate (D:20250214093000Z) >>".encode(),
        *font_and_more,
    ]
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


def zip_of(files):
    """A zip of (name, bytes), stored, all of one date."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, (2025, 2, 14, 9, 30, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return out.getvalue()


def docx(title, paragraphs):
    """A word-processing document with the parts that ECMA-376 requires."""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    office = "http://schemas.openxmlformats.org"
    return zip_of(
        [
            (
                "[Content_Types].xml",
                f'{head}<Types xmlns="{office}/package/2006/content-types">'
                '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                '<Default Extension="xml" ContentType="application/xml"/>'
                '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
                'officedocument.wordprocessingml.document.main+xml"/>'
                '<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.'
                'core-properties+xml"/></Types>',
            ),
            (
                "_rels/.rels",
                f'{head}<Relationships xmlns="{office}/package/2006/relationships">'
                f'<Relationship Id="r1" Type="{office}/officeDocument/2006/relationships/officeDocument" '
                'Target="word/document.xml"/>'
                f'<Relationship Id="r2" Type="{office}/package/2006/relationships/metadata/core-properties" '
                'Target="docProps/core.xml"/></Relationships>',
            ),
            (
                "word/document.xml",
                f'{head}<w:document xmlns:w="{office}/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>',
            ),
            (
                "docProps/core.xml",
                f'{head}<cp:coreProperties xmlns:cp="{office}/package/2006/metadata/core-properties" '
                'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
                'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
                f"<dc:title>{title}</dc:title><dc:creator>Invented Author</dc:creator>"
                '<dcterms:created xsi:type="dcterms:W3CDTF">2025-02-14T09:30:00Z</dcterms:created>'
                "</cp:coreProperties>",
            ),
        ]
    )


def email(sender, to, subject, date, number, text, attachments):
    """An e-mail (RFC 5322, MIME) with encoded headers; attachments are (name, type, bytes)."""

    def word(value):
        return f"=?utf-8?B?{base64.b64encode(value.encode()).decode()}?="

    def folded(data):
        encoded = base64.b64encode(data).decode()
        return "\r\n".join(encoded[i : i + 76] for i in range(0, len(encoded), 76))

    boundary = f"=_invented_{number}"
    lines = [
        f"From: {word(sender[0])} <{sender[1]}>",
        f"To: {word(to[0])} <{to[1]}>",
        f"Subject: {word(subject)}",
        f"Date: {date}",
        f"Message-ID: <{number}.invented@example.org>",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        folded(text.encode()),
    ]
    for name, kind, data in attachments:
        lines += [
            f"--{boundary}",
            f"Content-Type: {kind}",
            "Content-Transfer-Encoding: base64",
            f'Content-Disposition: attachment; filename="{word(name)}"',
            "",
            folded(data),
        ]
    lines += [f"--{boundary}--", ""]
    return "\r\n".join(lines).encode("ascii")
