"""Root without user namespaces: PostgreSQL is made and run as an existing user."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.embedded.postgres import binary, initialise
from services.embedded.stack_error import StackError
from services.embedded.unprivileged import ordinary_user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """The postgres folder of a data directory as `up` makes it; pytest's own are closed to other users."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        made = Path(place) / "data dir" / "postgres"
        made.parent.mkdir(mode=0o700)
        made.mkdir(mode=0o700)
        yield made


def test_the_cluster_is_made_and_checked_as_that_user(folder: Path) -> None:
    try:
        user = ordinary_user(binary("postgres"), folder, namespaces=False)
    except StackError as error:
        pytest.skip(f"no ordinary user can run the programs of this environment: {error}")
    assert user.user_id != 0

    initialise(folder, user)

    data = folder / "data"
    assert {path.stat().st_uid for path in (data, *data.rglob("*"))} == {user.user_id}
    assert data.stat().st_mode & 0o777 == 0o700
    assert (folder / "password").stat().st_uid == 0
    assert (folder / "password").stat().st_mode & 0o777 == 0o600
    assert not (folder / "password.initdb").exists()
    # A single-user server starts on it, reads and ends: as that user, since it refuses root.
    done = subprocess.run(
        [*user.prefix, str(binary("postgres")), "--single", "-D", str(data), "postgres"],
        input="SELECT 41 + 1 AS answer\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 'answer = "42"' in done.stdout


def test_a_data_directory_can_change_hands(folder: Path) -> None:
    """Made in a user namespace (root's files), run later where there is none; and back."""
    shutil.copytree(Path(__file__).parent, folder / "data")
    root = ordinary_user(binary("postgres"), folder)
    try:
        other = ordinary_user(binary("postgres"), folder, namespaces=False)
    except StackError as error:
        pytest.skip(f"no ordinary user can run the programs of this environment: {error}")
    for user in (other, root):
        user.own(folder / "data")
        assert {path.stat().st_uid for path in (folder / "data").rglob("*")} == {user.user_id}
