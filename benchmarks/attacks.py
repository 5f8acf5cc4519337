"""Attacks on the package, by group: each is refused in one clear line, or gets the right answer.

The judges come from the tests and from `fuzz.py`; this script draws thousands of attacks for them.
A fault is anything else: a traceback, a lost or wrong number, a half-written file, a changed
global. Each leaves a folder with its files and its message, and the last lines of the output are
the commands that repeat it (the time of a signal is never quite the same). The script exits with 1
if there is any.

    python benchmarks/attacks.py
    python benchmarks/attacks.py --attacks 500 --seed 3 --keep faults
    python benchmarks/attacks.py --seed 3 --again model_files/17
"""

import contextlib
import copy
import json
import os
import pickle
import random
import runpy
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import namedtuple
from decimal import Decimal
from functools import cache, partial
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import click
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from joblib import Parallel, delayed
from sklearn import config_context
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from skspend import BigFivePersonalityScorer, TransactionLog
from skspend.cli import main as skspend
from skspend.datasets import make_spending
from skspend.segmentation import SegmentModel

ROOT = Path(__file__).parents[1]
SHARES = {
    "settings": 0.1, "parameters": 0.1, "threads": 0.04, "sums": 0.2, "files": 0.24,
    "model_files": 0.12, "places": 0.06, "signals": 0.06, "options": 0.08,
}  # fmt: skip
"""Of all attacks; the names are those of methods of the two classes below."""
REFUSED, RIGHT, FAULT = "refused", "right", "fault"
WILD = [None, "", "x", -1, 0, 1, 2, 0.5, 1e300, float("nan"), True, [], {}, "²"]
"""Values for a parameter of an estimator or a place in a model file."""
GOOD = {
    "n_units": [1, 3], "n_networks": [1, 2], "n_init": [1, 2], "epochs": [1, 2], "alpha": [0, 2.5],
    "batch_size": [1, 7, 1000], "learning_rate": [1e-3, 0.1], "l2": [0, 0.1], "max_depth": [1, 2],
    "objective": ["type", "scores", "reconstruct", "y"], "level": ["overall", "period"],
    "state": ["hidden", "both"], "standardize": [True, False], "early_stopping": [True, False],
    "class_weight": [None, "balanced"], "normalize": [None, "spending"], "n_components": [1, 2],
    "random_state": [0, 1, 2**32 - 1], "max_clusters": [2, 5], "dtype": ["float32", "float64"],
    "hidden_units": [(), (2,), [3, 2]], "state_noise": [0, 0.5], "inputs": ["traits", "categories"],
}  # fmt: skip
"""Values for parameters that are right, where the estimator has them."""
TEXTS = ["", "x", "-1", "0", "1", "2", "²", "9" * 30, "1e3", "nan", "\x00", "a\nb", "--", "é" * 300]
"""Values for an option."""
CONTAINERS = {
    "frame": lambda X: X,
    "polars": pl.from_pandas,
    "float64": lambda X: X.astype(np.float64),
    "sparse": lambda X: X.astype(pd.SparseDtype(X.to_numpy().dtype, 0)),
}
SETTINGS = {
    "assume_finite": [False, True], "enable_metadata_routing": [False, True],
    "skip_parameter_validation": [False, True], "enable_cython_pairwise_dist": [False, True],
    "transform_output": ["default", "pandas", "polars"], "working_memory": [1, 64, 1024],
}  # fmt: skip
"""Of scikit-learn, none of which may change an answer."""
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
"""And the exit codes that stand for them."""


@cache
def borrow(path):
    """The globals of a test or of another benchmark."""
    return runpy.run_path(str(ROOT / path))


Attack = namedtuple("Attack", "seed number rng folder")


