"""SQLite FTS5 and Xapian, as `bench/search` asks them: `search_peer.py ENGINE build|ask|show …`.

Needs Debian's python3-xapian. Every answer is the exact number of hits and the ten best; with `show` also a passage of
each of these in which the words are marked, as people are shown hits, and as Comity always gives them.
"""

import json
import sqlite3
import sys
import time
from pathlib import Path


class Fts5:
    def __init__(self, folder):
        self.base = sqlite3.connect(folder / "fts5.db")

    def build(self, documents):
        self.base.execute("PRAGMA journal_mode=WAL")
        self.base.execute("CREATE VIRTUAL TABLE texts USING fts5(path, author, text)")
        self.base.executemany(
            "INSERT INTO texts VALUES (?, ?, ?)", ((one["path"], one["author"], one["text"]) for one in documents)
        )
        self.base.execute("INSERT INTO texts(texts) VALUES('optimize')")
        self.base.commit()

    def question(self, kind, words):
        quoted = [f'"{word}"' for word in words]
        joined = {"and": " AND ", "or": " OR ", "not": " NOT "}
        if kind == "phrase":
            return f'"{" ".join(words)}"'
        if kind == "near":
            return f"NEAR({' '.join(quoted)}, 5)"
        return quoted[0] + "*" if kind == "begins" else joined.get(kind, "").join(quoted)

    def ask(self, question, show):
        (hits,) = self.base.execute("SELECT count(*) FROM texts WHERE texts MATCH ?", (question,)).fetchone()
        wanted = "path, snippet(texts, 2, '[', ']', '…', 32)" if show else "path"
        self.base.execute(f"SELECT {wanted} FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT 10", (question,)).fetchall()
        return hits


class Xapian:
    def __init__(self, folder):
        import xapian

        self.xapian = xapian
        self.folder = str(folder / "xapian")
        self.base = xapian.Database(self.folder) if Path(self.folder).exists() else None

    def build(self, documents):
        base = self.xapian.WritableDatabase(self.folder, self.xapian.DB_CREATE)
        generator = self.xapian.TermGenerator()
        for number, one in enumerate(documents, 1):
            document = self.xapian.Document()
            generator.set_document(document)
            for part in ("path", "author", "text"):
                generator.index_text(one[part])
                generator.increase_termpos(100)
            document.set_data(one["path"] + "\n" + one["text"])
            base.add_document(document)
            if number % 50_000 == 0:
                base.commit()
        base.commit()
        self.base = base

    def question(self, kind, words):
        parser = self.xapian.QueryParser()
        parser.set_database(self.base)
        parser.set_default_op(self.xapian.Query.OP_AND)
        joined = {"and": " AND ", "or": " OR ", "not": " AND NOT ", "near": " NEAR/5 "}
        text = f'"{" ".join(words)}"' if kind == "phrase" else joined.get(kind, "").join(words)
        flags = self.xapian.QueryParser
        if kind == "begins":
            return parser.parse_query(words[0] + "*", flags.FLAG_WILDCARD)
        return parser.parse_query(text, flags.FLAG_BOOLEAN | flags.FLAG_PHRASE)

    def ask(self, question, show):
        enquire = self.xapian.Enquire(self.base)
        enquire.set_query(question)
        found = enquire.get_mset(0, 10, self.base.get_doccount())
        for match in found:
            data = match.document.get_data()
            if show:
                found.snippet(data.partition(b"\n")[2])
        return found.get_matches_estimated()


def main():
    engine, act, *rest = sys.argv[1:]
    if act == "build":
        texts, folder = map(Path, rest)
        folder.mkdir(parents=True, exist_ok=True)
        made = {"fts5": Fts5, "xapian": Xapian}[engine](folder)
        with open(texts, encoding="utf-8") as lines:
            count = 0

            def documents():
                nonlocal count
                for line in lines:
                    count += 1
                    yield json.loads(line)

            started = time.perf_counter()
            made.build(documents())
            seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(json.dumps({"documents": count, "seconds": seconds, "bytes": size}))
        return
    folder, asked, runs = Path(rest[0]), Path(rest[1]), int(rest[2])
    opened = {"fts5": Fts5, "xapian": Xapian}[engine](folder)
    for kind, words in json.loads(asked.read_text(encoding="utf-8")):
        times = []
        for _ in range(runs):
            started = time.perf_counter()
            hits = opened.ask(opened.question(kind, words), act == "show")
            times.append((time.perf_counter() - started) * 1000)
        print(json.dumps({"hits": hits, "ms": times}))


main()
