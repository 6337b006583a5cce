"""Text encoding: has the texts of the catalog encoded, as they are written, beside the requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np

from services.candidates.catalog.text_jobs import TextJob, TextJobs
from services.core.errors import UnavailableError
from services.plumbing.background_tasks import running_beside
from services.plumbing.metrics import ENCODED_TEXTS, TEXT_JOBS
from services.plumbing.text.item_text import item_text, text_digest
from services.plumbing.text.text_encoder import TextEncoder, TextEncoderFolder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

logger = logging.getLogger(__name__)

_JOBS_AT_ONCE = 64
# Of one batch: long enough for 32 long texts on a busy core.
_ENCODE_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 10.0
_COUNT_SECONDS = 15.0


class TextEncoding:
    """Works the queue off. Any number of processes may do so side by side."""

    def __init__(self, jobs: TextJobs, folder: TextEncoderFolder, encoded: Callable[[], Awaitable[None]]) -> None:
        """encoded: Called after vectors were stored, so that this process takes them in at once."""
        self._jobs = jobs
        self._folder = folder
        self._encoded = encoded
        self._written = asyncio.Event()
        self._seen = ""
        # At 0 from the start: a counter that is not there never stands still.
        self._encoded_well, self._encoding_failed = ENCODED_TEXTS.labels("ok"), ENCODED_TEXTS.labels("failed")
        self._waiting, self._given_up = TEXT_JOBS.labels("waiting"), TEXT_JOBS.labels("given_up")

    def texts_were_written(self) -> None:
        """Look at the queue now rather than at the next look."""
        self._written.set()

    async def work_off(self) -> int:
        """Encode what is due; return how many jobs ended.

        Raises:
            UnavailableError: Triton or the database is away; nothing is lost, try again.
            OSError, ValueError: What lies in place of the text encoder is none.
        """
        encoder = await asyncio.to_thread(self._folder.current)
        if encoder is None:
            return 0
        if encoder.description.fingerprint != self._seen:
            if count := await self._jobs.queue_outdated(encoder.description.fingerprint):
                logger.info("%d texts are encoded anew, by %s", count, encoder.description.name)
            self._seen = encoder.description.fingerprint
        ended = 0
        while jobs := await self._jobs.claim(_JOBS_AT_ONCE):
            ended += await self._encode(encoder, jobs)
            await self._encoded()
        return ended

    async def _encode(self, encoder: TextEncoder, jobs: Sequence[TextJob]) -> int:
        texts = [item_text(job.title, job.categories, job.text) for job in jobs]
        digests = [text_digest(text) if text else "" for text in texts]
        try:
            vectors = await encoder.encode(texts, _ENCODE_SECONDS)
        except (UnavailableError, TimeoutError) as error:
            if len(jobs) > 1 and await self._answers(encoder):
                # Triton is there: one of the texts is at fault, and only that one shall suffer for it.
                return sum([await self._encode(encoder, [job]) for job in jobs])
            if len(jobs) == 1 and await self._answers(encoder):
                self._encoding_failed.inc()
                logger.warning("the text of item %r cannot be encoded: %s", jobs[0].item_id, error)
                await self._jobs.failed(jobs[0], str(error) or type(error).__name__)
                return 0
            await self._jobs.give_back(jobs, 1.0)
            raise UnavailableError(f"the text encoder does not answer: {error or 'no answer in time'}") from error
        await self._jobs.finish(jobs, vectors, digests, encoder.description.fingerprint)
        self._encoded_well.inc(len(jobs))
        return len(jobs)

    async def _answers(self, encoder: TextEncoder) -> bool:
        """Whether the encoder encodes a harmless word."""
        try:
            return bool(np.any(await encoder.encode(["item."], _ENCODE_SECONDS)))
        except (UnavailableError, TimeoutError):
            return False

    @asynccontextmanager
    async def running(self, interval_seconds: float) -> AsyncIterator[TextEncoding]:
        """Work while the context is open. interval_seconds: between two looks at what other processes wrote."""
        async with running_beside(self._work(interval_seconds), self._count()):
            yield self

    async def _work(self, interval_seconds: float) -> None:
        pause, said = interval_seconds, ""
        while True:
            self._written.clear()
            try:
                await self.work_off()
                if said:
                    logger.info("texts are encoded again")
                pause, said = interval_seconds, ""
            except Exception as error:  # noqa: BLE001 - whatever is wrong, the queue keeps what waits, and serving goes on
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                if str(error) != said:
                    said = str(error)
                    logger.warning("texts are not encoded: %s: %s", type(error).__name__, error)
                await asyncio.sleep(pause)
                continue
            try:
                async with asyncio.timeout(pause):
                    await self._written.wait()
            except TimeoutError:
                continue

    async def _count(self) -> None:
        while True:
            try:
                waiting, given_up = await self._jobs.counts()
                self._waiting.set(waiting)
                self._given_up.set(given_up)
            except Exception as error:  # noqa: BLE001 - a figure that is late harms nobody
                logger.debug("text jobs are not counted: %s", error)
            await asyncio.sleep(_COUNT_SECONDS)
