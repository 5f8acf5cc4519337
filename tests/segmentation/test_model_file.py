"""A model file gives the same model back, or one line that says why it is refused."""

import json
import random
import tracemalloc
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from click.testing import CliRunner
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.pipeline import Pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SpendingAggregator,
    TrajectoryClusterer,
    TransactionLog,
    __version__,
)
from skspend._utils._errors import DataError
from skspend.cli import main
from skspend.inspection import name_segments
from skspend.personality import TRAITS
from skspend.segmentation import SegmentModel
from skspend.segmentation._model_file import LARGEST

DATA = Path(__file__).parents[1] / "data"
MUCH = 300e6
"""Bytes of memory that reading any file may take."""


@pytest.fixture(scope="module")
def most_scorer(bank):
    """A scorer that knows all categories but the last."""
    return BigFivePersonalityScorer(bank.coefficients.iloc[:-1].to_dict())


def make_model(log, scorer, **steps):
    steps = {
        "spend": SpendingAggregator(n_periods=3),
        "states": LSTMStateExtractor(2, n_networks=2, scorer=scorer, epochs=5, random_state=0),
        "segment": TrajectoryClusterer(max_depth=2, random_state=0),
    } | steps
    pipeline = Pipeline([(name, clone(step)) for name, step in steps.items()]).fit(log)
    spend, states, segment = pipeline.named_steps.values()
    panel = spend.transform(log)
    names = name_segments(segment, None, states.scorer_.transform(panel), panel)
    return SegmentModel(pipeline, names)


@pytest.fixture(scope="module")
def model(bank_log, most_scorer):
    return make_model(bank_log, most_scorer)


def test_a_model_of_many_categories_is_kept(bank_log, most_scorer, tmp_path):
    frame = bank_log[:40].to_frame()
    rare = frame[:1].merge(pd.Series(range(33_500), name="number"), how="cross")
    rare["category"] = "article " + rare.pop("number").astype(str)
    log = TransactionLog(pd.concat([frame, rare.assign(amount=0.01)]))
    model = make_model(log, most_scorer)
    model.save(tmp_path / "model.json")
    loaded = SegmentModel.load(tmp_path / "model.json")
    assert len(loaded.pipeline["spend"].categories_) > 33_500
    pd.testing.assert_frame_equal(loaded.predict(log[:5]), model.predict(log[:5]))


