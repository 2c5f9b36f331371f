import numpy as np
import pytest

from datagen.shards.chunk import as_stored


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_shots_of_any_size_are_stored_as_the_nearest_number(dtype, precision):
    rng = np.random.default_rng(0)
    shots_MSTR = (rng.normal(size=(2, 3, 50, 20)) * 10.0 ** rng.uniform(-9, 4, size=(2, 3, 50, 20))).astype(precision)
    border = 2.0**-14
    shots_MSTR.flat[:6] = [0, -0.0, border, np.nextafter(border, 0), -(2.0**-25), 2.0**-24 * 1.5]
    stored_MSTR = as_stored(shots_MSTR, dtype)
    assert stored_MSTR.dtype == dtype
    np.testing.assert_array_equal(stored_MSTR, shots_MSTR.astype(dtype))
