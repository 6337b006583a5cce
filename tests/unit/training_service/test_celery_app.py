from __future__ import annotations

import pickle

import pytest
from kombu.exceptions import ContentDisallowed
from kombu.serialization import loads, prepare_accept_content

from services.training.celery_app import make_app


def test_nothing_but_json_is_read():
    accepted = prepare_accept_content(make_app("redis://127.0.0.1:1/0").conf.accept_content)
    assert list(loads(b'["t", "r"]', "application/json", "utf-8", accept=accepted)) == ["t", "r"]
    with pytest.raises(ContentDisallowed):
        loads(pickle.dumps([]), "application/x-python-serialize", "binary", accept=accepted)


def test_a_message_is_acknowledged_after_the_work_and_one_is_taken_at_a_time():
    conf = make_app("redis://127.0.0.1:1/0").conf
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost) == (True, True)
    assert (conf.worker_pool, conf.worker_concurrency, conf.worker_prefetch_multiplier) == ("solo", 1, 1)
