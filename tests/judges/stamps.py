"""Time stamps, judged by `openssl ts -verify` and by rfc3161-client (of the people of Sigstore), by docs/format/stamp.md."""

import json
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from report import attempt, check, done, refused
from rfc3161_client import VerifierBuilder, decode_timestamp_response

world = json.loads(Path(sys.argv[1]).read_text())
scratch = Path(world["scratch"])


def openssl(folder, *words):
    ran = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def judged(folder):
    stamped = (folder / "checkpoint").read_bytes()
    for n in range(len(list(folder.glob("*.tsr")))):
        data = scratch / "stamped"
        data.write_bytes(stamped)
        name = f"{n:03}"
        words = ("ts", "-verify", "-data", data, "-in", f"{name}.tsr", "-CAfile", f"{name}.pem", "-untrusted", f"{name}.pem")
        attempt(f"openssl verifies token {n} of {folder.name}", lambda: openssl(folder, *words))
        response = decode_timestamp_response((folder / f"{name}.tsr").read_bytes())
        certificates = x509.load_pem_x509_certificates((folder / f"{name}.pem").read_bytes())
        builder = VerifierBuilder()
        for root in (one for one in certificates if one.subject == one.issuer):
            builder = builder.add_root_certificate(root)
        verifier = builder.build()
        attempt(f"rfc3161-client verifies token {n}", lambda: verifier.verify_message(response, stamped))
        refused(f"rfc3161-client refuses token {n} over other bytes", lambda: verifier.verify_message(response, stamped + b"x"))
        about = json.loads((folder / f"{name}.json").read_text())
        check(f"the nonce of token {n} is the recorded one", response.tst_info.nonce == int(about["nonce"], 16))
        for ending in ("tsr", "pem", "crl"):
            if (folder / f"{name}.{ending}").exists():
                stamped += (folder / f"{name}.{ending}").read_bytes()
    lists = folder / "000.crl"
    check("the revocation list is kept", lists.exists())
    attempt("openssl reads the revocation list", lambda: openssl(folder, "crl", "-in", lists, "-CAfile", "000.pem", "-noout"))


kept = [path.parent for path in Path(world["centre"], "ledger/stamp").glob("*/*/000.tsr")]
check("a stamp is kept", len(kept) == 1)
for folder in kept:
    judged(folder)
judged(Path(world["package"], "comity/stamps/judged"))

said = subprocess.run(
    [Path(world["programs"]) / "comity-verify", world["package"], "--authorities", world["authority"], "--json"],
    capture_output=True, text=True,
)
stamp = json.loads(said.stdout)["stamps"][0]
check("comity-verify counts it under the root that was given", stamp["trusted"] is True and said.returncode == 0, said.stdout)
check("and names the authority", stamp["according_to"] == "CN=Authority,O=Judges", stamp)
text = openssl(Path(world["package"], "comity/stamps/judged"), "ts", "-reply", "-in", "000.tsr", "-text")
shown = next(line for line in text.splitlines() if line.startswith("Time stamp: "))
# `Time stamp: Nov 24 10:41:07 2026 GMT`, and one second of accuracy.
clock = shown.split()[4]
seconds = (int(clock[6:]) + 1) % 60
check("at the time that openssl shows", stamp["existed_before"][17:19] == f"{seconds:02}", f"{shown}: {stamp}")
done()