@pytest.fixture(scope="module")
def content(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.json"
    model.save(path)
    return path.read_bytes()


@pytest.fixture
def document(content):
    return json.loads(content)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.json"


def test_a_model_of_categories_without_names_is_refused(model, bank_log, bank):
    spend, _, segment = model.pipeline.named_steps.values()
    scorer = BigFivePersonalityScorer(bank.coefficients.reset_index(drop=True))
    shares = spend.transform(bank_log).to_numpy()
    nameless = LSTMStateExtractor.paper(scorer=scorer, n_periods=3, epochs=1, n_init=1).fit(shares)
    pipeline = Pipeline([("spend", spend), ("states", nameless), ("segment", segment)])
    with pytest.raises(DataError, match="have no names"):
        SegmentModel(pipeline, model.names)


def refusal(path, content):
    """The line with which a file of this content is refused."""
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        SegmentModel.load(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and line.isprintable() and len(line) < 700, line
    return line


@pytest.mark.parametrize(
    "steps",
    [
        {},
        {"spend": SpendingAggregator(n_periods=3, normalize="income", handle_unknown="ignore")},
        {"spend": SpendingAggregator(period=6, max_categories=9, dtype=np.float32)},
        {"states": LSTMStateExtractor(3, (4,), state="both", objective="scores", epochs=2)},
        {"states": LSTMStateExtractor.paper(state="both", epochs=2)},
        {"segment": TrajectoryClusterer(outlier_threshold=0.5, random_state=0)},
        {"segment": TrajectoryClusterer(min_share=0.5)},
    ],
    ids=["usual", "income", "rare, float32", "all states", "paper", "outliers", "nothing divides"],
)
def test_a_loaded_model_gives_the_same_answers_to_the_last_bit(bank_log, most_scorer, path, steps):
    customers = bank_log.customers[:100]
    income = pd.DataFrame({"customer": customers, "income": 5e5 + np.arange(len(customers))})
    log = TransactionLog(bank_log[:100].to_frame(), income=income)
    if "states" in steps:
        steps["states"].set_params(scorer=most_scorer, random_state=0)
    model = make_model(log, most_scorer, **steps)
    model.save(path)
    loaded = SegmentModel.load(path)
    pd.testing.assert_frame_equal(loaded.predict(log), model.predict(log), check_exact=True)
    with sklearn.config_context(transform_output="pandas"):
        pd.testing.assert_frame_equal(loaded.predict(log), model.predict(log), check_exact=True)
    np.testing.assert_array_equal(loaded.pipeline.predict(log), model.pipeline.predict(log))
    assert loaded.names == model.names
    panel = model.pipeline["spend"].transform(log)
    before, after = model.pipeline["states"], loaded.pipeline["states"]
    np.testing.assert_array_equal(after.scorer_.coefficients_, before.scorer_.coefficients_)
    assert after.scorer_.coverage_ == before.scorer_.coverage_
    assert after.score(panel) == before.score(panel)
    pd.testing.assert_frame_equal(after.history_, before.history_)
    pd.testing.assert_frame_equal(
        loaded.pipeline["spend"].quality_, model.pipeline["spend"].quality_
    )
    tree, expected = loaded.pipeline["segment"].tree_, model.pipeline["segment"].tree_
    pd.testing.assert_frame_equal(tree, expected)
    for name, features in [("states", panel), ("segment", before.transform(panel))]:
        assert loaded.pipeline[name].feature_names_in_.tolist() == list(features.columns)
    # The parameters come back, too.
    again = clone(loaded.pipeline).fit(log)
    np.testing.assert_array_equal(again.predict(log), model.pipeline.predict(log))
    loaded.save(path.with_name("again.json"))
    assert path.with_name("again.json").read_bytes() == path.read_bytes()


def test_a_loaded_model_has_the_same_stable_segments(model, bank_log, path):
    stable = {node: 0 if node < 3 else node for node in model.names}
    parents = model.pipeline["segment"].parents_
    stable |= {node: stable[parents[node]] for node in model.names if parents[node]}
    known = replace(model, stable=stable)
    known.save(path)
    loaded = SegmentModel.load(path)
    assert loaded.stable == stable
    pd.testing.assert_frame_equal(loaded.predict(bank_log[:9]), known.predict(bank_log[:9]))
    loaded.save(path.with_name("again.json"))
    assert path.with_name("again.json").read_bytes() == path.read_bytes()


def test_the_file_of_version_0_1_0_gives_the_segments_that_it_gave_then():
    model = SegmentModel.load(DATA / "model-0.1.0.json")
    placed = model.predict(TransactionLog(pd.read_csv(DATA / "customers.csv")))
    then = pd.read_csv(DATA / "segments-0.1.0.csv")
    assert then["segment"].nunique() > 5
    np.testing.assert_allclose(placed["strength"], then["strength"], atol=1e-6)
    for name in ("customer", "segment", "level1", "type"):
        assert placed[name].tolist() == then[name].tolist()


def lengths(value):
    if isinstance(value, list):
        yield len(value)
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from lengths(item)


def test_a_file_is_small_and_holds_nothing_for_each_customer(document, content, model):
    assert len(content) < 50_000
    assert max(lengths(document)) < 300
    spend, states, segment = model.pipeline.named_steps.values()
    assert len(spend.active_periods_) == len(segment.labels_) == 300
    assert len(states.feature_names_in_) == 72
    assert document["versions"] == {"skspend": __version__, "scikit-learn": sklearn.__version__}


def test_what_could_not_be_loaded_is_not_saved(model, bank, bank_log, most_scorer, path):
    def refuses(message, pipeline=model.pipeline, names=model.names, path=path):
        with pytest.raises(DataError, match=message):
            SegmentModel(pipeline, names).save(path)

    refuses("other steps", Pipeline([model.pipeline.steps[0], model.pipeline.steps[2]]))
    refuses("one name each", names={})
    refuses("not printable", names=model.names | {1: "\x1b[31m"})
    refuses("do not fit together", clone(model.pipeline))
    refuses("No such file", path=path.parent / "nowhere" / "model.json")
    segment = clone(model.pipeline["segment"]).set_params(clusterer=KMeans(2, random_state=0))
    refuses("clusterer is a KMeans", make_model(bank_log, most_scorer, segment=segment).pipeline)
    table = clone(most_scorer).set_params(coefficients=bank.coefficients)
    refuses(
        r"coefficients is a DataFrame, .*: fit with frame.to_dict\(\)",
        make_model(bank_log, table).pipeline,
    )
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize("version", ["0.0.9", "0.1.0.dev3", __version__])
def test_a_file_of_an_older_version_or_of_this_one_is_read(document, path, version):
    document["versions"]["skspend"] = version
    path.write_text(json.dumps(document))
    SegmentModel.load(path)


@pytest.mark.parametrize("version", ["0.1.1", "12.0", "1.0rc1"])
def test_a_file_of_a_newer_version_is_refused_whatever_else_it_holds(path, version):
    line = refusal(path, json.dumps({"versions": {"skspend": version}, "all": "new"}).encode())
    assert f"skspend {version} wrote it, and this is skspend {__version__}" in line
    assert "pip install --upgrade skspend" in line


NESTED = b'{"versions": {"skspend": "0.1.0"}, "steps": %s, "names": {}}'


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda content: b"", "Expecting value"),
        (lambda content: b"a model, honestly", "Expecting value"),
        (lambda content: b"\x89PNG\r\n\x1a\n" + content, "can't decode byte"),
        (lambda content: content.decode().encode("utf-16"), "can't decode byte"),
        (lambda content: content[: len(content) // 2], "Expecting|Unterminated"),
        (lambda content: content + content, "Extra data"),
        (lambda content: b"[1, 2]", "pass the model.json that skspend segment writes"),
        (lambda content: b'{"type": "FeatureCollection"}', "pass the model.json"),
        (lambda content: b'{"versions": {"skspend": 3}}', "pass the model.json"),
        (lambda content: b'{"versions": {"skspend": "soon"}}', "Invalid version"),
        # As in run.json.
        (lambda content: b'{"versions": {"skspend": "0.1.0"}, "model": {}}', "pass the model.json"),
        (lambda content: b'{"names": {}, ' + content[1:], "a key is repeated"),
        (lambda content: content.replace(b"null", b"NaN"), "nan is not a finite|NaN is not"),
        (lambda content: content.replace(b"null", b"-Infinity"), "Infinity is not a finite"),
        (lambda content: content.replace(b"null", b"1e999"), "1e999 is not a finite number"),
        (lambda content: content.replace(b"null", b"9" * 5000), "4300 digits"),
        (lambda content: NESTED % (b"[" * 10**5 + b"]" * 10**5), "do not fit together"),
        (lambda content: NESTED % (b'{"tuple":' * 900 + b"1" + b"}" * 900), "other steps"),
        (lambda content: NESTED % (b"[" + b"[]," * 10**6 + b"1]"), "1,000,000 values"),
        (lambda content: NESTED % ('["%s"]' % ("\U0001f310aaa" * 10**6)).encode(), "other steps"),
        (lambda content: content + b" " * 20_000_000, f"{LARGEST:,} bytes"),
    ],
)  # fmt: skip
def test_what_is_not_a_whole_json_model_is_refused_with_little_memory(
    content, path, spoil, message
):
    spoiled = spoil(content)
    tracemalloc.start()
    line = refusal(path, spoiled)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MUCH
    assert any(part in line for part in message.split("|")), line
    assert line.endswith("Copy the file again, or write a new one with skspend segment.")


def attributes(document, step):
    """The attributes of a step, or of what is in it: 'states.scorer_'."""
    name, *inside = step.split(".")
    [found] = document["steps"][name].values()
    for name in inside:
        [found] = found[name].values()
    return found


def packed(dtype, shape, n_bytes):
    """Weights as a model file holds them."""
    return {"bytes": [dtype, shape, b64encode(bytes(n_bytes)).decode()]}


HUGE = 10**12
OBJECT = {"os.system": ["echo"]}


@pytest.mark.parametrize(
    ("step", "name", "value", "message"),
    [
        ("spend", "n_periods_", HUGE, "n_periods has the size"),
        ("spend", "n_periods_", True, "not a whole number"),
        ("spend", "n_periods_", 3.0, "not a whole number"),
        ("spend", "n_periods_", 2, "n_periods has the size"),
        ("spend", "n_months_", HUGE, "too many periods"),
        ("spend", "n_months_", 0, "not a whole number above 0"),
        ("spend", "categories_", None, "not an array"),
        ("spend", "categories_", {"text": []}, "has the size"),
        ("spend", "categories_", {"text": [["a"]]}, "do not fit|shorter|longer"),
        ("spend", "categories_", {"text": ["pets"] * 24}, "repeats a category"),
        ("spend", "spending_categories_", {"text": []}, "no categories"),
        ("spend", "infrequent_categories_", {"text": [1]}, "not of text"),
        ("spend", "dtype_", "object", "dtype_ is not one of"),
        ("spend", "normalize_", ["income"], "normalize_ is not one of"),
        ("spend", "transform", 1, "unknown parameters"),
        ("spend", "_parent_callback_ctx", 1, "unknown parameters"),
        ("states.scorer_.scaler_", "_sklearn_output_config", {"dict": []}, "unknown parameters"),
        ("spend", "more_", 1, "other attributes"),
        ("spend", "period", OBJECT, "no model holds an object of type 'os.system'"),
        ("spend", "period", {"int64": [1], "text": []}, "does not have one type"),
        ("spend", "period", {"\x1b[2J": 1}, r"'\x1b[2J'"),
        ("states", "network_", [1], "not a Network"),
        ("states", "kernels_", {"tuple": []}, "not a list"),
        ("states", "kernels_", [], "array for each layer"),
        ("states", "kernels_", [{"float64": [1.0]}] * 8, "shorter|longer"),
        ("states", "kernels_", [packed("float64", [1, 1], 8)] * 8, "shorter|longer"),
        ("states", "kernels_", [packed("float64", [5], 8)] * 8, "of the shape (5,) has 1 values"),
        ("states", "kernels_", [packed("float32", [HUGE] * 9, 8)], "has 2 values"),
        ("states", "kernels_", [packed("float64", [1], 7)], "buffer size"),
        ("states", "kernels_", [packed("float64", [-1], 8)], "not of whole numbers"),
        ("states", "kernels_", [packed("float64", [True], 8)], "not of whole numbers"),
        ("states", "kernels_", [packed("object", [1], 8)], "not of floats"),
        ("states", "kernels_", [{"bytes": ["float64", [1], "a.b"]}], "base64|do not fit"),
        ("states", "kernels_", [{"bytes": "float64"}], "do not fit"),
        ("states", "projection_", None, "does not read its categories"),
        ("states", "projection_", {"float64": [[None] * 5] * 24}, "not finite"),
        ("states", "projection_", {"float64": [[1.0] * 5] * 23}, "has the size"),
        ("states", "components_", None, "of other networks"),
        ("states", "components_", {"float64": [[1.0, 1.0]] * 3}, "has the size"),
        ("states", "input_scaler_", None, "not a StandardScaler"),
        ("states", "classes_", None, "of another network"),
        ("states.network_", "n_networks", 1, "of other networks"),
        ("states.network_", "n_networks", HUGE, "components_ has the size"),
        ("states.network_", "task_weights", {"tuple": [1.0]}, "of another network"),
        ("states.network_", "task_weights", [1.0, 0.5], "not a tuple"),
        ("states.network_", "reads", "every", "reads is not one of"),
        ("states", "state_", "both", "different states"),
        ("states", "losses_", 1, "not a dict"),
        ("states.network_", "encoder", {"tuple": [2.0]}, "no number of units"),
        ("states.network_", "encoder", {"tuple": [HUGE]}, "different states"),
        ("states.network_", "n_outputs", HUGE, "of another network"),
        ("states.network_", "recurrent", False, "recurrent is not one of"),
        ("states.scorer_", "level_", "period", "level_ is not one of"),
        ("states.scorer_", "scaler_", None, "not a RobustScaler"),
        ("states.scorer_", "n_features_in_", 7, "different panels"),
        ("states.scorer_", "coefficients_", {"float64": [[1.0], [1.0, 2.0]]}, "not of float64"),
        ("states.scorer_", "coefficients_", {"float64": 1.0}, "not a list of float64"),
        ("states.scorer_.scaler_", "scale_", {"float64": [1.0, 1.0, 0.0, 1.0, 1.0]}, "above zero"),
        (
            "states.scorer_.scaler_",
            "center_",
            {"float64": [1.0, 1.0, None, 1.0, 1.0]},
            "not finite",
        ),
        ("states.scorer_.scaler_", "center_", {"float64": [1.0, 1.0, 1e40, 1.0, 1.0]}, "too large"),
        ("segment", "radii_", {"float64": [1.0]}, "of the leaves"),
        ("segment", "outlier_threshold_", "0.5", "not a number"),
        ("segment", "exemplars_", {"float64": [[1.0]]}, "not int64"),
        ("segment", "sizes_", {"int64": [10**40]}, "do not fit together"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(document, path, step, name, value, message):
    attributes(document, step)[name] = value
    line = refusal(path, json.dumps(document).encode())
    assert any(part in line for part in message.split("|")), line


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e31])
def test_a_weight_that_is_not_finite_is_refused(document, path, number):
    weights = attributes(document, "states")["kernels_"]
    dtype, shape, _ = weights[0]["bytes"]
    content = np.full(shape, number, dtype).tobytes()
    weights[0] = {"bytes": [dtype, shape, b64encode(content).decode()]}
    assert "kernels_ has a number that is not finite" in refusal(
        path, json.dumps(document).encode()
    )


@pytest.mark.parametrize(
    ("node", "parent", "message"),
    [
        (0, 1, "no tree"),
        (1, 1, "no tree"),
        (1, 2, "no tree"),
        (1, -1, "no tree"),
        (1, HUGE, "no tree"),
    ],
)
def test_a_cyclic_tree_is_refused(document, path, node, parent, message):
    attributes(document, "segment")["parents_"]["int64"][node] = parent
    assert message in refusal(path, json.dumps(document).encode())


def test_a_chain_of_nodes_is_refused_before_anybody_walks_it(document, path):
    n = 5000
    chain = {"parents_": range(-1, n - 1), "sizes_": [9] * n, "exemplars_": [[0, 0, 0]] * n}
    segment = attributes(document, "segment")
    segment |= {name: {"int64": list(values)} for name, values in chain.items()}
    segment |= {"centers_": {"float64": [[0.0, 0.0]] * n}, "radii_": {"float64": [1.0]}}
    assert "more than 100 levels" in refusal(path, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("names", "message"),
    [({}, "one name each"), ({"01": "a"}, "one name each"), ({"1": 5}, "text"), ([], "each")],
)
def test_names_that_are_not_those_of_the_nodes_are_refused(document, path, names, message):
    document["names"] = names if len(names) == 0 else document["names"] | names
    assert message in refusal(path, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stable, inner: stable[1:], "not one for each segment"),
        (lambda stable, inner: [*stable, 1], "not one for each segment"),
        (lambda stable, inner: [True, *stable[1:]], "not one for each segment"),
        (lambda stable, inner: ["1", *stable[1:]], "not one for each segment"),
        (lambda stable, inner: {"1": 1}, "not one for each segment"),
        (lambda stable, inner: 5, "do not fit together"),
        (lambda stable, inner: [HUGE, *stable[1:]], "neither the segment nor the stable one"),
        (lambda stable, inner: [2, *stable[1:]], "neither the segment nor the stable one"),
        # A segment inside one that other fits do not find again.
        (lambda stable, inner: [0] * inner + [inner + 1], "neither the segment nor the stable"),
    ],
)
def test_stable_segments_that_are_not_those_of_the_tree_are_refused(
    document, path, change, message
):
    parents = attributes(document, "segment")["parents_"]["int64"]
    stable = [node if parents[node] == 0 else parents[node] for node in range(1, len(parents))]
    document["stable"] = stable
    path.write_text(json.dumps(document))
    assert SegmentModel.load(path).stable == dict(enumerate(stable, start=1))
    document["stable"] = change(stable, len(stable) - 1)
    line = refusal(path, json.dumps(document).encode())
    assert any(part in line for part in message.split("|")), line


