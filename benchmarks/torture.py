"""Does it go on? Every fault for real, one after another: what was done, whether the stream survived, what it cost.

\b
python benchmarks/torture.py             # all, some quarter of an hour on two cores: `make torture`
python benchmarks/torture.py --only frozen   # those whose name holds this

\b
fault      what was done
injected   how often, or for how long
survived   whether the stream went on (or ended, where that was asked for) as docs/operation.md says
lost       frames that a viewer never got; all of them are ones that the row's own counters state
recovery   seconds from the end of the fault to the first frame that shows it is over; the limit is 1 s

Faults live in `fault_*.py`, by theme. A new one is a function that takes an empty folder and returns a Row; list it in
the ROWS of its file, and a new file in FILES here. The last line is one JSON object; exit code 1 if a row did not
survive.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import click
from tqdm import tqdm

FILES = ("fault_sound", "fault_microphone", "fault_load", "fault_operation", "fault_time", "fault_strangers")


@dataclasses.dataclass(frozen=True)
class Row:
    """What became of one fault. lost: frames. recovery_s: None where there is nothing to recover from.

    note: what there is to say beside it, such as what was counted, or why it did not survive.
    """

    fault: str
    injected: str
    survived: bool
    lost: int = 0
    recovery_s: float | None = None
    note: str = ""

    def line(self) -> str:
        recovery = "" if self.recovery_s is None else f"{self.recovery_s:.2f} s"
        survived = "yes" if self.survived else "NO"
        return f"| {self.fault} | {self.injected} | {survived} | {self.lost} | {recovery} | {self.note} |"


Fault = Callable[[Path], Row]


def faults(only: str) -> list[Fault]:
    """Those of all FILES whose function's name holds `only`."""
    found = [fault for name in FILES for fault in importlib.import_module(name).ROWS]
    return [fault for fault in found if only in fault.__name__]


def suffer(fault: Fault) -> Row:
    """The row of one fault; a fault whose own code fails did not survive."""
    with tempfile.TemporaryDirectory(prefix="voxmesh-torture-") as folder:
        try:
            return fault(Path(folder))
        except Exception as error:
            traceback.print_exc()
            return Row(fault.__name__.replace("_", " "), "", False, note=f"{type(error).__name__}: {error}")


@click.command(help=__doc__)
@click.option("--only", default="", help="Only faults whose name holds this.")
def main(only: str) -> None:
    began, rows = time.monotonic(), []
    for fault in tqdm(faults(only), unit="fault"):
        rows.append(suffer(fault))
        tqdm.write(rows[-1].line())
    click.echo("\n| fault | injected | survived | frames lost | recovery | |\n|---|---|---|---|---|---|")
    for row in rows:
        click.echo(row.line())
    minutes = (time.monotonic() - began) / 60
    click.echo(f"\n{sum(row.survived for row in rows)} of {len(rows)} survived, in {minutes:.1f} minutes\n")
    click.echo(json.dumps({"minutes": round(minutes, 2), "rows": [dataclasses.asdict(row) for row in rows]}))
    sys.exit(0 if all(row.survived for row in rows) else 1)


if __name__ == "__main__":
    main()
