"""Runs a program and says how long it took and how much memory it had at most."""

import os
import statistics
import time
from dataclasses import dataclass


@dataclass
class Took:
    """One run: wall and processor seconds, and the peak resident memory of the program and its children, in MB."""

    seconds: float
    cpu: float
    peak_mb: float


def run(command, cwd=None, env=None, fine=(0,), log=None):
    """Runs `command`; what it prints goes to the file `log`. Another exit code than those in `fine` raises."""
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            out = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(out, 1)
            os.dup2(out, 2)
            if cwd:
                os.chdir(cwd)
            os.execvpe(command[0], [str(word) for word in command], {**os.environ, **(env or {})})
        finally:
            os._exit(127)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    if code not in fine:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {code}; see {log}")
    return Took(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


class Table:
    """Rows of runs by work and program, printed as medians and as ratios to one of the programs."""

    def __init__(self, ours="comity"):
        self.ours = ours
        self.rows = {}

    def add(self, work, program, took):
        self.rows.setdefault(work, {}).setdefault(program, []).append(took)
        print(f"  {work:<36} {program:<26} {took.seconds:8.2f} s  cpu {took.cpu:8.2f} s  {took.peak_mb:7.0f} MB", flush=True)

    def text(self):
        lines = ["| work | program | median s | ÷ Comity | cpu s | peak MB |", "| --- | --- | ---: | ---: | ---: | ---: |"]
        for work, programs in self.rows.items():
            own = [took.seconds for took in programs.get(self.ours, [])]
            for program, runs in programs.items():
                middle = statistics.median(took.seconds for took in runs)
                ratio = f"{middle / statistics.median(own):.2f} ×" if own else ""
                cpu = statistics.median(took.cpu for took in runs)
                peak = max(took.peak_mb for took in runs)
                lines.append(f"| {work} | {program} | {middle:.2f} | {ratio} | {cpu:.2f} | {peak:.0f} |")
        return "\n".join(lines)