class Library:
    """Estimators against the answers of a plain fit, and sums against those of a plain reference.

    An attack draws from a generator of its own, and has a folder of its own.
    """

    def __init__(self):
        bank = make_spending(60, 3, 6, random_state=0)
        self.X, self.y = bank.data, bank.default
        scorer = BigFivePersonalityScorer(bank.coefficients.to_dict())
        tests = borrow("tests/test_configuration.py")
        self.answers, self.equal = tests["answers"], tests["assert_equal"]
        self.estimators = {name: make(scorer) for name, make in tests["ESTIMATORS"].items()}
        body = FrozenEstimator(clone(self.estimators["paper's network"]).fit(self.X))
        for transfer in ("TransferRegressor", "TransferClassifier"):
            for how, chosen in tests["TRANSFERS"].items():
                model = tests[transfer](body, random_state=0, **chosen)
                self.estimators[f"{transfer} {how}"] = model
        self.expected = cache(self._expect)

    def _expect(self, name, container="frame"):
        X = CONTAINERS[container](self.X)
        return self.answers(clone(self.estimators[name]).fit(X, self.y), X)

    def settings(self, attack):
        rng = attack.rng
        name, container = rng.choice([*self.estimators]), rng.choice([*CONTAINERS])
        X, estimator = CONTAINERS[container](self.X), clone(self.estimators[name])
        expected = self.expected(name, container)
        with config_context(**{name: rng.choice(values) for name, values in SETTINGS.items()}):
            estimator.fit(X, self.y)
            found = self.answers(estimator, X)
        self.equal(found, expected)
        self.equal(self.answers(estimator, X), expected)
        return RIGHT

    def parameters(self, attack):
        rng = attack.rng
        estimator = clone(self.estimators[rng.choice([*self.estimators])])
        names = sorted(set(estimator.get_params(deep=False)) - {"extractor", "scorer", "clusterer"})
        for name in rng.sample(names, min(len(names), rng.choice([1, 1, 2]))):
            good = GOOD.get(name, [getattr(estimator, name)])
            values = rng.choice([good, good, WILD])
            estimator.set_params(**{name: copy.deepcopy(rng.choice(values))})
        random_state, X = drawn(), self.X.copy()
        try:
            found = self.answers(estimator.fit(X, self.y), X)
        except (ValueError, TypeError, FileNotFoundError) as error:
            is_path = isinstance(getattr(estimator, "coefficients", None), str)
            assert is_path or not isinstance(error, FileNotFoundError), "no path was given"
            assert str(error).strip(), "an error without words"
            found = None
        if getattr(estimator, "random_state", 0) is not None:
            assert drawn() == random_state, "the global generator is drawn from"
        pd.testing.assert_frame_equal(X, self.X)
        if found is None:
            return REFUSED
        assert all(np.isfinite(one).all() for one in found.values() if one.dtype.kind == "f")
        return RIGHT

    def threads(self, attack):
        name, n_jobs = attack.rng.choice([*self.estimators]), attack.rng.choice([2, 3])
        expected, random_state = self.expected(name), drawn()
        fits = Parallel(n_jobs=n_jobs, backend="threading")(
            delayed(lambda one: self.answers(one.fit(self.X, self.y), self.X))(one)
            for one in [clone(self.estimators[name]) for _ in range(3)]
        )
        for found in fits:
            self.equal(found, expected)
        assert drawn() == random_state, "the global generator is drawn from"
        return RIGHT

    def sums(self, attack):
        """A random table through an engine, against a dictionary of exact decimals."""
        rng, reference = attack.rng, borrow("tests/transactions/test_plain_reference.py")
        engines = borrow("tests/transactions/test_engines.py")
        days = np.arange("2019-11-01", "2022-04-01", dtype="M8[D]").tolist()
        rows = rng.choice([1, 3, 20, 60])
        frame = pd.DataFrame(
            {
                "customer": rng.choices(["007", "ann", "bob", "eve", "joe"], k=rows),
                "date": rng.choices(days, k=rows),
                "category": rng.choices(reference["CATEGORIES"], k=rows),
            }
        )
        cents = [rng.randint(-3000, 10000) for _ in range(rows)]
        n_months, n_periods = rng.choice([1, 3, 6, 12]), rng.randint(1, 8)
        makers = engines["IN_MEMORY"] | engines["READ_IN_PIECES"] | engines["LAZY"]
        name = rng.choice([name for name in makers if name not in engines["CLUSTERS"]])
        exact = [Decimal(amount).scaleb(-2) for amount in cents]
        kinds = {"cents": cents, "floats": [float(amount) for amount in exact], "decimals": exact}
        kind = rng.choice([kind for kind in kinds if kind != "decimals" or "csv" not in name])
        frame["amount"] = kinds[kind]
        exact = frame.assign(amount=cents if kind == "cents" else exact)
        sums, spending, income = reference["plain_sums"](exact, n_months, n_periods)
        engine = engines["Engine"](name, makers[name], attack.folder)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        log = engine.read(table, resolution=rng.choice(["day", "month"]))
        assert log.customers.tolist() == sorted(set(frame["customer"])), "other customers"
        assert (log.categories.tolist(), log.income_categories.tolist()) == (spending, income)
        assert log.n_transactions == len(frame), "lost rows"
        equal = partial(np.testing.assert_allclose, rtol=0, atol=1e-8 if kind == "floats" else 0)
        expected = reference["as_panel"](sums, log.customers, n_periods, spending)
        equal(log.sum_spending(n_months, n_periods), expected)
        if income:
            earned = -reference["as_panel"](sums, log.customers, n_periods, income).sum(axis=2)
            equal(log.sum_income(n_months, n_periods), earned)
        return RIGHT


