//! Tokens that `openssl ts` made, good and hostile.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use comity_core::stamp::{
    Certificates, HashKind, StampError, TokenFacts, check_token, ocsp_request, request,
};
use tempfile::TempDir;

const NONCE: &[u8] = &[0x51, 2, 3, 4, 5, 6, 7, 8];
const STAMPED: &[u8] = b"comity.example/log\n5\nroot\n\nsignatures\n";

/// A root, an authority under it, and what `openssl` needs to play both.
struct Played {
    folder: TempDir,
}

/// How an authority differs from a good one.
struct Kind {
    /// Arguments of `-newkey` for root and authority.
    key: &'static [&'static str],
    /// Arguments of the root's signature over the authority's certificate.
    signing: &'static [&'static str],
    /// Extensions of the authority's certificate.
    extensions: &'static str,
    /// Extensions of the root.
    root: &'static str,
    digest: &'static str,
    ess: &'static str,
    days: &'static str,
}

const GOOD: Kind = Kind {
    key: &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    signing: &["-sha256"],
    extensions: "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature",
    root: "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign",
    digest: "sha256",
    ess: "sha256",
    days: "365",
};

impl Played {
    fn new(kind: &Kind) -> Played {
        let folder = tempfile::tempdir().unwrap();
        let played = Played { folder };
        let config = format!(
            "[ca]\ndefault_ca=ca1\n[ca1]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\ncrlnumber=crlnumber\n\
             new_certs_dir=.\nrand_serial=yes\npolicy=any\npreserve=yes\n[any]\nO=supplied\nCN=supplied\n\
             [req]\ndistinguished_name=dn\n[dn]\n[v3_ca]\n{}\n[v3_tsa]\n{}\n\
             [v3_plain]\nextendedKeyUsage=critical,timeStamping\n\
             [tsa]\ndefault_tsa=t1\n[t1]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\n\
             signer_digest={}\ndefault_policy=1.2.3.4.1\ndigests=sha1,sha256,sha384,sha512\naccuracy=secs:1,millisecs:500\n\
             ess_cert_id_alg={}\n",
            kind.root, kind.extensions, kind.digest, kind.ess
        );
        played.write("tsa.cnf", config.as_bytes());
        played.write("serial", b"01\n");
        played.write("crlnumber", b"01\n");
        played.write("index.txt", b"");
        let root = [
            "req",
            "-x509",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "3650",
            "-subj",
            "/O=Tests/CN=Root",
            "-config",
            "tsa.cnf",
            "-extensions",
            "v3_ca",
            "-newkey",
        ];
        played.openssl(&[&root, kind.key].concat());
        let asked = [
            "req",
            "-nodes",
            "-keyout",
            "tsa.key",
            "-out",
            "tsa.csr",
            "-subj",
            "/O=Tests/CN=Authority",
            "-config",
            "tsa.cnf",
            "-newkey",
        ];
        played.openssl(&[&asked, kind.key].concat());
        let issued = [
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-set_serial",
            "4711",
            "-out",
            "tsa.pem",
            "-days",
            kind.days,
            "-extfile",
            "tsa.cnf",
            "-extensions",
            "v3_tsa",
        ];
        played.openssl(&[&issued, kind.signing].concat());
        played
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn openssl(&self, words: &[&str]) {
        let ran = Command::new("openssl")
            .args(words)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "openssl {words:?}: {said}");
    }

    fn answer(&self, request: &[u8]) -> Vec<u8> {
        self.write("q.tsq", request);
        // Whatever is wrong with a certificate, an authority that means harm would sign all the same.
        self.openssl(&[
            "ts",
            "-reply",
            "-config",
            "tsa.cnf",
            "-queryfile",
            "q.tsq",
            "-out",
            "r.tsr",
        ]);
        self.read("r.tsr")
    }

