"""What was acknowledged is looked for one look later; a store here has what the test leaves in it."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from services.core.errors import UnavailableError
from services.feedback.acknowledgement_audit import AcknowledgementAudit


class Store:
    def __init__(self) -> None:
        self.known: set[str] = set()
        self.away = False

    async def count_known(self, event_ids: list[str]) -> int:
        if self.away:
            raise UnavailableError("away")
        assert len(set(event_ids)) == len(event_ids)
        return len(self.known & set(event_ids))


class Counted:
    """How far the two counters went since the last asking."""

    def __init__(self) -> None:
        self._before = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        names = ("trommel_acknowledged_events_audited_total", "trommel_acknowledged_events_lost_total")
        audited, lost = (REGISTRY.get_sample_value(name) or 0.0 for name in names)
        return audited, lost

    def since(self) -> tuple[float, float]:
        before, self._before = self._before, self._now()
        return self._before[0] - before[0], self._before[1] - before[1]


async def test_nothing_is_lost_where_all_is_there() -> None:
    store, counted = Store(), Counted()
    audit = AcknowledgementAudit(store)
    store.known = {"a", "b"}
    audit.note(["a", "b"])
    await audit.look()
    assert counted.since() == (0, 0), "what was noted just now is given time"
    await audit.look()
    assert counted.since() == (2, 0)
    await audit.look()
    assert counted.since() == (0, 0), "each is looked for once"


async def test_a_lost_event_is_counted() -> None:
    store, counted = Store(), Counted()
    audit = AcknowledgementAudit(store)
    store.known = {"a"}
    audit.note(["a", "lost"])
    await audit.look()
    await audit.look()
    assert counted.since() == (2, 1)


async def test_while_the_database_is_away_nothing_is_forgotten() -> None:
    store, counted = Store(), Counted()
    audit = AcknowledgementAudit(store)
    audit.note(["lost"])
    await audit.look()
    store.away = True
    with pytest.raises(UnavailableError):
        await audit.look()
    store.away = False
    await audit.look()
    assert counted.since() == (1, 1)


async def test_of_many_a_sample_is_looked_for_and_all_are_as_likely() -> None:
    counted = Counted()
    picked = [0] * 50
    for _ in range(400):
        audit = AcknowledgementAudit(Store(), sample_events=10)
        audit.note(str(number) for number in range(50))
        await audit.look()
        for event_id in audit._due:
            picked[int(event_id)] += 1
        await audit.look()
    assert counted.since() == (4000, 4000)
    # 80 expected each, standard deviation 8: six of them on either side.
    assert min(picked) > 32
    assert max(picked) < 128
