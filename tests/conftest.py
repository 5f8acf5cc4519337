"""Small data, small clusters and the list of public names that many tests share."""

import os
import pkgutil
import shutil
import sys
from importlib import import_module

if "PYTEST_XDIST_WORKER" in os.environ:
    # There is a worker for each core. The libraries read these numbers when they are imported.
    for library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
        os.environ.setdefault(f"{library}_THREADS", "1")

import pytest
from hypothesis import settings

# On a busy machine any test may take long.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")


@pytest.fixture(scope="session")
def bank():
    """A synthetic bank of 300 customers, 3 years and 24 categories, as a panel."""
    from skspend.datasets import make_spending

    return make_spending(300, 3, 24, random_state=0)


@pytest.fixture(scope="session")
def bank_log():
    """The same bank as transactions."""
    from skspend.datasets import make_spending

    return make_spending(300, 3, 24, transactions=True, random_state=0).data


@pytest.fixture(scope="session")
def scorer(bank):
    """A scorer with coefficients for all categories of the bank."""
    from skspend import BigFivePersonalityScorer

    return BigFivePersonalityScorer(coefficients=bank.coefficients.to_dict())


@pytest.fixture(scope="session")
def half_scorer(bank):
    """A scorer with coefficients for every second category of the bank."""
    from skspend import BigFivePersonalityScorer

    return BigFivePersonalityScorer(coefficients=bank.coefficients.iloc[::2].to_dict())


@pytest.fixture(scope="session")
def public_names():
    """Every public name, such as ``skspend.metrics.temporal_stability``, with its value.

    A name is public if a package exports it, or a module beside the packages: in its ``__all__``.
    """
    import skspend

    modules = [skspend] + [
        import_module(f"skspend.{info.name}")
        for info in pkgutil.iter_modules(skspend.__path__)
        if not info.name.startswith("_")
    ]
    return {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in modules
        for name in getattr(module, "__all__", ())
    }


@pytest.fixture(scope="session")
def dask_client():
    """A Dask cluster of two worker processes."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=False
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def spark():
    """A Spark session on two cores of this machine; skips if pyspark or Java is missing."""
    if os.environ.get("CI") != "true":
        pytest.importorskip("pyspark")
        if not shutil.which("java") and "JAVA_HOME" not in os.environ:
            pytest.skip("Spark needs Java 17")
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", False)
        .config("spark.driver.memory", "1g")
        .config("spark.sql.shuffle.partitions", 4)
        # The Arrow type that pandas uses for text.
        .config("spark.sql.execution.arrow.useLargeVarTypes", True)
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium; skips if it is missing."""
    path = os.environ.get("SKSPEND_CHROMIUM") or shutil.which("chromium")
    if os.environ.get("CI") != "true":
        pytest.importorskip("playwright")
        if path is None:
            pytest.skip("Needs Chromium: apt-get install chromium, or SKSPEND_CHROMIUM=its path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # The chart in three dimensions needs WebGL, which the processor draws.
        options = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


CLUSTERS = {"dask_client", "spark"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark tests of clusters as slow: a cluster takes long to start and to answer."""
    for item in items:
        if CLUSTERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