    fn stamp(&self, hash: HashKind) -> Vec<u8> {
        self.answer(&request(hash, &hash.digest(&[STAMPED]), NONCE).unwrap())
    }

    fn trusted(&self) -> Certificates {
        Certificates::parse_pem(&self.read("ca.pem")).unwrap()
    }

    fn check(&self, response: &[u8]) -> Result<TokenFacts, Vec<StampError>> {
        check_token(response, &[STAMPED], &self.trusted(), None, Some(NONCE))
    }
}

fn words(result: Result<TokenFacts, Vec<StampError>>) -> String {
    let errors = result.expect_err("it was taken");
    let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
    all.join("; ")
}

#[test]
fn tokens_of_every_algorithm_hold() {
    let p384: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
    let p521: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"];
    let pss: &[&str] = &[
        "-sha256",
        "-sigopt",
        "rsa_padding_mode:pss",
        "-sigopt",
        "rsa_pss_saltlen:-1",
    ];
    for kind in [
        GOOD,
        Kind {
            ess: "sha512",
            digest: "sha512",
            ..GOOD
        },
        Kind {
            ess: "sha1",
            ..GOOD
        },
        Kind {
            key: p384,
            signing: &["-sha384"],
            digest: "sha384",
            ..GOOD
        },
        Kind {
            key: p521,
            signing: &["-sha512"],
            digest: "sha512",
            ..GOOD
        },
        Kind { key: p521, ..GOOD },
        Kind {
            key: &["rsa:2048"],
            signing: &["-sha512"],
            digest: "sha512",
            ..GOOD
        },
        Kind {
            key: &["rsa:2048"],
            signing: pss,
            ..GOOD
        },
    ] {
        let played = Played::new(&kind);
        for hash in [HashKind::Sha256, HashKind::Sha512] {
            let response = played.stamp(hash);
            let facts = played.check(&response).unwrap();
            assert_eq!(facts.hash, hash);
            assert_eq!(facts.authority, "CN=Authority,O=Tests");
            assert_eq!(facts.root, "CN=Root,O=Tests");
            assert_eq!(facts.latest_secs, facts.time_secs + 2, "1.5 s, rounded up");
            assert_eq!(facts.chain.len(), 2);
            // In parts or in one piece, the bytes are the same.
            let (a, b) = STAMPED.split_at(7);
            check_token(&response, &[a, b], &played.trusted(), None, Some(NONCE)).unwrap();
        }
    }
}

#[test]
fn what_was_not_stamped_or_not_asked_is_named() {
    let played = Played::new(&GOOD);
    let response = played.stamp(HashKind::Sha256);
    let trusted = played.trusted();
    let other = check_token(&response, &[b"other"], &trusted, None, Some(NONCE));
    assert_eq!(other, Err(vec![StampError::OtherImprint]));
    let other = check_token(&response, &[STAMPED], &trusted, None, Some(&[9]));
    assert_eq!(other, Err(vec![StampError::OtherNonce]));
    let both = check_token(&response, &[b"other"], &trusted, None, Some(&[9]));
    assert_eq!(
        both,
        Err(vec![StampError::OtherImprint, StampError::OtherNonce])
    );
    // A refusal is told in the authority's words.
    let refused = played.answer(b"0");
    assert!(words(played.check(&refused)).contains("refused the request: status 2"));
}

#[test]
fn another_signer_is_named() {
    let (played, stranger) = (Played::new(&GOOD), Played::new(&GOOD));
    let response = stranger.stamp(HashKind::Sha256);
    let said = words(played.check(&response));
    // The stranger's root has the name of the trusted one, and another key.
    assert!(
        said.contains("no chain leads from the certificate of CN=Authority"),
        "{said}"
    );
}

