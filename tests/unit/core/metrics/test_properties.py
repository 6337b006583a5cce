"""What holds of every list: range, order of users, tail, perfection, and that a hit higher up is never worse."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.metrics import by_user, classification, groups, ranking, regression, variety
from services.core.metrics.by_user import Lists

ITEMS = 15
BY_USER = (
    by_user.recall,
    by_user.hit_rate,
    by_user.precision,
    by_user.f1,
    by_user.ndcg,
    by_user.reciprocal_rank,
    by_user.average_precision,
)
MEANS = (
    ranking.recall,
    ranking.hit_rate,
    ranking.precision,
    ranking.f1,
    ranking.ndcg,
    ranking.mrr,
    ranking.mean_average_precision,
)
COUNTS = np.random.default_rng(0).integers(0, 20, ITEMS + 1)
VECTORS = np.random.default_rng(1).normal(size=(ITEMS + 1, 3))

counts = st.integers(1, 12)


# A busy machine is no failure, and forty cases of five users each are many lists.
PROPERTY = settings(max_examples=40, deadline=None)


class Users(NamedTuple):
    """Lists int32 [U, K] and relevant items int32 [U, R], at least one of each user."""

    lists: Lists
    relevant: Lists


@st.composite
def users(draw: st.DrawFn, least: int = 1) -> Users:
    items = st.permutations(range(1, ITEMS + 1))
    pairs = draw(st.lists(st.tuples(items, st.integers(0, 10), items, st.integers(1, 6)), min_size=least, max_size=5))
    lists, relevant = np.zeros((len(pairs), 10), np.int32), np.zeros((len(pairs), 6), np.int32)
    for user, (shown, length, wanted, size) in enumerate(pairs):
        lists[user, :length] = shown[:length]
        relevant[user, :size] = wanted[:size]
    return Users(lists, relevant)


@PROPERTY
@given(users(), counts)
def test_every_metric_stays_in_its_range(made: Users, count: int) -> None:
    for metric in BY_USER:
        values = metric(*made, count)
        assert values.shape == (len(made.lists),)
        assert values.dtype == np.float64
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
    assert 0 <= ranking.coverage(made.lists, ITEMS, count) <= 1
    assert 0 <= variety.gini(made.lists, ITEMS, count) <= 1 - 1 / ITEMS
    assert 0 <= variety.long_tail_share(made.lists, COUNTS, count) <= 1
    assert variety.novelty(made.lists, COUNTS, count) >= 0
    assert -1e-12 <= variety.intra_list_diversity(made.lists, VECTORS, count) <= 2 + 1e-12


@PROPERTY
@given(users(), counts, st.randoms(use_true_random=False))
def test_the_order_of_users_does_not_matter(made: Users, count: int, random) -> None:  # type: ignore[no-untyped-def]
    order = list(range(len(made.lists)))
    random.shuffle(order)
    for metric in BY_USER:
        np.testing.assert_array_equal(
            metric(made.lists[order], made.relevant[order], count), metric(*made, count)[order]
        )
    for mean in MEANS:
        np.testing.assert_allclose(mean(made.lists[order], made.relevant[order], count), mean(*made, count))
    for of_lists in (
        lambda lists: ranking.coverage(lists, ITEMS, count),
        lambda lists: variety.gini(lists, ITEMS, count),
        lambda lists: variety.novelty(lists, COUNTS, count),
        lambda lists: variety.long_tail_share(lists, COUNTS, count),
        lambda lists: variety.intra_list_diversity(lists, VECTORS, count),
    ):
        np.testing.assert_allclose(of_lists(made.lists[order]), of_lists(made.lists))


@PROPERTY
@given(users(), counts)
def test_the_order_of_relevant_items_does_not_matter(made: Users, count: int) -> None:
    for metric in BY_USER:
        np.testing.assert_array_equal(metric(made.lists, made.relevant[:, ::-1], count), metric(*made, count))


@PROPERTY
@given(users(), st.integers(1, 10))
def test_what_stands_beyond_the_cut_changes_nothing(made: Users, count: int) -> None:
    cut = made.lists.copy()
    cut[:, count:] = 0
    tail = np.tile(np.arange(ITEMS + 1, ITEMS + 9, dtype=np.int32), (len(cut), 1))
    for metric in BY_USER:
        expected = metric(*made, count)
        np.testing.assert_array_equal(metric(cut, made.relevant, count), expected)
        np.testing.assert_array_equal(metric(np.hstack([made.lists[:, :count], tail]), made.relevant, count), expected)


@PROPERTY
@given(users(), st.integers(1, 12))
def test_a_perfect_list_has_one(made: Users, count: int) -> None:
    perfect = made.relevant
    size = (perfect > 0).sum(axis=1)
    for metric in (by_user.ndcg, by_user.reciprocal_rank, by_user.average_precision, by_user.hit_rate):
        np.testing.assert_allclose(metric(perfect, perfect, count), 1.0)
    np.testing.assert_allclose(by_user.recall(perfect, perfect, count), np.minimum(count / size, 1.0))
    np.testing.assert_allclose(by_user.precision(perfect, perfect, count), np.minimum(size / count, 1.0))


@PROPERTY
@given(users(), counts, st.integers(0, 9), st.integers(0, 9))
def test_a_hit_higher_up_is_never_worse(made: Users, count: int, one: int, other: int) -> None:
    upper, lower = min(one, other), max(one, other)
    hits = by_user.hits(*made, 10)
    # Only users who have a hit at the lower place and a miss at the upper one.
    better = made.lists.copy()
    moved = hits[:, lower] & ~hits[:, upper]
    better[moved, upper], better[moved, lower] = made.lists[moved, lower], made.lists[moved, upper]
    for metric in BY_USER:
        assert (metric(better, made.relevant, count) >= metric(*made, count) - 1e-12).all()
    if lower < count:
        for metric in (by_user.ndcg, by_user.average_precision):
            assert (metric(better, made.relevant, count) > metric(*made, count))[moved].all()


@PROPERTY
@given(users())
def test_more_places_never_lose_a_hit(made: Users) -> None:
    for metric in (by_user.recall, by_user.hit_rate, by_user.reciprocal_rank):
        values = np.array([metric(*made, count) for count in range(1, 12)])
        assert (np.diff(values, axis=0) >= 0).all()


@PROPERTY
@given(users())
def test_one_relevant_item_ties_the_metrics_together(made: Users) -> None:
    alone = made.relevant[:, :1]
    recall = by_user.recall(made.lists, alone, 10)
    np.testing.assert_array_equal(recall, by_user.hit_rate(made.lists, alone, 10))
    np.testing.assert_allclose(recall, 10 * by_user.precision(made.lists, alone, 10))
    np.testing.assert_allclose(
        by_user.reciprocal_rank(made.lists, alone, 10), by_user.average_precision(made.lists, alone, 10)
    )


@PROPERTY
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=30), st.integers(1, 20))
def test_metrics_of_a_probability_stay_in_their_range(examples: list[tuple[bool, float]], bins: int) -> None:
    labels = np.array([label for label, _ in examples])
    probabilities = np.array([probability for _, probability in examples])
    assert 0 <= classification.accuracy(labels, probabilities) <= 1
    assert 0 <= classification.auc(labels, probabilities) <= 1
    assert classification.log_loss(labels, probabilities) >= 0
    assert 0 <= classification.calibration_error(labels, probabilities, bins) <= 1 + 1e-12
    table = classification.reliability(labels, probabilities, bins)
    assert sum(row.count for row in table) == len(examples)
    for row in table:
        assert row.lower - 1e-12 <= row.mean_probability <= row.upper + 1e-12
    # The order of examples, and any unit that keeps the order of scores, mean nothing to the AUC.
    backwards = classification.auc(labels[::-1], 3 * probabilities[::-1] - 1)
    assert abs(backwards - classification.auc(labels, 3 * probabilities - 1)) < 1e-12


@PROPERTY
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=30))
def test_the_mean_error_is_at_most_the_root_of_the_mean_square(examples: list[tuple[float, float]]) -> None:
    wanted, predicted = np.array(examples).T
    assert regression.mean_absolute_error(wanted, predicted) >= 0
    assert (
        regression.mean_absolute_error(wanted, predicted)
        <= regression.root_mean_squared_error(wanted, predicted) + 1e-9
    )
    assert regression.mean_squared_error(wanted, wanted) == 0.0


@PROPERTY
@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abc")), min_size=1, max_size=30))
def test_groups_add_up_to_the_whole(members: list[tuple[float, str]]) -> None:
    values, names = np.array([value for value, _ in members]), [name for _, name in members]
    means, sizes = groups.by_group(values, names), groups.sizes(names)
    np.testing.assert_allclose(sum(means[name] * sizes[name] for name in means) / len(members), values.mean())
    assert 0 <= groups.largest_gap(values, names) <= 1
