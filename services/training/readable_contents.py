"""Contents that leave out what must not be read: where items are told of by events, as by reviews, by some of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import ItemContent

Bools = NDArray[np.bool_]
Contents = Callable[[Bools], Sequence[ItemContent] | None]
"""What is known of each item, by row, if only the events of a mask (bool [E]) may be read, as for texts of reviews."""