#[test]
fn certificates_that_may_not_stamp_are_named() {
    let cases: [(Kind, &str); 6] = [
        (
            Kind {
                extensions: "extendedKeyUsage=critical,timeStamping,clientAuth",
                ..GOOD
            },
            "is not for time stamping alone",
        ),
        (
            Kind {
                extensions: "extendedKeyUsage=timeStamping",
                ..GOOD
            },
            "does not call its extended key usage critical",
        ),
        (
            Kind {
                extensions: "keyUsage=critical,digitalSignature",
                ..GOOD
            },
            "it has no extended key usage",
        ),
        (
            Kind {
                extensions: "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature,keyEncipherment",
                ..GOOD
            },
            "has a key usage other than signing",
        ),
        (
            Kind {
                extensions: "extendedKeyUsage=critical,timeStamping\nnameConstraints=critical,permitted;DNS:example.org",
                ..GOOD
            },
            "has a critical extension that is not understood here",
        ),
        (
            Kind {
                root: "basicConstraints=critical,CA:FALSE",
                ..GOOD
            },
            "is not that of a CA",
        ),
    ];
    for (kind, expected) in cases {
        let played = Played::new(&kind);
        // `openssl ts -reply` itself refuses such certificates: it stamps with a good one of the same key, and the
        // certificate that is checked takes its place among those given.
        let bad = played.read("tsa.pem");
        let good = [
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-set_serial",
            "4711",
            "-out",
            "tsa.pem",
            "-extfile",
            "tsa.cnf",
            "-extensions",
            "v3_plain",
        ];
        played.openssl(&good);
        let root_is_bad = expected.contains("CA");
        if root_is_bad {
            let said = words(played.check(&played.stamp(HashKind::Sha256)));
            assert!(said.contains(expected), "{said}");
            continue;
        }
        let response = without_certificates(&played);
        let pem = [played.read("ca.pem"), bad].concat();
        let trusted = Certificates::parse_pem(&pem).unwrap();
        let said = words(check_token(
            &response,
            &[STAMPED],
            &trusted,
            None,
            Some(NONCE),
        ));
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(
            said.contains("name another certificate than the signer's"),
            "{said}"
        );
    }
}

/// A token that carries no certificates, so that those given are looked at.
fn without_certificates(played: &Played) -> Vec<u8> {
    let hash = HashKind::Sha256;
    let mut asked = request(hash, &hash.digest(&[STAMPED]), NONCE).unwrap();
    // The last field is certReq; a request without it is three bytes shorter.
    asked.truncate(asked.len() - 3);
    asked[1] -= 3;
    played.answer(&asked)
}

