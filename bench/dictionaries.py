"""Words with all their forms, from the spelling dictionaries of Debian's hunspell-* (`scripts/setup --bench`)."""

import random
import re
from collections import defaultdict
from pathlib import Path

DICTIONARIES = Path("/usr/share/hunspell")


def suffixes(path):
    """The rules of an .aff file by flag: letters that go, letters that come, and the ending that a word must have."""
    rules = defaultdict(list)
    for line in path.read_text("utf-8").splitlines():
        words = line.split()
        if len(words) >= 5 and words[0] == "SFX":
            goes, comes = ("" if w == "0" else w.split("/")[0] for w in words[2:4])
            rules[words[1]].append((goes, comes, re.compile(f"(?:{words[4]})$")))
    return rules


def families(name, share):
    """Words in small letters with three forms or more, a set of forms each."""
    rules = suffixes(DICTIONARIES / f"{name}.aff")
    drawn = random.Random(7)
    for line in (DICTIONARIES / f"{name}.dic").read_text("utf-8").splitlines():
        word, _, flags = line.partition(" ")[0].partition("/")
        if not flags or not word[:1].islower():
            continue
        forms = {word}
        for flag in flags:
            for goes, comes, ending in rules.get(flag, ()):
                if word.endswith(goes) and ending.search(word):
                    forms.add(word[: len(word) - len(goes)] + comes)
        if len(forms) > 2 and drawn.random() < share:
            yield sorted(forms)
