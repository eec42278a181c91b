"""The fit finds what made the rows, and cross-validation sees nothing of what it predicts."""

from __future__ import annotations

import numpy as np
import pytest

from gpufleet.calibration.calibrate import intervals
from gpufleet.calibration.fit import Free, cross_validated, fitted, log_ratios
from gpufleet.calibration.observations import Batch, Observation
from gpufleet.calibration.score import Prediction, errors
from gpufleet.performance.calibration import Efficiency, Key

SPEED, DELAY = Key("speed"), Key("delay")
START = Efficiency({SPEED: 0.5, DELAY: 1.0})
FREE = (Free(SPEED, 0.5, 0.1, 1.0), Free(DELAY, 1.0, 0.1, 10.0))


def _seen(model: str, measured: float, fitted: bool = True) -> Observation:
    return Observation("t.csv", 2, "training_step", "kind", model, "A", "engine", "", measured, "test", fitted)


def _batch(model: str, works: tuple[float, ...], times: tuple[float, ...], fitted: bool = True) -> Batch:
    """Rows whose time is work / speed + delay."""
    amount = np.array(works)

    def predict(efficiency: Efficiency) -> np.ndarray:
        return amount / efficiency.figure(SPEED) + efficiency.figure(DELAY)

    return Batch(tuple(_seen(model, time, fitted) for time in times), predict)


def _rows(model: str, works: tuple[float, ...], speed: float = 0.8, delay: float = 2.0) -> Batch:
    return _batch(model, works, tuple(work / speed + delay for work in works))


ROWS = [_rows(f"m{i}", (1.0 + i, 5.0 + 3 * i, 40.0 + i, 300.0)) for i in range(12)]


def test_the_figures_that_made_the_rows_are_found() -> None:
    found = fitted(ROWS, FREE, START)
    assert found.figures[SPEED] == pytest.approx(0.8, rel=0.01)
    assert found.figures[DELAY] == pytest.approx(2.0, rel=0.05)
    assert START.figures[SPEED] == 0.5


def test_rows_measured_on_something_else_do_not_bend_the_fit() -> None:
    odd = _rows("odd", (3.0, 30.0, 200.0), speed=0.2)
    found = fitted([*ROWS, odd], FREE, START)
    assert found.figures[SPEED] == pytest.approx(0.8, rel=0.02)


def test_figures_keep_their_physical_range() -> None:
    fast = [_rows(f"f{i}", (10.0, 100.0), speed=3.0, delay=0.01) for i in range(5)]
    found = fitted(fast, FREE, START)
    assert found.figures[SPEED] == pytest.approx(1.0)
    assert 0.1 <= found.figures[DELAY] <= 10.0


def test_what_no_row_determines_stays() -> None:
    loose = Free(Key("unused"), 0.3, 0.1, 1.0)
    found = fitted(ROWS, (*FREE, loose), Efficiency({**START.figures, loose.key: 0.9}))
    assert found.figures[loose.key] == pytest.approx(0.3, rel=1e-6)


def test_rows_that_are_not_fitted_to_change_nothing() -> None:
    aside = _batch("aside", (1.0,), (100.0,), fitted=False)
    assert fitted([*ROWS, aside], FREE, START).figures == fitted(ROWS, FREE, START).figures


def test_cross_validation_leaves_the_group_out() -> None:
    # the odd group is predicted by the others, as if it had never been measured
    odd = _rows("odd", (50.0, 500.0), speed=0.4)
    found = {(seen.model, seen.measured): value for seen, value in cross_validated([*ROWS, odd], FREE, START)}
    for work in (50.0, 500.0):
        assert found["odd", work / 0.4 + 2.0] == pytest.approx(work / 0.8 + 2.0, rel=0.03)
    assert len(found) == 4 * len(ROWS) + 2


def test_a_fit_without_a_group_is_that_of_the_others() -> None:
    rng = np.random.default_rng(1)
    noisy = [
        _batch(
            f"n{i}", works := (2.0 + i, 20.0, 90.0), tuple(w / 0.7 * np.exp(rng.normal(0, 0.08)) + 1.5 for w in works)
        )
        for i in range(8)
    ]
    found = {id(seen): value for seen, value in cross_validated(noisy, FREE, START)}
    for batch in noisy:
        alone = fitted([other for other in noisy if other is not batch], FREE, START)
        expected = batch.predict(alone)
        assert [found[id(seen)] for seen in batch.observations] == pytest.approx(list(expected), rel=0.01)


def test_what_the_model_cannot_predict_is_far_off_and_finite() -> None:
    broken = Batch((_seen("m", 1.0), _seen("m", 2.0), _seen("m", 3.0)), lambda _: np.array([0.0, np.nan, np.inf]))
    assert log_ratios(broken, START).tolist() == [-10.0, -10.0, 10.0]


def test_a_batch_is_one_group() -> None:
    with pytest.raises(ValueError, match="one model and one accelerator"):
        Batch((_seen("a", 1.0), _seen("b", 1.0)), lambda _: np.ones(2))


def test_errors_and_coverage() -> None:
    found = errors([Prediction(_seen("m", 10.0), value, 0.8 * value, 1.1 * value) for value in (9.0, 10.0, 12.0, 20.0)])
    assert (found.rows, found.median, found.bias) == (4, pytest.approx(0.15), pytest.approx(0.1))
    assert found.coverage == pytest.approx(0.5)  # 7.2..9.9 misses, 8..11 and 9.6..13.2 hold, 16..22 misses


def test_intervals_are_quantiles_of_measured_over_predicted() -> None:
    pairs = [(_seen(f"m{i}", 1.0 + i / 100), 1.0) for i in range(101)]
    (found,) = intervals(pairs)
    assert (found.low, found.high) == (pytest.approx(1.05), pytest.approx(1.95))
    assert (found.rows, found.groups) == (101, 101)
