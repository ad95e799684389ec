"""A time stamp authority on the loopback: HTTP around `openssl ts -reply`. No judge; `run.py` uses it.

As a program (`authority.py FOLDER ORGANISATION`) it prints its URL and serves until it is ended: `scripts/demo`.
"""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

CONFIG = """
[ca]
default_ca=ca1
[ca1]
database=index.txt
default_md=sha256
default_crl_days=30
crlnumber=number
[req]
distinguished_name=dn
[dn]
[v3_ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[v3_tsa]
extendedKeyUsage=critical,timeStamping
keyUsage=critical,digitalSignature
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
crlDistributionPoints=URI:{url}/ca.crl
[tsa]
default_tsa=t1
[t1]
serial=serial
signer_cert=tsa.pem
signer_key=tsa.key
signer_digest=sha256
default_policy=1.2.3.4.1
digests=sha256,sha512
accuracy=secs:1
"""


class Authority:
    """A root and an authority under it, made in `folder`, and served until the process ends."""

    def __init__(self, folder, organisation="Judges"):
        self.folder = Path(folder)
        self.folder.mkdir()
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, data):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                self.answer((authority.folder / "ca.crl").read_bytes())

            def do_POST(self):
                request = self.rfile.read(int(self.headers["Content-Length"]))
                (authority.folder / "q.tsq").write_bytes(request)
                authority.openssl("ts -reply -config tsa.cnf -queryfile q.tsq -out r.tsr")
                self.answer((authority.folder / "r.tsr").read_bytes())

            def log_message(self, *words):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        (self.folder / "tsa.cnf").write_text(CONFIG.format(url=self.url))
        for name, content in (("serial", "01\n"), ("number", "01\n"), ("index.txt", "")):
            (self.folder / name).write_text(content)
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config tsa.cnf"
        self.openssl(f"req -x509 {key} -keyout ca.key -out ca.pem -days 3650 "
                     f"-subj /O={organisation}/CN=Root -extensions v3_ca")
        self.openssl(f"req {key} -keyout tsa.key -out tsa.csr -subj /O={organisation}/CN=Authority")
        self.openssl("x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -set_serial 7 -out tsa.pem -days 365 "
                     "-extfile tsa.cnf -extensions v3_tsa")
        self.openssl("ca -gencrl -config tsa.cnf -cert ca.pem -keyfile ca.key -out crl.pem")
        self.openssl("crl -in crl.pem -outform DER -out ca.crl")
        self.certificates = self.folder / "ca.pem"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def openssl(self, words):
        subprocess.run(["openssl", *words.split()], cwd=self.folder, check=True, capture_output=True)


if __name__ == "__main__":
    print(Authority(sys.argv[1], sys.argv[2]).url, flush=True)
    threading.Event().wait()
