"""The rules of the house that no compiler knows, held over `cargo metadata` and the files of the repository.

Which crate may depend on which; what `comity-verify` is built of; licences; unused dependencies; that
docs/dependencies.md, ARCHITECTURE.md and every link in the documents are true; that the tests which
docs/threat-model.md names exist; sizes of files. All findings are printed, one a line; the exit code is 1 when there
is any.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLATFORM = "x86_64-unknown-linux-gnu"

# A crate may use these of ours, and no others. Tests may also use `rig`, and what DEV_ONLY names.
MAY_USE = {
    "core": set(),
    "seal": set(),
    "store": set(),
    "rig": set(),
    "words": set(),
    "search": {"words"},
    "lists": {"words"},
    "index": {"core", "seal", "store", "words", "search"},
    "rules": {"core"},
    "vault": {"core", "seal", "store"},
    "ledger": {"core", "seal", "store"},
    "keyring": {"core", "seal", "store"},
    "witness": {"core", "store"},
    "extract": {"core"},
    "worker": {"extract"},
    "app": {"core", "seal", "store", "rules", "search", "index", "lists", "vault", "ledger", "keyring", "witness", "extract"},
    "cli": {"app", "core", "lists", "witness", "extract"},
    "verify": {"core"},
}
NEVER_FOR_TESTS = {"rig"}

# Dependencies that no source line names, with the reason.
NAMED_NOWHERE = {
    "libsqlite3-sys": "its feature makes the SQLite that sqlx uses SQLCipher",
}

findings = []


def finding(place, what):
    findings.append(f"{place}: {what}")


def cargo(*words):
    ran = subprocess.run(["cargo", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if ran.returncode:
        sys.exit(f"house: `cargo {' '.join(words)}` failed")
    return ran.stdout


def licence_allowed(expression, allowed):
    """Evaluates an SPDX expression; the old `A/B` form means OR."""
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    place = 0

    def alternatives():
        nonlocal place
        fine = together()
        while place < len(words) and words[place] == "OR":
            place += 1
            fine = together() or fine
        return fine

    def together():
        nonlocal place
        fine = one()
        while place < len(words) and words[place] == "AND":
            place += 1
            fine = one() and fine
        return fine

    def one():
        nonlocal place
        word = words[place]
        place += 1
        if word == "(":
            fine = alternatives()
            place += 1
            return fine
        if place < len(words) and words[place] == "WITH":
            word = f"{word} WITH {words[place + 1]}"
            place += 2
        return word in allowed

    return alternatives()


def room(package):
    """The folder under crates/: `comity` itself lives in `cli`."""
    return Path(package["manifest_path"]).parent.name


def check_directions(ours):
    for package in ours:
        name = room(package)
        if name not in MAY_USE:
            finding(package["name"], "is not in the table of directions in tests/house.py")
            continue
        for dependency in package["dependencies"]:
            used = dependency["name"]
            if not used.startswith("comity-"):
                continue
            used = used.removeprefix("comity-")
            allowed = MAY_USE[name] | (NEVER_FOR_TESTS if dependency["kind"] == "dev" else set())
            if used not in allowed:
                finding(package["name"], f"may not depend on comity-{used}")


def check_licences(packages, allowed):
    for package in packages:
        if package["source"] is None:
            continue
        expression = package["license"] or "no licence named"
        if not licence_allowed(expression, allowed):
            finding(f"{package['name']} {package['version']}", f"licence not allowed: {expression}")


def sources_of(package, kinds):
    folder = Path(package["manifest_path"]).parent
    text = []
    for kind in kinds:
        for path in sorted((folder / kind).rglob("*.rs")):
            text.append(path.read_text(encoding="utf-8"))
    if (folder / "build.rs").exists():
        text.append((folder / "build.rs").read_text(encoding="utf-8"))
    return "\n".join(text)


def check_unused(ours, library_names):
    for package in ours:
        for dependency in package["dependencies"]:
            name = dependency["name"]
            if name in NAMED_NOWHERE:
                continue
            kinds = ["src", "tests", "benches", "examples"] if dependency["kind"] == "dev" else ["src"]
            called = dependency["rename"] or library_names.get(name, name)
            if not re.search(rf"\b{re.escape(called.replace('-', '_'))}\b", sources_of(package, kinds)):
                finding(package["name"], f"dependency {name} ({dependency['kind'] or 'normal'}) is not used")


def table_rows(text, heading):
    """Rows of the first table under a heading, as lists of cells."""
    section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.M | re.S)
    if section is None:
        finding("docs/dependencies.md", f"lacks the chapter '{heading}'")
        return []
    rows = [line for line in section[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def check_dependency_page(ours, licences):
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    named = {}
    for row in table_rows(text, "What we depend on"):
        name = row[0].strip("`")
        if name in named:
            finding("docs/dependencies.md", f"names {name} twice")
        named[name] = row
    direct = {d["name"] for p in ours for d in p["dependencies"] if not d["name"].startswith("comity-")}
    for name in sorted(direct - set(named)):
        finding("docs/dependencies.md", f"does not say what {name} ({licences.get(name)}) is for")
    for name in sorted(set(named) - direct):
        finding("docs/dependencies.md", f"names {name}, which nothing depends on")
    for name in sorted(direct & set(named)):
        if len(named[name]) != 3 or not named[name][1]:
            finding("docs/dependencies.md", f"{name}: a row is name, what for, licence")
        elif named[name][2] != licences.get(name):
            finding("docs/dependencies.md", f"{name}: licence is {licences.get(name)}")

    allowed = {row[0].strip("`") for row in table_rows(text, "What `comity-verify` is built of")}
    tree = cargo(
        "tree", "--locked", "--package", "comity-verify", "--edges", "normal",
        "--prefix", "none", "--target", PLATFORM,
    )
    built_of = {line.split()[0] for line in tree.splitlines() if line.strip()} - {"comity-verify"}
    for name in sorted(built_of - allowed):
        finding("comity-verify", f"is built of {name}, which docs/dependencies.md does not allow")
    for name in sorted(allowed - built_of):
        finding("docs/dependencies.md", f"allows {name} in comity-verify, which is not built of it")


def check_architecture(ours):
    path = ROOT / "ARCHITECTURE.md"
    text = path.read_text(encoding="utf-8")
    count = len(re.findall(r"\S+", text))
    if count > 2500:
        finding("ARCHITECTURE.md", f"has {count} words; 2,500 at most")
    crates = {package["name"] for package in ours}
    for package in ours:
        if f"`crates/{room(package)}" not in text:
            finding("ARCHITECTURE.md", f"does not name crates/{room(package)}")
    for word in set(re.findall(r"`([^`\s]+)`", text)):
        if re.fullmatch(r"comity-[a-z]+", word):
            if word not in crates:
                finding("ARCHITECTURE.md", f"names {word}, which is no crate")
        elif re.match(r"(crates|docs|tests|testdata|scripts|bench|\.ci)/", word):
            if not list(ROOT.glob(word.rstrip("/"))):
                finding("ARCHITECTURE.md", f"names {word}, which does not exist")


def anchors(text):
    for heading in re.findall(r"^#+ (.+)$", text, re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def check_links():
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    for path in sorted(documents):
        text = path.read_text(encoding="utf-8")
        place = path.relative_to(ROOT)
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            aim = (path.parent / name).resolve() if name else path
            if not aim.exists():
                finding(place, f"links to {target}, which does not exist")
            elif anchor and aim.suffix == ".md" and anchor not in anchors(aim.read_text(encoding="utf-8")):
                finding(place, f"links to {target}: no such heading")


def check_threats():
    """Each test that docs/threat-model.md names exists, and each line names one or says that there is none."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("crates/**/*.rs"))
    functions = set(re.findall(r"\bfn (\w+)", source))
    place = "docs/threat-model.md"
    text = (ROOT / place).read_text(encoding="utf-8")
    for name in re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", text):
        if name not in functions:
            finding(place, f"names the test {name}, which does not exist")
    for row in re.findall(r"^\| (?:can|cannot) \|.*$", text, re.M):
        shown = row.strip("|").split("|")[-1]
        if "`" not in shown and "*no test*" not in shown:
            finding(place, f"says neither which test shows it nor that none does: {row}")


