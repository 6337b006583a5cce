"""How the threads of a computation wait for each other."""

from __future__ import annotations

import os


def wait_asleep() -> None:
    """Have OpenMP's threads sleep where they wait, unless the environment says otherwise; before torch is loaded.

    They spin by default, which is a little quicker on an idle machine. Training shares one with services: there a
    spinning thread takes the very core that the thread it waits for, or a request, would need.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
