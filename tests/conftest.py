"""Small data and small clusters that many tests share."""

import os
import shutil
import sys

import pytest

from skspend import BigFivePersonalityScorer
from skspend.datasets import make_spending


@pytest.fixture(scope="session")
def bank():
    """A synthetic bank of 300 customers, 3 years and 24 categories, as a panel."""
    return make_spending(300, 3, 24, random_state=0)


@pytest.fixture(scope="session")
def bank_log():
    """The same bank as transactions."""
    return make_spending(300, 3, 24, transactions=True, random_state=0).data


@pytest.fixture(scope="session")
def scorer(bank):
    """A scorer that knows all of the bank's categories."""
    return BigFivePersonalityScorer(coefficients=bank.coefficients.to_dict())


@pytest.fixture(scope="session")
def half_scorer(bank):
    """A scorer that knows the first, third, fifth ... of the bank's categories."""
    return BigFivePersonalityScorer(coefficients=bank.coefficients.iloc[::2].to_dict())


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
    """A Spark session on two cores of this machine; where pyspark or Java is missing, a skip."""
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
        # What pandas makes of text.
        .config("spark.sql.execution.arrow.useLargeVarTypes", True)
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium; where it is missing, a skip."""
    path = os.environ.get("SKSPEND_CHROMIUM") or shutil.which("chromium")
    if os.environ.get("CI") != "true":
        pytest.importorskip("playwright")
        if path is None:
            pytest.skip("Needs Chromium: apt-get install chromium, or SKSPEND_CHROMIUM=its path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # WebGL by the processor, for the chart in three dimensions.
        options = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


CLUSTERS = {"dask_client", "spark"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Clusters take long to start and to answer, so their tests are slow ones."""
    for item in items:
        if item.name == "README.md":
            # It shows households of whose spending few categories have a coefficient.
            item.add_marker(pytest.mark.filterwarnings("ignore:Only .* of the spending"))
        if CLUSTERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