def drawn():
    """The state of NumPy's global generator, which no fit may change."""
    return pickle.dumps(np.random.get_state())  # noqa: NPY002 # old code draws from it


class Commands:
    """Files, places, signals and options through the commands, with models of few epochs."""

    def __init__(self, folder):
        self.fuzz = borrow("benchmarks/fuzz.py")["Fuzz"](folder)
        self.notice = borrow("benchmarks/fuzz.py")["NOTICE"]
        self.run = self.fuzz.run
        self.model, self.data = self.fuzz.models["spending"], folder / "train.parquet"
        self.frame = pd.read_parquet(self.data).drop(columns="income")
        self.log = TransactionLog(self.frame)
        self.calls = {
            "segment": ["segment", self.data, "--depth", 1, "--no-stability", "-o", "out"],
            "predict": ["predict", self.model, self.data, "-o", "out/table.parquet"],
            "report": ["report", self.model, self.data, "--card", "-o", "out/page.html"],
        }
        self.undisturbed = {}
        # The first calls also import.
        for name, call in [*self.calls.items()] * 2:
            with contextlib.chdir(tempfile.mkdtemp(dir=folder)):
                started = time.perf_counter()
                assert self.run(call).exit_code == 0
                seconds = time.perf_counter() - started
                contents = {path.name: path.read_bytes() for path in Path("out").iterdir()}
                self.undisturbed[name] = contents, seconds

    def judge(self, call, folder):
        """One line and nothing left, or results and no temporary files."""
        before = set(folder.rglob("*"))
        done = call()
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        after = set(folder.rglob("*"))
        hidden = [path.name for path in after - before if path.name.startswith(".")]
        assert not hidden, f"temporary files are left: {hidden}"
        if not done.exit_code:
            return RIGHT
        assert done.exit_code == 2, f"exit code {done.exit_code}"
        lines = [line for line in done.stderr.splitlines() if not self.notice.match(line)]
        assert len(lines) == 1 and lines[0].startswith("Error: "), f"stderr {done.stderr!r}"
        assert lines[0].isprintable() and len(lines[0]) < 2000, f"stderr {done.stderr!r}"
        assert after == before, f"half-written: {after - before}"
        return REFUSED

    def files(self, attack):
        before, n_failed = self.fuzz.outcomes.copy(), len(self.fuzz.failures)
        self.fuzz.try_file(attack.seed, attack.number)
        if len(self.fuzz.failures) > n_failed:
            shutil.copytree(self.fuzz.folder / "work", attack.folder, dirs_exist_ok=True)
            raise AssertionError(str(self.fuzz.failures[-1]))
        (outcome,) = self.fuzz.outcomes - before
        return REFUSED if outcome.startswith("error") else RIGHT

    def model_files(self, attack):
        path, again = attack.folder / "model.json", attack.folder / "again.json"
        path.write_bytes(damage(attack.rng, self.model.read_bytes()))
        table = attack.folder / "table.parquet"
        call = ["predict", path, self.data, "-o", table]
        outcome = self.judge(lambda: self.run(call), attack.folder)
        if outcome == RIGHT:
            found, model = pd.read_parquet(table), SegmentModel.load(path)
            assert found["customer"].tolist() == self.log.customers.tolist(), "other customers"
            assert np.isfinite(found["strength"]).all() and found["segment"].notna().all()
            model.save(again)
            names = [json.loads(one.read_bytes())["names"] for one in (path, again)]
            assert names[0] == names[1], "other names"
            pd.testing.assert_frame_equal(SegmentModel.load(again).predict(self.log), found)
        return outcome

    def places(self, attack):
        tests, rng, folder = borrow("tests/cli/test_outputs.py"), attack.rng, attack.folder
        command = rng.choice([*tests["OUTPUTS"]])
        sources = folder / "model.json", folder / "bank.parquet"
        shutil.copy(self.model, sources[0])
        shutil.copy(self.data, sources[1])
        parent = folder / rng.choice(["out", "a/b/c", "model.json", "n" * 300, "é ü", "\udcff"])
        place = rng.choice([*tests["PLACES"], "nothing", "file"])
        if command == "study" and place in ("nothing", "file", "input"):
            command = "predict"  # A study would take minutes.
        output = parent / tests["OUTPUTS"][command]
        is_good = parent.name in ("out", "c", "é ü")
        if is_good:
            parent.mkdir(parents=True)
            if place == "file":
                output.write_text("mine")
            elif place != "nothing":
                tests["PLACES"][place](output, sources[1])
        before = tests["look_at"](folder)
        call = partial(tests["call"], lambda *words: self.run(words), command, *sources, output)
        outcome = self.judge(call, folder)
        is_good &= place in ("nothing", "file")
        assert outcome == (RIGHT if is_good else REFUSED), f"{outcome}: {command} to {place}"
        assert is_good or tests["look_at"](folder) == before, "something changed"
        return outcome

    def signals(self, attack):
        """A signal at any time leaves all results or none; what was there before is kept."""
        rng, folder = attack.rng, attack.folder
        command, sent = rng.choice([*self.calls]), rng.choice([*SIGNALS])
        contents, seconds = self.undisturbed[command]
        before = {rng.choice([*contents, "other.txt"]): b"mine"}
        output = folder / "out"
        output.mkdir()
        for name, content in before.items():
            (output / name).write_bytes(content)
        timer = threading.Timer(rng.uniform(0, 1.2 * seconds), os.kill, (os.getpid(), sent))
        handlers = {one: signal.getsignal(one) for one in SIGNALS}
        code, ignored = None, []

        def ignore(_, frame):
            # Outside of the command, a signal comes too early or too late to do anything.
            called = [call.name for call in traceback.extract_stack(frame)]
            ignored.extend(name for name in called if name.endswith("_file"))

        try:
            for one in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(one, ignore)
            # A shell starts its background jobs with this one ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            with contextlib.chdir(folder), contextlib.suppress(KeyboardInterrupt):
                timer.start()
                done = self.run([*self.calls[command], "--force"])
                code = done.exit_code
                timer.join()
        finally:
            for one, handler in handlers.items():
                signal.signal(one, handler)
        after = {one.name: one.is_file() and one.read_bytes() for one in output.iterdir()}
        if after.get("run.json", b"mine") != b"mine":
            json.loads(after["run.json"])
            after["run.json"] = contents["run.json"]  # It holds times.
        assert after == before | contents or (after == before and code != 0), "a part is written"
        assert not ignored, f"a signal within {ignored} is ignored"
        assert code in (None, 0, SIGNALS[sent]), f"exit code {code}: {done.output}"
        return RIGHT

    def options(self, attack):
        rng, folder = attack.rng, attack.folder
        shutil.copy(self.model, folder / "model.json")
        self.frame.to_csv(folder / "bank.csv", index=False)
        (folder / "table.csv").write_text("customer,age\n1,2\n")
        command = rng.choice(["segment", "predict", "predict", "report"])
        words = [command] + ["model.json"] * (command != "segment") + ["bank.csv"]
        options = [one for one in skspend.commands[command].params if one.opts[-1][:2] == "--"]
        for option in rng.sample(options, rng.choice([1, 2, 2, 3, 5])):
            name = option.opts[-1]
            if name == "--output":
                continue
            words.append(rng.choice([name, name, *option.secondary_opts]))
            if option.is_flag:
                continue
            values = [*TEXTS, *self.frame.columns, "model.json", "bank.csv", "table.csv", ".", "no"]
            is_role = name[2:] in self.frame
            chosen = [name[2:]] if is_role else list(getattr(option.type, "choices", "123"))
            words.append(rng.choice(rng.choice([values, chosen, chosen, chosen])))
        words += ["--no-stability"] * (command == "segment" and rng.random() < 0.8)
        (folder / "command.txt").write_text(repr(words))
        with contextlib.chdir(folder):
            outcome = self.judge(lambda: self.run([*words, "--output", "out"]), folder)
            assert Path("out").exists() == (outcome == RIGHT), "no results"
        return outcome


