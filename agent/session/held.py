"""A session while a turn holds it."""

from collections.abc import Iterable
from typing import Any

from vivavoce.agent.session.log import SessionLog
from vivavoce.agent.state import Record, to_switch
from vivavoce.core.voice import VoiceSwitch


class HeldSession:
    """What is in the log of one session, read once. Whoever writes to it writes through this.

    facts: see `SessionLog.facts`.
    """

    def __init__(self, log: SessionLog, name: str) -> None:
        self.name = name
        self.facts: dict[str, Any] = {}
        self._log = log
        self._records: dict[str, Record] = {}
        self._unkept: dict[str, Record] = {}
        self._unkept_facts: dict[str, Any] = {}

    async def load(self) -> None:
        """Read it."""
        self.facts, records = await self._log.all_of(self.name)
        self._records = {record["id"]: record for record in records}

    @property
    def records(self) -> list[Record]:
        """All records, in order."""
        return list(self._records.values())

    @property
    def switches(self) -> tuple[VoiceSwitch, ...]:
        """Every change of the voice."""
        return tuple(to_switch(record) for record in self._records.values() if record["role"] == "switch")

    def record(self, id_: str) -> Record | None:
        """One record, if it is there."""
        return self._records.get(id_)

    async def put(self, records: Iterable[Record] = (), **facts: Any) -> None:  # noqa: ANN401 - JSON values
        """Write records and facts; they are on disk when this returns.

        They are known here at once, so that whoever writes next does not go back behind them, even where nobody waits for
        the disk any more. What the disk refused is written with what comes next.

        Raises:
            SessionError: the disk refuses.
        """
        kept = self._unkept | {record["id"]: record for record in records}
        changed = self._unkept_facts | facts
        self._records |= kept
        self.facts |= changed
        self._unkept, self._unkept_facts = {}, {}
        try:
            await self._log.put(self.name, kept.values(), **changed)
        except BaseException:  # whoever is cancelled does not learn what became of it
            self._unkept, self._unkept_facts = kept | self._unkept, changed | self._unkept_facts
            raise
