"""What comes of a damaged, foreign, newer or hostile model file: one clear line, or a model."""

import io
import json
import os
import random
import sys
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
from click.testing import CliRunner
from sklearn.cluster import KMeans
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skspend import (
    SpendingAggregator,
    TransactionLog,
    __version__,
    model_file,
    segmentation as work,
)
from skspend._utils._errors import DataError
from skspend.cli import main
from skspend.personality import TRAITS
from skspend.segmentation import SegmentModel

MUCH = 300e6
"""Bytes: more than this nothing may take."""
EACH = 30
"""Files of every kind of damage; thousands were tried."""


def make_model(log, coefficients, **aggregation):
    spend, panel, is_active = work.aggregate(log, **aggregation)
    states = work.train(panel[is_active], coefficients=coefficients, n_units=2)
    trajectories = states.transform(panel[is_active])
    segment, names = work.cluster(trajectories, states.scorer_.transform(panel[is_active]))
    pipeline = Pipeline([("spend", spend), ("states", states), ("segment", segment)])
    return SegmentModel(pipeline, names)


@pytest.fixture(scope="module")
def model(bank, bank_log):
    return make_model(bank_log, bank.coefficients.to_dict())


@pytest.fixture(scope="module")
def content(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.skops"
    model.save(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def members(content):
    return unpack(content)


@pytest.fixture(scope="module")
def expected(model, bank_log):
    return model.predict(bank_log)


def unpack(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return buffer.getvalue()


def edit_schema(members, edit):
    """The members with a schema that `edit` has changed in place."""
    schema = json.loads(members["schema.json"])
    edit(schema)
    return members | {"schema.json": json.dumps(schema).encode()}


def nodes_of(schema):
    """All objects that a schema describes, with where they stand."""
    pending = [("", schema)]
    while pending:
        where, value = pending.pop()
        if isinstance(value, dict):
            pending.extend((f"{where}.{key}", item) for key, item in value.items())
            if "__loader__" in value:
                yield where, value
        elif isinstance(value, list):
            pending.extend((f"{where}.{key}", item) for key, item in enumerate(value))


def attribute(schema, step, name):
    """The node of an attribute, such as n_periods_ of the step spend."""
    part, *rest = step.split(".")
    number = ["spend", "states", "segment"].index(part)
    node = schema["content"]["pipeline"]["content"]["content"]["steps"]["content"][number]
    node = node["content"][1]
    for part in rest:
        node = node["content"]["content"][part]
    return node["content"]["content"][name]


def refusal(content, path):
    """The line with which a file is refused."""
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        SegmentModel.load(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert line.isprintable() and len(line) < 600, line
    return line


def test_a_model_comes_back_and_places_everybody_as_before(
    model, content, expected, bank_log, tmp_path
):
    (tmp_path / "model.skops").write_bytes(content)
    loaded = SegmentModel.load(tmp_path / "model.skops")
    pd.testing.assert_frame_equal(loaded.predict(bank_log), expected)
    assert loaded.names == model.names
    for step, name in [("states", "spend"), ("segment", "states")]:
        names = loaded.pipeline[name].get_feature_names_out()
        assert loaded.pipeline[step].feature_names_in_.tolist() == names.tolist()


def test_a_model_that_divides_by_income_comes_back(bank, bank_log, tmp_path):
    frame = bank_log.to_frame()
    income = pd.DataFrame({"customer": frame["customer"].unique(), "income": 5e5})
    log = TransactionLog(frame, income=income)
    model = make_model(log, bank.coefficients.to_dict(), normalize="income")
    model.save(tmp_path / "model.skops")
    loaded = SegmentModel.load(tmp_path / "model.skops")
    pd.testing.assert_frame_equal(loaded.predict(log), model.predict(log))


def test_a_model_of_rare_categories_and_small_numbers_comes_back(bank_log, tmp_path):
    spend = SpendingAggregator(max_categories=3, dtype=np.float32)
    panel = spend.fit_transform(bank_log)
    values = np.random.default_rng(0).normal(size=(3, 5))
    coefficients = pd.DataFrame(values, spend.categories_, TRAITS).to_dict()
    states = work.train(panel, coefficients=coefficients)
    segment, names = work.cluster(states.transform(panel), states.scorer_.transform(panel))
    steps = [("spend", spend), ("states", states), ("segment", segment)]
    SegmentModel(Pipeline(steps), names).save(tmp_path / "model.skops")
    loaded = SegmentModel.load(tmp_path / "model.skops")
    pd.testing.assert_frame_equal(
        loaded.predict(bank_log), SegmentModel(Pipeline(steps), names).predict(bank_log)
    )


def test_a_model_that_divides_nobody_comes_back(model, bank_log, expected, tmp_path):
    spend, states, _ = model.pipeline.named_steps.values()
    trajectories = states.transform(spend.transform(bank_log)) * 0
    segment, names = work.cluster(trajectories, np.zeros((300, 5)))
    steps = [("spend", spend), ("states", states), ("segment", segment)]
    SegmentModel(Pipeline(steps), names).save(tmp_path / "model.skops")
    table = SegmentModel.load(tmp_path / "model.skops").predict(bank_log)
    assert set(table["segment"]) == {work.EVERYBODY}


def test_a_model_of_another_scikit_learn_is_read_with_a_warning(members, bank_log, tmp_path):
    older = members["schema.json"].replace(sklearn.__version__.encode(), b"1.8.0")
    assert older != members["schema.json"]
    (tmp_path / "model.skops").write_bytes(pack(members | {"schema.json": older}))
    with pytest.warns(InconsistentVersionWarning):
        SegmentModel.load(tmp_path / "model.skops")


def test_equal_models_are_equal_files(model, content, tmp_path):
    (tmp_path / "model.skops").write_bytes(content)
    SegmentModel.load(tmp_path / "model.skops").save(tmp_path / "again.skops")
    assert (tmp_path / "again.skops").read_bytes() == content


def test_saving_leaves_the_model_as_it_is(model, content):
    spend, states, segment = model.pipeline.named_steps.values()
    assert len(spend.active_periods_) == len(segment.labels_) == 300
    assert len(states.feature_names_in_) == len(states.scorer_.feature_names_in_) == 72


def test_a_file_holds_no_value_for_each_customer_and_is_small(members):
    largest = max(len(data) for name, data in members.items() if name.endswith(".npy"))
    assert largest < 8 * 300
    assert sum(map(len, members.values())) < 100_000


def test_a_file_says_which_versions_wrote_it(members):
    versions = json.loads(members["versions.json"])
    assert versions == {
        name: work.versions()[name] for name in ("skspend", "scikit-learn", "skops")
    }


def test_what_could_not_be_loaded_is_not_saved(model, tmp_path):
    steps = dict(model.pipeline.steps)
    other = Pipeline([("spend", steps["spend"]), ("segment", steps["segment"])])
    with pytest.raises(DataError, match="other steps"):
        SegmentModel(other, model.names).save(tmp_path / "model.skops")
    with pytest.raises(DataError, match="one name each"):
        SegmentModel(model.pipeline, {}).save(tmp_path / "model.skops")
    segment = work.TrajectoryClusterer(clusterer=KMeans(2))
    vars(segment).update({k: v for k, v in vars(steps["segment"]).items() if k != "clusterer"})
    other = Pipeline([*model.pipeline.steps[:2], ("segment", segment)])
    with pytest.raises(DataError, match=r"holds sklearn.cluster._kmeans.KMeans"):
        SegmentModel(other, model.names).save(tmp_path / "model.skops")
    with pytest.raises(DataError, match="No such file"):
        model.save(tmp_path / "nowhere" / "model.skops")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("version", ["0.0.9", "0.1.0.dev3", __version__])
def test_a_file_of_an_older_version_or_of_this_one_is_read(members, tmp_path, version):
    path = tmp_path / "model.skops"
    path.write_bytes(pack(members | {"versions.json": json.dumps({"skspend": version})}))
    SegmentModel.load(path)


@pytest.mark.parametrize("version", ["0.1.1", "12.0", "1.0rc1"])
def test_a_file_of_a_newer_version_is_refused_whatever_else_it_holds(tmp_path, version):
    members = {"versions.json": json.dumps({"skspend": version}), "all-new.bin": b"?"}
    line = refusal(pack(members), tmp_path / "new.skops")
    assert f"written by skspend {version}, and this is skspend {__version__}" in line
    assert "pip install --upgrade skspend" in line


def test_a_file_of_a_newer_protocol_of_skops_is_refused(members, tmp_path):
    content = pack(edit_schema(members, lambda schema: schema.update(protocol=99)))
    line = refusal(content, tmp_path / "new.skops")
    assert "saved with skops protocol 99" in line
    assert "update skops" in line


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda content: b"a model, honestly", "not a zip file"),
        (lambda content: b"", "not a zip file"),
        (lambda content: content[: len(content) // 2], "not a zip file"),
        (lambda content: skops.io.dumps([1, 2]), "no model written by skspend segment"),
        (lambda content: content[:3000] + bytes(9) + content[3009:], "no readable model"),
        (lambda content: pack({"versions.json": b"?"}), "no readable model"),
        (lambda content: pack({"versions.json": b"[]"}), "no readable model"),
        (lambda content: pack({"versions.json": b'{"skspend": "soon"}'}), "Invalid version"),
        (lambda content: pack({"versions.json": b'{"skspend": "0.1.0"}'}), "no readable model"),
        (lambda content: pack(unpack(content), zipfile.ZIP_LZMA), "another method"),
        (lambda content: pack(unpack(content) | {"more.npy": b""}), "belong to nothing"),
    ],
)  # fmt: skip
def test_predict_says_in_one_line_what_is_wrong_with_a_file(
    content, bank_log, tmp_path, spoil, message
):
    bank_log.to_frame().to_parquet(tmp_path / "log.parquet")
    (tmp_path / "model.skops").write_bytes(spoil(content))
    paths = [tmp_path / name for name in ("model.skops", "log.parquet", "out.parquet")]
    done = CliRunner().invoke(main, ["predict", *map(str, paths[:2]), "--output", str(paths[2])])
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("Error: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert message in done.stderr, done.stderr
    assert not paths[2].exists()


def test_predict_names_a_file_that_is_not_there(tmp_path):
    done = CliRunner().invoke(main, ["predict", str(tmp_path / "no.skops"), "log.csv"])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "no.skops: No such file" in done.stderr


def as_node(loader, module, name, **more):
    return {"__class__": name, "__module__": module, "__loader__": loader, **more}


CANARY = "skspend_canary"
TEXT = as_node("JsonNode", "builtins", "str", content='"echo"')
TUPLE = as_node("TupleNode", "builtins", "tuple", content=[TEXT])
EMPTY = as_node("TupleNode", "builtins", "tuple", content=[])
HOSTILE = [
    as_node("FunctionNode", CANARY, "run"),
    as_node("FunctionNode", "os", "system", content={"module_path": CANARY, "function": "run"}),
    as_node("TypeNode", CANARY, "run"),
    as_node("JsonNode", CANARY, "run", content="1"),
    as_node("ObjectNode", CANARY, "Run", content=TEXT),
    as_node("ObjectNode", "sklearn.preprocessing._function_transformer", "FunctionTransformer"),
    as_node("ListNode", CANARY, "run", content=[TEXT]),
    as_node("SetNode", "builtins", "set", content=[TEXT]),
    as_node("ConstructorFromReduceNode", CANARY, "Run", content=TUPLE),
    as_node("ConstructorFromReduceNode", "skspend.extraction", "LSTMStateExtractor", content=TUPLE),
    as_node("MethodNode", "builtins", "str", content={"obj": TEXT, "func": "format_map"}),
    as_node("PartialNode", "functools", "partial",
            content=dict.fromkeys(("func", "args", "kwds", "namespace"), TUPLE)),
    as_node("OperatorFuncNode", "operator", "methodcaller", attrs=TUPLE),
    as_node("TreeNode", "sklearn.tree._tree", "Tree", content=EMPTY, __reduce__={"args": TUPLE}),
    as_node("LossNode", CANARY, "Run", content=EMPTY, __reduce__={"args": TUPLE}),
    as_node("RandomGeneratorNode", "numpy.random", "Generator",
            content={"bit_generator": TEXT, "seed_seq": TEXT}),
    as_node("SparseMatrixNode", "scipy.sparse", "csr_matrix", type="scipy", file="0.npy"),
    as_node("BytesNode", "builtins", "bytes", file="0.npy"),
    as_node("CachedNode", "builtins", "str"),
    as_node("NdArrayNode", "numpy", "void", type="numpy", file="0.npy"),
    as_node("DefaultDictNode", "collections", "defaultdict", content={"main": TEXT}),
    as_node("NewNode", "builtins", "dict"),
]  # fmt: skip


@pytest.fixture
def canary(tmp_path_factory, monkeypatch):
    """A module that must not be imported, and a function that must not be called."""
    folder = tmp_path_factory.mktemp("canary")
    (folder / f"{CANARY}.py").write_text("class Run: pass\nrun = Run\n")
    monkeypatch.syspath_prepend(str(folder))
    called = []
    monkeypatch.setattr(os, "system", called.append)
    yield
    assert not called
    assert CANARY not in sys.modules


@pytest.mark.usefixtures("canary")
@pytest.mark.parametrize("node", HOSTILE, ids=lambda node: node["__loader__"])
def test_a_file_that_names_another_type_is_refused_and_nothing_is_run(members, tmp_path, node):
    def plant(schema):
        attribute(schema, "spend", "period").clear()
        attribute(schema, "spend", "period").update(node)

    line = refusal(pack(edit_schema(members, plant)), tmp_path / "evil.skops")
    assert f"holds {node['__module__']}.{node['__class__']} as {node['__loader__']}" in line
    assert "Nothing of it was loaded" in line


def test_a_foreign_file_of_skops_is_refused(members, tmp_path):
    content = skops.io.dumps({"pipeline": FunctionTransformer(np.savetxt), "names": {}})
    evil = unpack(content) | {"versions.json": members["versions.json"]}
    assert "numpy.savetxt as FunctionNode" in refusal(pack(evil), tmp_path / "evil.skops")


def test_what_a_file_says_reaches_the_screen_without_control_characters(members, tmp_path):
    def rename(schema):
        schema["__module__"] = "\x1b[2Jos\nError: none"

    assert "?[2Jos Error: none" in refusal(
        pack(edit_schema(members, rename)), tmp_path / "evil.skops"
    )


def set_node(step, name, node):
    def edit(schema):
        attribute(schema, step, name).clear()
        attribute(schema, step, name).update(node)

    return edit


def set_json(step, name, value):
    return set_node(step, name, as_node("JsonNode", "builtins", "str", content=json.dumps(value)))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (set_json("spend", "n_periods_", 10**12), "cannot be"),
        (set_json("spend", "n_periods_", True), "cannot be"),
        (set_json("spend", "n_periods_", 2), "different tables"),
        (set_json("spend", "period", 10**12), "cannot be"),
        (set_json("spend", "_fitted_on_log", False), "not fitted on transactions"),
        (set_json("spend", "categories_", None), "fit together"),
        (set_json("spend", "infrequent_categories_", [1]), "array is none"),
        (set_json("spend", "dtype", "object"), "no numbers"),
        (set_json("spend", "_roles", [["pets"], []]), "array is none"),
        (set_json("states", "n_features_in_", 7), "different tables"),
        (set_json("states", "weights_", [1]), "not all its weights"),
        (set_json("states", "network_", [1]), "network is none"),
        (set_node("states", "weights_", EMPTY), "not all its weights"),
        (set_json("states", "state", "both"), "no readable model"),
        (set_json("states.scorer_", "level", "period"), "no readable model"),
        (set_json("states.scorer_", "scaler_", None), "scaler is none"),
        (set_json("states.scorer_", "coefficients_", [[1.0]]), "array is none"),
        (set_json("segment", "_typical", [1.0]), "array is none"),
    ],
)
def test_objects_that_do_not_fit_together_are_refused(members, tmp_path, edit, message):
    used = edit_schema(members, edit)
    named = {
        node["file"] for _, node in nodes_of(json.loads(used["schema.json"])) if "file" in node
    }
    used = {name: used[name] for name in used if not name.endswith(".npy") or name in named}
    assert message in refusal(pack(used), tmp_path / "evil.skops")


def test_an_attribute_in_the_place_of_a_method_is_refused(members, tmp_path):
    def hide(schema):
        attributes = attribute(schema, "spend", "period")
        step = schema["content"]["pipeline"]["content"]["content"]["steps"]["content"][0]
        step["content"][1]["content"]["content"]["transform"] = dict(attributes)
        step["content"][1]["content"]["key_types"]["content"].append(
            as_node("TypeNode", "builtins", "str")
        )

    line = refusal(pack(edit_schema(members, hide)), tmp_path / "evil.skops")
    assert "a method is replaced" in line


def edit_array(members, step, name, change):
    """The members with one array in the place of another; `name` may end in a position."""
    schema = json.loads(members["schema.json"])
    name, _, position = name.partition(" ")
    node = attribute(schema, step, name)
    file = (node["content"][int(position)] if position else node)["file"]
    stream = io.BytesIO()
    np.save(stream, change(np.load(io.BytesIO(members[file]))))
    return members | {file: stream.getvalue()}


def put(*where, value):
    def change(array):
        array[where] = value
        return array

    return change


@pytest.mark.parametrize(
    ("step", "name", "change", "message"),
    [
        ("states", "weights_ 0", put(0, 0, value=np.nan), "not finite"),
        ("states", "weights_ 1", put(0, 0, value=-np.inf), "not finite"),
        ("states", "weights_ 2", put(0, value=1e40), "not finite"),
        ("states", "weights_ 0", np.transpose, "not float64 (24, 8)"),
        ("states", "weights_ 0", lambda array: array.astype(np.float32), "float32"),
        ("states", "weights_ 0", lambda array: array.astype(">f8"), ">f8"),
        ("states", "weights_ 0", lambda array: array.astype("U9"), "instead of numbers"),
        ("states", "weights_ 0", lambda array: array.astype("V0"), "instead of numbers"),
        ("states.scorer_", "coefficients_", put(0, 0, value=np.inf), "not finite"),
        ("states.scorer_.scaler_", "scale_", put(0, value=0), "not above zero"),
        ("segment", "_parents", put(1, value=1), "no tree"),
        ("segment", "_parents", put(0, value=1), "no tree"),
        ("segment", "_parents", put(1, value=-1), "no tree"),
        ("segment", "_parents", put(1, value=10**15), "no tree"),
        ("segment", "_depths", put(1, value=10**15), "no tree"),
        ("segment", "_labels", put(1, value=10**15), "numbered in order"),
        ("segment", "_labels", np.flip, "numbered in order"),
        ("segment", "_typical", lambda array: array[1:], "not float64"),
        ("segment", "centers_", lambda array: array[1:], "not float64"),
        ("segment", "centers_", put(0, 0, value=np.nan), "not finite"),
        ("segment", "exemplars_", lambda array: array.astype(float), "not int64"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(
    members, tmp_path, step, name, change, message
):
    content = pack(edit_array(members, step, name, change))
    assert message in refusal(content, tmp_path / "evil.skops")


def pickled(members):
    """An array of objects, which numpy could only unpickle."""
    name = next(name for name in members if name.endswith(".npy"))
    stream = io.BytesIO()
    np.save(stream, np.array([print], dtype=object), allow_pickle=True)
    return members | {name: stream.getvalue()}


def boasting(members):
    """An array with the header of one of eight terabytes."""
    name = next(name for name in members if name.endswith(".npy"))
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(stream, header)
    return members | {name: stream.getvalue() + bytes(8)}


def numbered(n):
    return as_node("JsonNode", "builtins", "str", content=str(n))


def laughing(schema):
    """Lists of ten times the same list, by what skops calls the identity of objects."""
    node = numbered(1)
    for level in range(1, 40):
        node["__id__"] = level
        same = [as_node("ListNode", "builtins", "list", content=[], __id__=level)] * 9
        node = as_node("ListNode", "builtins", "list", content=[node, *same])
    attribute(schema, "spend", "_left_out").update(node)


def in_itself(schema):
    node = as_node("ListNode", "builtins", "list", __id__=7, content=[{"__id__": 7} | TEXT])
    attribute(schema, "spend", "_left_out").update(node)


def deep(members):
    text = members["versions.json"][:-1] + b', "more": ' + b"[" * 10**5 + b"]" * 10**5 + b"}"
    return members | {"versions.json": text}


def deep_schema(schema):
    node = TEXT
    for _ in range(400):
        node = as_node("ListNode", "builtins", "list", content=[node])
    attribute(schema, "spend", "_left_out").update(node)


def many_values(members, filler):
    begin, end = b'{"__loader__": "JsonNode", "content": [', b"1]}"
    size = model_file.LARGEST - 100 - sum(map(len, members.values()))
    return members | {"schema.json": begin + filler * (size // len(filler)) + end}


WIDE = b'"' + "\N{GLOBE WITH MERIDIANS}aaaaaaaaaaaaa".encode() + b'",'
"""Text in which a letter takes four bytes once it is read."""


def lying(content):
    """A member of 200 MB that is said to be of 100 bytes."""
    content = pack(unpack(content) | {"0.npy": bytes(200_000_000)})
    size = (200_000_000).to_bytes(4, "little")
    assert content.count(size) == 2
    return content.replace(size, (100).to_bytes(4, "little"))


def directory_of_many(content):
    entry = b"PK\x01\x02" + bytes(42)
    n = 300_000
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff" * 2 + (n * 46).to_bytes(4, "little") + bytes(6)
    return entry * n + end


@pytest.mark.parametrize(
    ("bomb", "message"),
    [
        (lambda content: bytes(200_000_000), "more than 16,000,000 bytes"),
        (lambda content: pack(unpack(content) | {"0.npy": bytes(200_000_000)}), "it unpacks to"),
        (lying, "no readable model"),
        (directory_of_many, "200 members"),
        (lambda content: pack({f"{n}.npy": b"" for n in range(300)}), "200 members"),
        (lambda content: pack([("schema.json", b"{}")] * 2), "a member comes twice"),
        (lambda content: pack(boasting(unpack(content))), "not as long as it says"),
        (lambda content: pack(pickled(unpack(content))), "instead of numbers"),
        (lambda content: pack(deep(unpack(content))), "fit together"),
        (lambda content: pack(many_values(unpack(content), b"[],")), "1,000,000 values"),
        (lambda content: pack(many_values(unpack(content), b'"ab",')), "1,000,000 values"),
        (lambda content: pack(many_values(unpack(content), WIDE)), "no readable"),
        (lambda content: pack(edit_schema(unpack(content), deep_schema)), "fit together"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_would_fill_the_memory_is_refused_before_it_does(
    content, tmp_path, bomb, message
):
    path = tmp_path / "bomb.skops"
    path.write_bytes(bomb(content))
    tracemalloc.start()
    with pytest.raises(DataError, match=message) as caught:
        SegmentModel.load(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MUCH
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("share", [laughing, in_itself])
def test_identities_of_objects_mean_nothing(members, tmp_path, share):
    path = tmp_path / "laughing.skops"
    path.write_bytes(pack(edit_schema(members, share)))
    SegmentModel.load(path)


def flip(members, draw):
    """Bytes of a member, which is packed anew: its checksum is right."""
    name = draw.choice(sorted(members))
    data = bytearray(members[name])
    for _ in range(draw.choice([1, 1, 1, 5, 50])):
        data[draw.randrange(len(data))] = draw.randrange(256)
    return pack(members | {name: bytes(data)})


def flip_packed(members, draw):
    content = bytearray(pack(members, draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])))
    for _ in range(draw.choice([1, 1, 5, 50])):
        # The directory, at the end, as often as all else.
        place = draw.choice([draw.randrange(len(content)), -draw.randrange(1, 1500)])
        content[place] = draw.randrange(256)
    return bytes(content)


def truncate(members, draw):
    content = pack(members)
    cut = draw.randrange(len(content))
    return draw.choice([content[:cut], content[cut:], content[:cut] + content[cut + 9 :]])


def truncate_member(members, draw):
    name = draw.choice(sorted(members))
    return pack(members | {name: members[name][: draw.randrange(len(members[name]))]})


def shuffle_members(members, draw):
    first, second = draw.sample(sorted(members), 2)
    rest = {name: members[name] for name in members if name != first}
    return pack(
        draw.choice(
            [
                members | {first: members[second], second: members[first]},
                members | {first: members[second]},
                rest,
                rest | {first + "x": members[first]},
                [*members.items(), (first, members[second])],
            ]
        )
    )


VALUES = [
    None, True, -1, 0, 1, 2, 7, 10**6, 10**12, -(10**40), 0.5, 1e308, float("nan"), [], {}, ["x"],
    {"x": 1}, "", "x", "0", "-1", "6", "1e9", "null", "true", "Infinity", "[]", "[[1]]", "{}",
    '"year"', '"income"', '"both"', "os", "system", "builtins", "eval", CANARY, "run", "dict",
    "str", "json", "numpy", "Pipeline", "FunctionNode", "ObjectNode", "TypeNode", "MethodNode",
    "ListNode", "TupleNode", "NdArrayNode", "JsonNode", "0.npy", "1.npy", "schema.json",
]  # fmt: skip


def edit_node(members, draw):
    """A value of a description, or a whole object by another."""

    def edit(schema):
        for _ in range(draw.choice([1, 1, 1, 3])):
            nodes = [node for _, node in nodes_of(schema)]
            node, other = draw.choice(nodes), draw.choice(nodes)
            key = draw.choice(sorted(node))
            content = node["content"] if isinstance(node.get("content"), dict | list) else None
            action = draw.randrange(6)
            if action == 0:
                node[key] = draw.choice(VALUES)
            elif action == 1:
                del node[key]
            elif action == 2:
                node["content"] = draw.choice(VALUES)
            elif action == 3:
                replace(node, json.loads(json.dumps(other)))
            elif action == 4 and content and isinstance(content, dict):
                content[draw.choice([*content, "transform", "n_periods_"])] = draw.choice(nodes)
            elif action == 5 and content and isinstance(content, list):
                content.append(draw.choice(content))
                content.pop(draw.randrange(len(content)))

    return pack(edit_schema(members, edit))


def replace(node, other):
    node.clear()
    node.update(other)


def edit_number(members, draw):
    """A number of an array, which is still as long."""
    name = draw.choice([name for name in members if name.endswith(".npy")])
    array = np.load(io.BytesIO(members[name]))
    array = array.reshape(-1) if draw.random() < 0.05 else array.copy()
    extremes = [0, 1, -1, 3, 10**6, 2**62, 1e29, 1e31, np.nan, np.inf, -1e-300]
    for _ in range(draw.choice([1, 1, 5])):
        value = draw.choice(extremes)
        if array.dtype.kind == "f" or (np.isfinite(value) and abs(value) < 2**63):
            array.flat[draw.randrange(array.size)] = value
    if draw.random() < 0.2:
        array = array.astype(draw.choice(["f4", "i4", ">f8", "U5", "c16", "f8", "i8", "?"]))
    stream = io.BytesIO()
    np.save(stream, array)
    return pack(members | {name: stream.getvalue()})


DAMAGES = [
    flip, flip_packed, truncate, truncate_member, shuffle_members, edit_node, edit_number,
]  # fmt: skip


@pytest.mark.usefixtures("canary")
@pytest.mark.filterwarnings("ignore:Duplicate name", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_refused_in_one_line_or_is_a_model(
    members, expected, bank_log, tmp_path, damage
):
    for seed in range(EACH):
        content = damage(members, random.Random(seed))
        (tmp_path / "model.skops").write_bytes(content)
        try:
            loaded = SegmentModel.load(tmp_path / "model.skops")
        except DataError as error:
            assert str(error).isprintable()
            assert str(error).startswith(str(tmp_path / "model.skops"))
            continue
        table = loaded.predict(bank_log)
        assert len(table) == len(expected), seed
        assert table["strength"].between(0, 1).all(), seed
        levels = [name for name in table if name.startswith("level")]
        assert table.drop(columns=levels).dtypes.tolist() == (
            expected.drop(columns=[n for n in expected if n.startswith("level")]).dtypes.tolist()
        ), seed


def test_a_frame_of_coefficients_is_refused_with_its_remedy(bank, bank_log, tmp_path):
    model = make_model(bank_log, bank.coefficients)
    with pytest.raises(DataError, match=r"coefficients=frame\.to_dict\(\)"):
        model.save(tmp_path / "model.skops")
    assert list(tmp_path.iterdir()) == []
