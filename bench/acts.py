"""What is done with many items at once: keys, erasure, compaction, and a backup of what is new."""

import re
import shutil
import subprocess

from measure import run


def person_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path


def each(took, items):
    print(f"    {took.seconds / items * 1000:.2f} ms for each of {items} items", flush=True)
    return took


def rotate(table, comity, centre, items):
    path, env, log = centre
    took = each(run([comity, "keys", "rotate", "--reason", "measuring"], env=env, log=log), items)
    table.add(f"keys rotate, {items} items", "comity", took)


def erase_and_compact(table, comity, centre, items, erased):
    """Two persons with keys erase items that lie evenly among the others; then their room is given back."""
    path, env, log = centre
    place = path.parent
    first, second = person_key(place / "first"), person_key(place / "second")
    run([comity, "person", "key", "--key", first], env=env, log=log)
    run([comity, "person", "add", "Second", "--member", "UKR"], env=env, log=log)
    one, other = {**env, "COMITY_KEY": str(first)}, {**env, "COMITY_KEY": str(second), "COMITY_ACTOR": "Second"}
    run([comity, "person", "key"], env=other, log=log)
    erns = [f"UKR-000001-{number:07d}" for number in range(1, items + 1, items // erased)][:erased]
    proposed = place / "proposed"
    words = ["erase", *erns, "--these", "--reason", "measuring", "--authority", "nobody"]
    took = run([comity, *words], env=one, log=proposed)
    table.add(f"proposing to erase {erased} of {items}", "comity", each(took, erased))
    proposal = re.search(r"P\d{4}", proposed.read_text())[0]
    took = run([comity, "erase", "--confirm", proposal], env=other, log=log)
    table.add(f"erasing {erased} of {items}", "comity", each(took, erased))
    took = run([comity, "vault", "compact"], env=env, log=log)
    table.add(f"vault compact after that", "comity", each(took, erased))


def incremental(table, comity, fresh, corpus, more, centre, restic_repository, in_turn, turn):
    """A second backup, after a hundredth more came in. restic's source is the same files; ours is the centre."""
    path, env, log = centre
    folder, restic_env = restic_repository
    backup = fresh.folder("backup") / "b"
    run([comity, "backup", backup], env=env, log=log)
    both = fresh.folder("both")
    subprocess.run(["cp", "-al", corpus, both / "first"], check=True)
    back = ["restic", "backup", "--quiet", "."]
    run(back, cwd=both, env=restic_env, log=folder / "log")
    words = ["intake", more, "--member", "UKR", "--case", "Bench", "--source", "more", "--no-receipt"]
    run([comity, *words], env=env, log=log)
    shutil.copytree(more, both / "more")
    programs = {
        "comity": lambda: run([comity, "backup", backup], env=env, log=log),
        "restic backup": lambda: run(back, cwd=both, env=restic_env, log=folder / "log"),
    }
    for name, program in in_turn(programs, turn):
        table.add("backup of what is new", name, program())