#[test]
fn expired_and_revoked_certificates_are_named() {
    let played = Played::new(&GOOD);
    let response = played.stamp(HashKind::Sha256);
    let facts = played.check(&response).unwrap();
    // Not expired at its time, whatever the time is now: only the token's own time counts.
    assert!(facts.valid_secs.0 <= facts.time_secs && facts.time_secs <= facts.valid_secs.1);
    // The root that ends before the token: the same key, another certificate.
    played.openssl(&[
        "req",
        "-new",
        "-key",
        "ca.key",
        "-out",
        "ca.csr",
        "-subj",
        "/O=Tests/CN=Root",
        "-config",
        "tsa.cnf",
    ]);
    let old = [
        "ca",
        "-selfsign",
        "-batch",
        "-notext",
        "-in",
        "ca.csr",
        "-keyfile",
        "ca.key",
        "-out",
        "old.pem",
        "-startdate",
        "20200101000000Z",
        "-enddate",
        "20210101000000Z",
        "-extensions",
        "v3_ca",
        "-config",
        "tsa.cnf",
    ];
    played.openssl(&old);
    let trusted = Certificates::parse_pem(&played.read("old.pem")).unwrap();
    let bare = without_certificates(&played);
    let both = Certificates::parse_pem(&[played.read("old.pem"), played.read("tsa.pem")].concat())
        .unwrap();
    for (response, trusted) in [(&response, &trusted), (&bare, &both)] {
        let said = words(check_token(
            response,
            &[STAMPED],
            trusted,
            None,
            Some(NONCE),
        ));
        assert!(
            said.contains("CN=Root,O=Tests had ended before the time of the token"),
            "{said}"
        );
    }

    let list = |played: &Played| {
        played.openssl(&[
            "ca", "-gencrl", "-config", "tsa.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-out",
            "crl.pem",
        ]);
        played.read("crl.pem")
    };
    let clean = list(&played);
    let check = |lists: &[u8]| {
        check_token(
            &response,
            &[STAMPED],
            &played.trusted(),
            Some(lists),
            Some(NONCE),
        )
    };
    check(&clean).unwrap();
    // 4711 is 1267 in hex, the form of the database.
    played.write(
        "index.txt",
        b"R\t350101000000Z\t200101000000Z\t1267\tunknown\t/O=Tests/CN=Authority\n",
    );
    let revoked = list(&played);
    assert_eq!(
        check(&revoked),
        Err(vec![StampError::Revoked {
            subject: "CN=Authority,O=Tests".to_owned()
        }])
    );
    // Revoked after the time of the token: it was good then.
    played.write(
        "index.txt",
        b"R\t450101000000Z\t400101000000Z\t1267\tunknown\t/O=Tests/CN=Authority\n",
    );
    check(&list(&played)).unwrap();
    // An altered list, one that no one signed, and none at all.
    let text = String::from_utf8(revoked).unwrap();
    let at = text.len() / 2;
    let mut altered = text.into_bytes();
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    assert!(check(&altered).is_err());
    assert!(words(check(b"nothing")).contains("neither a list nor an answer is in it"));
    let other = Played::new(&GOOD);
    let said = words(check(&list(&other)));
    assert!(said.contains("is not signed by its issuer"), "{said}");
}

/// An answer of the responder of the root, as `openssl ocsp` gives it to our request, in PEM.
fn answer(played: &Played, index: &[u8], signer: &str) -> Vec<u8> {
    played.write("index.txt", index);
    let chain = played.check(&played.stamp(HashKind::Sha256)).unwrap().chain;
    let (request, urls) = ocsp_request(&chain[0], &chain[1]).unwrap();
    assert_eq!(urls, ["http://127.0.0.1/ocsp"]);
    played.write("ask.der", &request);
    let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
    let words = [
        "ocsp",
        "-index",
        "index.txt",
        "-CA",
        "ca.pem",
        "-rsigner",
        &certificate,
        "-rkey",
        &key,
        "-reqin",
        "ask.der",
        "-respout",
        "answer.der",
        "-ndays",
        "1",
    ];
    played.openssl(&words);
    block(&played.read("answer.der"))
}

fn block(answer: &[u8]) -> Vec<u8> {
    let mut text = "-----BEGIN OCSP RESPONSE-----\n".to_owned();
    for line in BASE64.encode(answer).as_bytes().chunks(64) {
        text += &format!("{}\n", String::from_utf8_lossy(line));
    }
    (text + "-----END OCSP RESPONSE-----\n").into_bytes()
}

/// The root's certificate in DER.
fn certificate_of(played: &Played) -> Vec<u8> {
    played.openssl(&["x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der"]);
    played.read("ca.der")
}

