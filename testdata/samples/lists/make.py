"""Lists to hold evidence against: everybody and everything in them is invented.

Writes names.csv, entities.ftm.json (FollowTheMoney lines, as OpenSanctions publishes them), targets.simple.csv (its
table), watch.sha256, hashdeep.txt and rds.csv (the text form of NSRL's RDS) beside itself, the same bytes every time.
"""

import csv
import hashlib
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent

PEOPLE = [
    ("zo-1", "Zoriana Bakolenko", ["Зоряна Баколенко", "Зоряна Петрівна Баколенко", "Зоряна Баколенко (Зоря)"], "1971-03-02", "ua"),
    ("zo-2", "Тимур Шунгаров", ["Timur Shungarov", "Тімур Шунгаров"], "1966", "ru"),
    ("zo-3", "Lyksand Mozvik", [], "", ""),
]
BODIES = [
    ("zo-4", "Company", "ТОВ «Пляшка та сини»", ["Plyashka and Sons LLC"], "ua"),
    ("zo-5", "PublicBody", "Ministry of Invented Works", ["Міністерство вигаданих справ"], ""),
    ("zo-6", "Address", "вул. Вигадана 7, Баколів", [], "ua"),
]


def ftm(identity, schema, caption, properties):
    return json.dumps(
        {
            "id": identity,
            "caption": caption,
            "schema": schema,
            "properties": {name: values for name, values in properties.items() if values},
            "datasets": ["invented"],
            "referents": [],
            "target": True,
            "first_seen": "2026-01-01T00:00:00",
            "last_seen": "2026-11-01T00:00:00",
        },
        ensure_ascii=False,
    )


def entities():
    lines = []
    for identity, caption, aliases, born, country in PEOPLE:
        properties = {
            "name": [caption],
            "alias": aliases,
            "lastName": [caption.split()[-1]],
            "birthDate": [born] if born else [],
            "nationality": [country] if country else [],
        }
        lines.append(ftm(identity, "Person", caption, properties))
    for identity, schema, caption, aliases, country in BODIES:
        name = "full" if schema == "Address" else "name"
        properties = {name: [caption], "alias": aliases, "country": [country] if country else []}
        lines.append(ftm(identity, schema, caption, properties))
    lines.append(ftm("zo-7", "Sanction", "", {"entity": ["zo-1"], "authority": ["Invented Council"]}))
    return "".join(line + "\n" for line in lines)


def write(name, text):
    (HERE / name).write_text(text, encoding="utf-8", newline="")


def table(name, head, rows):
    with (HERE / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def main():
    write("entities.ftm.json", entities())
    table(
        "names.csv",
        ["id", "kind", "name", "aliases", "birth_date", "country", "source"],
        [[p[0], "person", p[1], ";".join(p[2]), p[3], p[4], "invented"] for p in PEOPLE]
        + [["u-1", "unit", "64 окрема вигадана бригада", "64 ОВБр", "", "", "invented"]],
    )
    table(
        "targets.simple.csv",
        ["id", "schema", "name", "aliases", "birth_date", "countries", "addresses", "identifiers", "sanctions", "phones",
         "emails", "dataset", "first_seen", "last_seen", "last_change"],
        [[p[0], "Person", p[1], ";".join(p[2]), p[3], p[4], "", "", "", "", "", "invented", "", "", ""] for p in PEOPLE],
    )
    files = {"order.txt": b"An invented order.\n", "route map.txt": b"An invented route.\n"}
    digest = lambda kind, body: hashlib.new(kind, body).hexdigest()
    write("watch.sha256", "".join(f"{digest('sha256', body)}  {name}\n" for name, body in files.items()))
    write(
        "hashdeep.txt",
        "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /invented\n## \n"
        + "".join(f"{len(b)},{digest('md5', b)},{digest('sha256', b)},/invented/{n}\n" for n, b in files.items()),
    )
    table(
        "rds.csv",
        ["SHA-1", "MD5", "CRC32", "FileName", "FileSize", "ProductCode", "OpSystemCode", "SpecialCode"],
        [[digest("sha1", b).upper(), digest("md5", b).upper(), "00000000", n, len(b), 1, "362", ""] for n, b in files.items()],
    )


if __name__ == "__main__":
    main()
