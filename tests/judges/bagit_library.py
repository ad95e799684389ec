"""The Library of Congress's `bagit` validates the packages that we make, and notices when one is damaged."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import bagit
from report import attempt, check, done, refused

world = json.loads(Path(sys.argv[1]).read_text())
package = Path(world["package"])
scratch = Path(world["scratch"]) / "bagit"

bag = attempt("bagit opens the package", lambda: bagit.Bag(str(package)))
if bag:
    attempt("bagit validates the package", bag.validate)
    check("it is a bag of version 1.0 with sha256 alone", (bag.version, bag.algorithms) == ("1.0", ["sha256"]), bag.algorithms)
    payload = [path for path in package.glob("data/**/*") if path.is_file()]
    check("bagit sees every payload file", len(list(bag.payload_files())) == len(payload))

with zipfile.ZipFile(world["package_zip"]) as archive:
    archive.extractall(scratch / "zip")
attempt("bagit validates the zipped package", bagit.Bag(str(scratch / "zip" / "package")).validate)

shutil.copytree(package, scratch / "damaged")
victim = sorted((scratch / "damaged" / "data").iterdir())[0]
victim.write_bytes(victim.read_bytes() + b"!")
refused("bagit refuses the package after one byte more", bagit.Bag(str(scratch / "damaged")).validate)
done()