def damage(rng, content):
    """Change places of a model file, or its bytes."""
    if rng.random() < 0.3:
        return borrow("benchmarks/fuzz.py")["change_bytes"](rng, content)
    document = json.loads(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        place, key = document, None
        while isinstance(place, dict | list) and len(place) and (key is None or rng.random() < 0.9):
            keys = [*place] if isinstance(place, dict) else range(len(place))
            parent, key = place, rng.choice(keys)
            place = parent[key]
        how = rng.randrange(5)
        if key is None:
            break
        if how == 0:
            del parent[key]
        elif how == 1 and isinstance(place, int | float):
            parent[key] = rng.choice([-place, place + 1, place * 1e30, 0, 10**30, place / 3])
        elif how == 2 and isinstance(parent, list):
            parent.insert(key, copy.deepcopy(place))
        elif how == 3 and isinstance(parent, dict):
            parent[rng.choice([*TEXTS, "__class__", "dict"])] = parent.pop(key)
        else:
            parent[key] = copy.deepcopy(rng.choice(WILD))
    return json.dumps(document).encode()


def make(attack_one, seed, number, keep):
    """Make one attack; return its outcome, and keep what reproduces a fault."""
    name = f"{attack_one.__name__}-{seed}-{number}"
    folder = keep / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        outcome = attack_one(Attack(seed, number, random.Random(name), folder))
    except (Exception, SystemExit):
        (folder / "fault.txt").write_text(traceback.format_exc(), "utf-8", "replace")
        return FAULT
    shutil.rmtree(folder)
    return outcome


@click.command()
@click.option("--attacks", default=12_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--keep", default=Path(tempfile.gettempdir(), "attacks"), show_default=True,
              type=click.Path(path_type=Path, resolve_path=True))  # fmt: skip
@click.option("--again", metavar="GROUP/NUMBER", help="Make a single attack again.")
def main(attacks, seed, keep, again):
    """Print the table of all groups."""
    warnings.simplefilter("ignore")
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()
    numbers = {group: range(round(attacks * share)) for group, share in SHARES.items()}
    if again:
        group, _, number = again.rpartition("/")
        numbers = {group: [int(number)]}
    made = []
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        sides = [Library(), Commands(Path(name))]
        for group, chosen in numbers.items():
            attack_one = next(getattr(side, group) for side in sides if hasattr(side, group))
            made += [(group, k, make(attack_one, seed, k, keep)) for k in chosen]
            click.echo(f"{group}: {len(chosen):,} made", err=True)
    made = pd.DataFrame(made, columns=["group", "number", "outcome"])
    click.echo(pd.crosstab(made["group"], made["outcome"], margins=True).to_string())
    faults = made[made["outcome"] == FAULT]
    for fault in faults.itertuples():
        click.echo(
            f"python benchmarks/attacks.py --seed {seed} --again {fault.group}/{fault.number}"
        )
    click.echo(f"Faults: {len(faults)}, kept in {keep}.")
    sys.exit(len(faults) > 0)


if __name__ == "__main__":
    main()
