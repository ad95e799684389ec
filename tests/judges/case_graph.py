"""The CASE community's validator accepts the provenance graph of a package; its warnings count as errors."""

import json
import subprocess
import sys
from pathlib import Path

from report import check, done

world = json.loads(Path(sys.argv[1]).read_text())
graph = Path(world["few"]) / "comity/case.jsonld"
validator = Path(sys.executable).with_name("case_validate")


def judge(path):
    return subprocess.run([validator, path], capture_output=True, text=True)


ran = judge(graph)
check("case_validate accepts comity/case.jsonld", ran.returncode == 0 and "Conforms: True" in ran.stdout, ran.stdout[:2000] + ran.stderr[:2000])

text = graph.read_text(encoding="utf-8")
exhibits = len((Path(world["few"]) / "comity/items.jsonl").read_text(encoding="utf-8").splitlines())
records = text.count("ProvenanceRecord\"")
check("every exhibit has a provenance record", records >= exhibits, f"{records} records for {exhibits} exhibits")

wrong = Path(world["scratch"]) / "wrong.jsonld"
wrong.write_text(text.replace("exhibitNumber", "exhibitNumbre"), encoding="utf-8")
check("case_validate refuses a misspelt property", judge(wrong).returncode != 0)
done()
