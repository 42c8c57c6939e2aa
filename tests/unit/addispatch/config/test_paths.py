from hypothesis import given
from hypothesis import strategies as st

from addispatch.config.paths import join, parents, walk


def test_joining():
    assert join("", "plugin") == "plugin"
    assert join(join(join("plugin", "mqtt"), "subscribe"), 0) == "plugin.mqtt.subscribe[0]"
    assert join("a", 'b "c".d') == 'a."b \\"c\\".d"'


def test_walking_reaches_every_value_with_its_path_and_nearest_key():
    seen = []
    copy = walk({"a": [{"b": 1}, "c"], "d": None}, lambda path, key, value: seen.append((path, key, value)) or "x")
    assert seen == [("a[0].b", "b", 1), ("a[1]", "a", "c"), ("d", "d", None)]
    assert copy == {"a": [{"b": "x"}, "x"], "d": "x"}


@given(st.lists(st.text('ab.[" ', min_size=1) | st.integers(0, 9), min_size=1))
def test_parents_undo_joining(parts):
    expected, path = [], ""
    for part in ["top", *parts]:
        path = join(path, part)
        expected.insert(0, path)
    assert list(parents(path)) == expected
