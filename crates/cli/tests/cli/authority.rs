//! A time stamp authority and its responder on the loopback: a few lines of HTTP around `openssl ts -reply` and
//! `openssl ocsp`.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

pub struct Authority {
    folder: TempDir,
    pub url: String,
    /// How many requests are still answered with an error.
    pub failing: Arc<AtomicU32>,
}

impl Authority {
    /// An authority whose certificate ends after `days`.
    pub fn new(days: u32) -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = format!(
            "[ca]\ndefault_ca=ca1\n[ca1]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\ncrlnumber=number\n\
             [req]\ndistinguished_name=dn\n[dn]\n\
             [v3_ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
             [v3_tsa]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n\
             crlDistributionPoints=URI:{url}/ca.crl\nauthorityInfoAccess=OCSP;URI:{url}/ocsp\n\
             [tsa]\ndefault_tsa=t1\n[t1]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\n\
             default_policy=1.2.3.4.1\ndigests=sha256,sha512\naccuracy=secs:1\n"
        );
        let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        put("tsa.cnf", config.as_bytes());
        put("serial", b"01\n");
        put("number", b"01\n");
        put(
            "index.txt",
            b"V\t450101000000Z\t\t07\tunknown\t/O=Tests/CN=Authority\n",
        );
        let days = days.to_string();
        for words in [
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650 -subj /O=Tests/CN=Root -config tsa.cnf -extensions v3_ca",
            "req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /O=Tests/CN=Authority -config tsa.cnf",
            &format!(
                "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -set_serial 7 -out tsa.pem -days {days} -extfile tsa.cnf -extensions v3_tsa"
            ),
            "ca -gencrl -config tsa.cnf -cert ca.pem -keyfile ca.key -out crl.pem",
            "crl -in crl.pem -outform DER -out ca.crl",
        ] {
            openssl(folder.path(), &words.split(' ').collect::<Vec<_>>());
        }
        let failing = Arc::new(AtomicU32::new(0));
        let (place, fails) = (folder.path().to_owned(), failing.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = serve(stream, &place, &fails);
            }
        });
        Authority {
            folder,
            url,
            failing,
        }
    }

    /// A file of it, such as `ca.pem`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn serve(mut stream: TcpStream, folder: &Path, failing: &AtomicU32) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let (status, answer) = if head.starts_with("get") {
        ("200 OK", fs::read(folder.join("ca.crl"))?)
    } else if head.starts_with("post /ocsp") {
        fs::write(folder.join("ask.der"), body)?;
        let words = "ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -reqin ask.der -respout answer.der -ndays 1";
        openssl(folder, &words.split(' ').collect::<Vec<_>>());
        ("200 OK", fs::read(folder.join("answer.der"))?)
    } else if failing
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
        .is_ok()
    {
        ("503 Busy", Vec::new())
    } else {
        fs::write(folder.join("q.tsq"), body)?;
        openssl(
            folder,
            &[
                "ts",
                "-reply",
                "-config",
                "tsa.cnf",
                "-queryfile",
                "q.tsq",
                "-out",
                "r.tsr",
            ],
        );
        ("200 OK", fs::read(folder.join("r.tsr"))?)
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&answer)
}

/// Runs `openssl` in a folder; it must succeed.
pub fn openssl(folder: &Path, words: &[&str]) -> String {
    let ran = Command::new("openssl")
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "openssl {words:?}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8_lossy(&ran.stdout).into_owned()
}