def check_sizes():
    for path in sorted(ROOT.glob("crates/**/*.rs")):
        lines = path.read_text(encoding="utf-8").count("\n")
        limit = 80 if path.name == "lib.rs" else 800
        if lines > limit:
            finding(path.relative_to(ROOT), f"has {lines} lines; {limit} at most")
        if path.stem in {"util", "utils", "common", "helpers", "misc", "manager", "service"}:
            finding(path.relative_to(ROOT), "a file is named for what it holds")


def main():
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1"))
    packages = metadata["packages"]
    ours = [package for package in packages if package["source"] is None]
    licences = {}
    library_names = {}
    for package in sorted(packages, key=lambda p: p["name"]):
        licences.setdefault(package["name"], package["license"])
        for target in package["targets"]:
            if {"lib", "rlib", "proc-macro"} & set(target["kind"]):
                library_names[package["name"]] = target["name"]
    allowed = tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"]

    check_directions(ours)
    check_licences(packages, set(allowed))
    check_unused(ours, library_names)
    check_dependency_page(ours, licences)
    check_architecture(ours)
    check_links()
    check_threats()
    check_sizes()
    for line in findings:
        print(line)
    print(f"house: {len(packages)} packages, {len(findings)} findings")
    sys.exit(1 if findings else 0)


main()
