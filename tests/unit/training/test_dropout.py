from __future__ import annotations

import torch

from services.training.model.dropout import Dropout, RandomBytes


def masks(rows: int, share: tuple[int, int, int] | None) -> list[torch.Tensor]:
    random_bytes = RandomBytes()
    random_bytes.share = share
    dropout = Dropout(0.5, random_bytes)
    return [dropout(torch.ones(rows, 3, width)) for width in (4, 7)]


def test_shares_of_the_rows_have_together_the_masks_of_all_rows() -> None:
    whole = masks(5, None)
    parts = [masks(2, (0, 2, 5)), masks(0, (2, 2, 5)), masks(3, (2, 5, 5))]
    for layer, mask in enumerate(whole):
        assert torch.equal(torch.cat([part[layer] for part in parts]), mask)
        assert 0 < int((mask == 0).sum()) < mask.numel()
