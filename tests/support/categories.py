"""Each test module bears one category, so that everybody chooses what to wait for. pyproject.toml says what they mean."""

import pytest

CATEGORIES = ("slow", "process", "models", "contract", "unit")  # in the order in which they run


class CategorisedModule(pytest.Module):
    """A module that is not collected without a category. A single test may bear a heavier one as well."""

    def collect(self):
        found = super().collect()
        borne = " and ".join(category for category in CATEGORIES if category in _names(self.own_markers))
        if borne not in CATEGORIES:
            raise self.CollectError(
                f"{self.path.name} bears {borne or 'no category'}; a test module bears one of {', '.join(CATEGORIES)}, "
                "such as `pytestmark = pytest.mark.unit`"
            )
        return found


def place(item):
    """Of a test's module in the run. What is slow comes first, so that no worker is left alone with it at the end.

    The processes come next: meanwhile the first worker makes what tests of models share, and nobody waits for it.
    """
    borne = _names(item.getparent(pytest.Module).own_markers)
    return next(place for place, category in enumerate(CATEGORIES) if category in borne)


def _names(markers):
    return {marker.name for marker in markers}
