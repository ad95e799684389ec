//! Files within signatures, and certificates.

/// A value of ASN.1.
pub fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = (body.len() as u32).to_be_bytes();
    [&[tag, 0x84][..], &length, &body].concat()
}

/// The same with its end left open.
fn open(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[tag, 0x80][..], &parts.concat(), &[0, 0]].concat()
}

const PKCS7: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7];

fn name_of(last: &[u8]) -> Vec<u8> {
    let name = [&PKCS7[..7], last].concat();
    [&[6, name.len() as u8][..], &name].concat()
}

/// A signed file in the form that mail programs write: open ends, and the content in pieces.
pub fn signed(content: &[u8]) -> Vec<u8> {
    let (one, two) = content.split_at(content.len() / 2);
    let pieces = open(0x24, &[&value(4, &[one]), &value(4, &[two])]);
    let inner = open(0x30, &[&name_of(&[7, 1]), &open(0xa0, &[&pieces])]);
    let signer = value(
        0x30,
        &[
            &value(2, &[&[1]]),
            &value(0x30, &[b"\x30\0", b"\x02\x01\x07"]),
        ],
    );
    let parts = [
        value(2, &[&[1]]),
        value(0x31, &[]),
        inner,
        value(0x31, &[&signer]),
    ];
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    // The name of the kind has a short length, as it always has.
    open(
        0x30,
        &[&name_of(&[7, 2]), &open(0xa0, &[&open(0x30, &parts)])],
    )
}

/// A file with a time stamp (RFC 5544), which is itself a signed statement of a time.
pub fn stamped(content: &[u8]) -> Vec<u8> {
    let time = value(0x30, &[&[0x18, 15], b"20250214061000Z"]);
    let said = open(
        0x30,
        &[
            &name_of(&[9, 16, 1, 4]),
            &open(0xa0, &[&value(4, &[&time])]),
        ],
    );
    let parts = [value(2, &[&[3]]), value(0x31, &[]), said, value(0x31, &[])];
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let token = open(
        0x30,
        &[&name_of(&[7, 2]), &open(0xa0, &[&value(0x30, &parts)])],
    );
    let evidence = open(0xa0, &[&value(0x30, &[&token])]);
    let body = value(
        0x30,
        &[&value(2, &[&[1]]), &value(4, &[content]), &evidence],
    );
    open(0x30, &[&name_of(&[9, 16, 1, 31]), &open(0xa0, &[&body])])
}

/// A value of ASN.1 with the shortest length.
pub fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = match body.len() {
        0..0x80 => vec![body.len() as u8],
        0x80..0x100 => vec![0x81, body.len() as u8],
        _ => [&[0x82][..], &(body.len() as u16).to_be_bytes()].concat(),
    };
    [&[tag][..], &length, &body].concat()
}

/// A certificate of ten years for a key of P-256, signed by nobody; perhaps for a domain.
pub fn certificate(point: &[u8], name: &str, domain: Option<&str>) -> Vec<u8> {
    let curve = der(
        0x30,
        &[
            b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01",
            b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
        ],
    );
    certificate_of(&der(0x30, &[&curve, &bits(point)]), name, domain)
}

/// A string of bits that are whole bytes.
pub fn bits(bytes: &[u8]) -> Vec<u8> {
    der(3, &[&[0], bytes])
}

/// The same for a key of any kind, as a certificate says it.
pub fn certificate_of(key: &[u8], name: &str, domain: Option<&str>) -> Vec<u8> {
    let name = der(
        0x30,
        &[&der(
            0x31,
            &[&der(
                0x30,
                &[b"\x06\x03\x55\x04\x03", &der(0x0c, &[name.as_bytes()])],
            )],
        )],
    );
    let algorithm = der(0x30, &[b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"]);
    let times = der(0x30, &[b"\x17\x0d250101000000Z", b"\x17\x0d350101000000Z"]);
    let names = domain.map_or_else(Vec::new, |domain| {
        let list = der(0x30, &[&der(0x82, &[domain.as_bytes()])]);
        let extension = der(0x30, &[b"\x06\x03\x55\x1d\x11", &der(4, &[&list])]);
        der(0xa3, &[&der(0x30, &[&extension])])
    });
    let body = der(
        0x30,
        &[
            b"\xa0\x03\x02\x01\x02",
            b"\x02\x01\x01",
            &algorithm,
            &name,
            &times,
            &name,
            key,
            &names,
        ],
    );
    der(0x30, &[&body, &algorithm, &der(3, &[&[0, 1]])])
}
