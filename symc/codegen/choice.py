"""Which of the schedules that the model of a core ranks a contraction gets.  `symc tune` finds out; see `tuning`."""

from __future__ import annotations

from symc.ops.record import Record, record

COLUMNS, CHUNKS = "columns", "chunks"


@record
class Choice(Record):
    """rank: which of the tiles, the one that the model finds fastest being 0.  order: of jobs (`llvm_jobs`): 'columns',
    'chunks', or '' for the one that reads less, by the model.
    """

    rank: int = 0
    order: str = ""

    def __str__(self) -> str:
        """As it stands in records, cache keys and names of kernels; '' for the model's own choice."""
        return f"tile{self.rank}{self.order}" if self != MODEL else ""

    @staticmethod
    def parse(text: str) -> Choice:
        """The choice that `str` wrote.  ValueError: it wrote nothing like this."""
        if not text:
            return MODEL
        rank = text.removeprefix("tile").removesuffix(COLUMNS).removesuffix(CHUNKS)
        choice = Choice(int(rank), text.removeprefix(f"tile{rank}"))
        if str(choice) != text:
            raise ValueError(f"{text!r} is no choice")
        return choice


MODEL = Choice()
