"""Folders of test files, the same on every machine.

*small* is texts in three languages, a few kilobytes each, in folders of a hundred; *large* is six files, every second
one incompressible. A corpus is made once under its own name and kept; what programs make from it goes elsewhere.
"""

import random
import shutil
from pathlib import Path

WORDS = {
    "uk": "і в на що не з за до як та про від це але його був вони свідок об’єкт обстріл наказ підрозділ командир селище "
    "будинок пошкоджено вранці вибух зобов’язання протокол допит слідчий прокурор докази міжнародний трибунал",
    "ru": "и в на что не с за до как также про от это но его был они свидетель объект обстрел приказ подразделение "
    "командир посёлок здание повреждено утром взрыв обязательство протокол допрос следователь прокурор доказательства",
    "en": "and in on that not with for to as also about from this but his was they witness object shelling order unit "
    "commander village building damaged morning explosion obligation record interview investigator prosecutor evidence",
}


def vocabulary(language, dice):
    """Three thousand words: the common ones, and names built from their syllables."""
    common = WORDS[language].split()
    letters = sorted(set("".join(common)) - {"’"})
    rare = ["".join(dice.choices(letters, k=dice.randint(4, 11))) for _ in range(3000 - len(common))]
    return common + rare


def texts(language, seed):
    """An endless run of sentences whose words are as unevenly frequent as those of a real text."""
    dice = random.Random(seed)
    words = vocabulary(language, dice)
    weights = [1 / (place + 3) for place in range(len(words))]
    while True:
        drawn = dice.choices(words, weights, k=4000)
        for start in range(0, 4000, 13):
            yield " ".join(drawn[start : start + 13]).capitalize() + ". "


def small(folder, files=50_000, mean_bytes=2_680, first=0):
    """`files` texts in Ukrainian, Russian and English in turn, numbered from `first` on; 137 MB when there are 50,000."""
    return _made(folder, lambda path: _write_small(path, files, mean_bytes, first))


def _write_small(folder, files, mean_bytes, first=0):
    dice = random.Random(1)
    sources = {language: texts(language, language) for language in WORDS}
    for number in range(first, first + files):
        language = ("uk", "ru", "en")[number % 3]
        wanted = int(mean_bytes * dice.choice((0.2, 0.5, 0.8, 1, 1, 1.2, 1.5, 1.8)))
        text = bytearray(f"№ {number}\n".encode())
        while len(text) < wanted:
            text += next(sources[language]).encode()
        place = folder / f"{number // 100:04d}"
        place.mkdir(exist_ok=True)
        (place / f"{language} {number:06d}.txt").write_bytes(text)


def large(folder, total_bytes=1_900_000_000):
    """Six files; every second one is random bytes, the others are records that shrink some three times."""
    return _made(folder, lambda path: _write_large(path, total_bytes // 6))


def _write_large(folder, each):
    dice = random.Random(2)
    record = texts("en", "large")
    for number in range(6):
        left = each
        with open(folder / f"image-{number}.bin", "wb") as out:
            while left > 0:
                if number % 2:
                    part = dice.randbytes(1 << 20)
                else:
                    lines = []
                    for _ in range(8000):
                        lines.append(f"{dice.getrandbits(48):012x};{dice.randint(0, 86400)};{next(record)}\n")
                    part = "".join(lines).encode()
                out.write(part[:left])
                left -= len(part)


def tiny(folder, files):
    """`files` of some 200 bytes each, for growth."""
    return _made(folder, lambda path: _write_small(path, files, 200))


def _made(folder, write):
    folder = Path(folder)
    if not folder.exists():
        making = folder.with_name(folder.name + ".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        write(making)
        making.rename(folder)
    return folder


def size_of(folder):
    """Files and bytes of a folder."""
    sizes = [path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