#[test]
fn answers_of_a_responder_hold_or_are_named() {
    const GOOD_INDEX: &[u8] = b"V\t450101000000Z\t\t1267\tunknown\t/O=Tests/CN=Authority\n";
    let kind = Kind {
        extensions: "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n\
                     authorityInfoAccess=OCSP;URI:http://127.0.0.1/ocsp",
        ..GOOD
    };
    let played = Played::new(&kind);
    let response = played.stamp(HashKind::Sha256);
    let check = |answer: &[u8]| {
        let trusted = played.trusted();
        let checked = check_token(&response, &[STAMPED], &trusted, Some(answer), Some(NONCE));
        match checked.is_ok() {
            true => String::new(),
            false => words(checked),
        }
    };
    let good = answer(&played, GOOD_INDEX, "ca");
    assert_eq!(check(&good), "");
    // Whom the issuer names for it may answer, and nobody else.
    for (name, usage, fine) in [
        ("responder", "OCSPSigning", true),
        ("other", "clientAuth", false),
    ] {
        played.write("usage", format!("extendedKeyUsage={usage}\n").as_bytes());
        let key = format!("{name}.key");
        let asked = [
            "req",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            "o.csr",
            "-subj",
            "/CN=Responder",
            "-config",
            "tsa.cnf",
            "-newkey",
        ];
        played.openssl(&[&asked[..], kind.key].concat());
        let made = format!("{name}.pem");
        played.openssl(&[
            "x509",
            "-req",
            "-in",
            "o.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-set_serial",
            "9",
            "-out",
            &made,
            "-days",
            "30",
            "-extfile",
            "usage",
        ]);
        let said = check(&answer(&played, GOOD_INDEX, name));
        assert_eq!(said.is_empty(), fine, "{name}: {said}");
        assert!(fine || said.contains("neither by the issuer nor"), "{said}");
    }
    let revoked = |when: &str| {
        let index = format!("R\t450101000000Z\t{when}\t1267\tunknown\t/O=Tests/CN=Authority\n");
        check(&answer(&played, index.as_bytes(), "ca"))
    };
    assert!(revoked("200101000000Z").contains("was revoked before the time of the token"));
    assert!(revoked("200101000000Z,keyCompromise").contains("was revoked before"));
    assert_eq!(
        revoked("400101000000Z"),
        "",
        "revoked after the time of the token"
    );
    assert!(check(&answer(&played, b"", "ca")).contains("not known to the responder"));
    // Another issuer's answer is about others; an altered one is named.
    let other = Played::new(&kind);
    let said = check(&answer(&other, GOOD_INDEX, "ca"));
    assert!(said.contains("about no certificate of the chain"), "{said}");
    answer(&played, GOOD_INDEX, "ca");
    let der = played.read("answer.der");
    // Up to the certificates that the responder sent along, which its issuer's own key does not need.
    let end = find(&der, &certificate_of(&played));
    for at in (0..end).step_by(7) {
        let mut altered = der.clone();
        altered[at] ^= 1;
        assert_ne!(check(&block(&altered)), "", "byte {at}");
    }
}

#[test]
fn every_flipped_byte_and_every_cut_is_found() {
    let played = Played::new(&GOOD);
    let response = played.stamp(HashKind::Sha256);
    played.check(&response).unwrap();
    let mut taken = Vec::new();
    for at in 0..response.len() {
        let mut altered = response.clone();
        altered[at] ^= 1;
        if played.check(&altered).is_ok() {
            taken.push(at);
        }
        assert!(played.check(&response[..at]).is_err(), "cut at {at}");
    }
    let place = |what: &[u8]| find(&response, what);
    // No signature covers what precedes the content (status, versions, the list of digest algorithms).
    let content = place(b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04");
    taken.retain(|at| *at >= content);
    assert_eq!(taken, [] as [usize; 0], "of {}", response.len());
    let mut longer = response.clone();
    longer.push(0);
    assert!(played.check(&longer).is_err());
}

fn find(within: &[u8], what: &[u8]) -> usize {
    within
        .windows(what.len())
        .position(|window| window == what)
        .unwrap()
}

#[test]
fn files_of_certificates() {
    let played = Played::new(&GOOD);
    let read = |name: &str| Certificates::parse_pem(&played.read(name)).map(drop);
    read("ca.pem").unwrap();
    let said = read("tsa.pem").unwrap_err().to_string();
    assert!(said.contains("no root is in it"), "{said}");
    assert!(read("tsa.key").is_err());
    assert!(Certificates::parse_pem(b"").is_err());
}