VALUES = [
    None, True, -1, 0, 1, 2, 7, 10**6, 10**12, -(10**40), 0.5, 1e29, 1e308, [], {}, ["x"], {"x": 1},
    "", "x", "year", "income", "both", {"text": ["x"]}, {"float64": [1.0]}, {"tuple": [1]},
    {"StandardScaler": {}}, {"Network": {}}, {"os.system": ["echo"]},
]  # fmt: skip


def places(value):
    """Every list and object of a document."""
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from places(item)


def mutate(content, draw):
    """Bytes that were changed, or a document of which a value or a key was."""
    if draw.random() < 0.3:
        spoiled = bytearray(content)
        for _ in range(draw.choice([1, 1, 5, 50])):
            spoiled[draw.randrange(len(spoiled))] = draw.choice(b'0123456789.,-[]{}"e \xff')
        return bytes(spoiled)
    document = json.loads(content)
    for _ in range(draw.choice([1, 1, 1, 3])):
        found = [place for place in places(document["steps"]) if place]
        place = draw.choice(found)
        key = draw.choice(range(len(place)) if isinstance(place, list) else sorted(place))
        kind = draw.randrange(4)
        if kind == 0:
            place[key] = draw.choice(VALUES)
        elif kind == 1:
            del place[key]
        elif kind == 2:
            place[key] = json.loads(json.dumps(draw.choice(found)))
        elif isinstance(place[key], float):
            place[key] = draw.choice([0.0, -1.0, 1e-300, 1e29, 1e31, place[key] * 1e5])
    return json.dumps(document).encode()


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_a_damaged_file_is_refused_in_one_line_or_is_a_model(content, model, bank_log, path):
    log = bank_log[:30]
    expected = model.predict(log)
    n_refused = 0
    for seed in range(100):
        path.write_bytes(mutate(content, random.Random(seed)))
        try:
            table = SegmentModel.load(path).predict(log)
        except DataError as error:
            line = str(error)
            assert line.startswith(f"{path}: ") and line.isprintable(), line
            n_refused += 1
            continue
        assert len(table) == len(expected), seed
        assert table["strength"].between(0, 1).all(), seed
        assert set(expected) - {"level2", *TRAITS} <= set(table), seed
    assert 35 < n_refused < 100


def test_predict_says_in_one_line_what_is_wrong_with_a_model(content, tmp_path):
    for name, spoiled in {"none": None, "half": content[:999], "foreign": b"{}"}.items():
        path = tmp_path / f"{name}.json"
        if spoiled is not None:
            path.write_bytes(spoiled)
        done = CliRunner().invoke(main, ["predict", str(path), str(DATA / "customers.csv")])
        assert done.exit_code == 2, done.output
        assert done.stderr.startswith(f"Error: {path}: ") and done.stderr.count("\n") == 1
